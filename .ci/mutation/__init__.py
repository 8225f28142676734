"""Mutation tests: would the tests notice if a number were computed wrongly? See docs/internals/mutants.md."""
