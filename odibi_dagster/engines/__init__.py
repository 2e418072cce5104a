"""How to compute: four verbs over named formats, once for Polars and once for Spark."""
