"""Storage to frames and back, for Dagster: any Python asset may read a node, and be read by one."""
