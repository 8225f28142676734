"""Looking at an experiment before its end: bounds, futility, estimates after stopping, always-valid intervals."""
