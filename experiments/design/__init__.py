"""Design: assignment, checks of the randomisation, and the size of an experiment."""
