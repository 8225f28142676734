"""The rule models inside the engine that holds the tables: one graph of joins, filters, windows and groups."""
