"""Whom a treatment moves, who pays, and whom to leave alone."""
