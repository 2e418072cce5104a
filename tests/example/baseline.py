"""What the example must give, worked out with plain Polars and nothing of ours.

Times are found another way than in the example: by the rules of the time zone, not by offsets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

LANDING = Path(__file__).parents[2] / "example_project" / "data" / "landing"
NEW_YORK = "America/New_York"


@dataclass(frozen=True)
class Baseline:
    """The example's tables, from the landed files in `folder`."""

    folder: Path = LANDING

    def read(self, path: str) -> pl.DataFrame:
        return pl.read_csv(self.folder / path, null_values=["NA", ""], infer_schema_length=None)

    @cached_property
    def landed(self) -> pl.DataFrame:
        return self.read("flights/*.csv")

    @cached_property
    def weather(self) -> pl.DataFrame:
        return self.read("weather.csv")

    @cached_property
    def airports(self) -> pl.DataFrame:
        return self.read("airports.csv")

    @cached_property
    def judged(self) -> pl.DataFrame:
        """One row per flight: the overlap of the drops repeats whole rows."""
        date = pl.date(pl.col.year, pl.col.month, pl.col.day)
        at = date.cast(pl.Datetime("us")) + pl.duration(hours=pl.col.hour, minutes=pl.col.minute)
        return self.landed.unique().with_columns(
            scheduled_utc=at.dt.replace_time_zone(NEW_YORK, ambiguous="earliest")
            .dt.convert_time_zone("UTC")
            .dt.replace_time_zone(None)
        )

    @cached_property
    def flights(self) -> pl.DataFrame:
        """What is published: every flight with a tail number."""
        return self.judged.filter(pl.col.tailnum.is_not_null())

    @property
    def rows(self) -> dict[str, int]:
        """Stored rows by `pipeline/node`."""
        flights = self.flights
        bronze = {name: self.read(f"{name}.csv").height for name in ("airlines", "planes")}
        routes = flights.group_by("origin", "dest").len().filter(pl.col.len >= 100)
        return {
            "bronze/flights": self.landed.height,
            "bronze/weather": self.weather.height,
            "bronze/planes": bronze["planes"],
            "bronze/airports": self.airports.height,
            "bronze/airlines": bronze["airlines"],
            "silver/weather": self.weather.height,
            "silver/planes": bronze["planes"],
            "silver/flights": flights.height,
            "silver/flights__quarantine": self.judged.height - flights.height,
            "gold/delays_by_carrier_month": flights.n_unique(["carrier", "month"]),
            "gold/delays_by_origin_hour": flights.n_unique(["origin", "hour"]),
            "gold/worst_routes": min(20, routes.height),
            "gold/delays_by_weather": self.by_weather.height,
        }

    @property
    def broken(self) -> dict[str, int]:
        """Broken rows by `pipeline/node:check`, where any are expected."""
        judged = self.judged
        known = self.weather.select("origin", "time_hour")
        odd = judged.filter(~pl.col.tailnum.str.contains(r"^N[0-9A-Z]{1,5}$"))
        stranger = judged.join(self.airports, left_on="dest", right_on="faa", how="anti")
        return {
            "silver/flights:not_null_tailnum": judged["tailnum"].null_count(),
            "silver/flights:regex_match_tailnum": odd.height,
            "silver/flights:dest_is_registered": stranger.height,
            "silver/flights:weather_is_known": judged.join(
                known, on=["origin", "time_hour"], how="anti"
            ).height,
            "silver/weather:not_null_pressure_mb": self.weather["pressure"].null_count(),
            "silver/planes:not_null_built": self.read("planes.csv")["year"].null_count(),
        }

    @cached_property
    def by_weather(self) -> pl.DataFrame:
        """Flights and mean delay in fog, rain, wind and fair weather."""
        kind = (
            pl.when((pl.col.visib * 1.609344).round(1) < 5)
            .then(pl.lit("fog"))
            .when((pl.col.precip.fill_null(0) * 25.4).round(1) > 0)
            .then(pl.lit("rain"))
            .when((pl.col.wind_speed * 1.609344).round(1) >= 35)
            .then(pl.lit("wind"))
            .otherwise(pl.lit("fair"))
        )
        flown = self.flights.filter(pl.col.dep_time.is_not_null())
        joined = flown.join(self.weather, on=["origin", "time_hour"])
        means = joined.group_by(kind.alias("weather")).agg(
            flights=pl.len().cast(pl.Int64), mean_dep_delay=pl.col.dep_delay.mean()
        )
        return means.sort("weather")

    @cached_property
    def by_origin_hour(self) -> pl.DataFrame:
        """Flights, cancellations and mean delay of departure by airport and hour."""
        return (
            self.flights.group_by("origin", "hour")
            .agg(
                flights=pl.len().cast(pl.Int64),
                cancelled=pl.col.dep_time.null_count().cast(pl.Int64),
                mean_dep_delay=pl.col.dep_delay.mean().round(2),
            )
            .sort("origin", "hour")
        )

    @cached_property
    def worst_routes(self) -> pl.DataFrame:
        """The twenty routes of at least a hundred flights that arrive latest."""
        means = self.flights.group_by("origin", "dest").agg(
            flights=pl.len().cast(pl.Int64), mean_arr_delay=pl.col.arr_delay.mean().round(2)
        )
        order = ["mean_arr_delay", "origin", "dest"]
        often = means.filter(pl.col.flights >= 100)
        return often.sort(order, descending=[True, False, False]).head(20)

    @cached_property
    def by_carrier_month(self) -> pl.DataFrame:
        """Flights, cancellations, late arrivals and mean delays by airline and month."""
        return (
            self.flights.group_by("carrier", "month")
            .agg(
                flights=pl.len().cast(pl.Int64),
                cancelled=pl.col.dep_time.null_count().cast(pl.Int64),
                late=(pl.col.arr_delay > 15).sum().cast(pl.Int64),
                mean_dep_delay=pl.col.dep_delay.mean(),
                mean_arr_delay=pl.col.arr_delay.mean(),
            )
            .sort("month", "carrier")
        )


if __name__ == "__main__":
    for table in (Baseline().rows, Baseline().broken):
        print("\n".join(f"{name:50}{count:>8}" for name, count in table.items()))
