"""Shared ground of both packages: errors, tables, findings, estimates, display. Imports nothing above it."""
