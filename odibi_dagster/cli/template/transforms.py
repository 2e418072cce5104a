"""Steps of your own: `function: NAME` in odibi.yaml. A lazy frame in, a lazy frame out."""

import polars as pl

from odibi_dagster import transform


@transform
def clean_countries(context, column: str):
    """Country codes as two capital letters."""
    return context.df.with_columns(pl.col(column).str.strip_chars().str.to_uppercase())
