"""odibi.yaml in, a native Dagster asset graph out."""
