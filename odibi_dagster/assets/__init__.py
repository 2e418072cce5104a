"""Dagster's face: nodes as assets, contracts as asset checks, one op that publishes."""
