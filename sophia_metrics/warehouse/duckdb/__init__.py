"""The DuckDB warehouse: day files, a small state file, and published versions."""
