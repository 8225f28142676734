"""The version of the distribution; the build reads it from here, so it stands nowhere else."""

__version__ = "0.1.0"
