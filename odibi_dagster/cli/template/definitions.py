"""The project as Dagster sees it."""

import dagster as dg

from odibi_dagster import load_odibi_assets

defs = dg.Definitions(assets=load_odibi_assets("odibi.yaml"), executor=dg.in_process_executor)
