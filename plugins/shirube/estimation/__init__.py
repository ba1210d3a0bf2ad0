"""Statistics that SQL is no home for: estimated from the core, read by the marts as Parquet.

An estimator is a module with `NAME`, `SCHEMA`, `READS` and `estimate`; `step` runs all of them between dbt's
core and its marts. What they compute lives in modules of its own beside them, free of files and databases.
"""
