"""Several campaigns of one programme together."""
