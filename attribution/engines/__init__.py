"""The same credit where the data lives: DuckDB, Polars, Spark, Ibis, files larger than memory."""
