"""What the register of airports promises, as a pandera model: see bronze/airports in odibi.yaml."""

import pandera.polars as pa


class Airports(pa.DataFrameModel):
    """Every airport has a code of its own and lies somewhere on Earth."""

    faa: str = pa.Field(unique=True, str_matches=r"^[A-Z0-9]{3}$")
    name: str
    lat: float = pa.Field(in_range={"min_value": -90, "max_value": 90})
    lon: float = pa.Field(in_range={"min_value": -180, "max_value": 180})
