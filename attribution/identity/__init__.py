"""Identity: which customer numbers are one person."""

from attribution.identity.resolution import resolve_identity
from attribution.identity.result import Identity

__all__ = ["Identity", "resolve_identity"]
