"""Specs, views, selections and Python assets: what Dagster sees of a project."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from odibi_dagster import OdibiTranslator, build_odibi_definitions, load_odibi_assets
from odibi_dagster.assets.translator import OdibiNode
from odibi_dagster.errors import ConfigError
from odibi_dagster.io_managers.polars import PolarsIOManager
from tests.assets.support import HEAD, Shop, keys

SHOP = """
dagster: {owners: ["team:shop"], tags: {domain: sales}}
pipelines:
  - pipeline: bronze
    tags: [landed]
    nodes:
      - name: orders
        description: Orders as they land.
        tags: [daily]
        columns: {id: {type: bigint, nullable: false, description: The key}}
        read: {connection: lake, format: csv, path: orders.csv}
        validation:
          tests: [{type: range, column: amount, min: 0, on_fail: quarantine}]
        write: {connection: lake, format: parquet, path: out/orders.parquet}
  - pipeline: silver
    nodes:
      - name: big
        inputs: {o: $bronze.orders}
        transform: {steps: ["SELECT * FROM o WHERE amount > 10"]}
      - name: counted
        depends_on: [big]
        transform: {steps: ["SELECT COUNT(*) AS n FROM big"]}
        write: {connection: lake, format: delta, path: out/counted}
"""


ORDERS = {"bronze/orders", "bronze/orders__quarantine"}


@pytest.fixture
def full(shop: Shop) -> Shop:
    shop.write(SHOP)
    shop.land("orders.csv", "id,amount\n1,5.0\n2,50.0\n3,-1.0\n")
    return shop


def _specs(assets: list[dg.AssetsDefinition]) -> dict[str, dg.AssetSpec]:
    return {"/".join(s.key.path): s for a in assets for s in a.specs}


def test_one_asset_per_node_and_quarantine(full: Shop) -> None:
    specs = _specs(full.assets())
    assert set(specs) == {
        "bronze/orders",
        "bronze/orders__quarantine",
        "silver/big",
        "silver/counted",
    }
    orders = specs["bronze/orders"]
    assert orders.group_name == "bronze"
    assert orders.description == "Orders as they land."
    assert orders.owners == ["team:shop"]
    assert {"domain": "sales", "daily": "", "landed": ""}.items() <= orders.tags.items()
    assert {"polars", "parquet"} <= orders.kinds
    assert orders.skippable
    assert not orders.is_virtual
    assert orders.code_version
    schema = orders.metadata["dagster/column_schema"].columns
    assert [(c.name, c.constraints.nullable, c.description) for c in schema] == [
        ("id", False, "The key")
    ]
    assert specs["silver/big"].is_virtual
    assert {d.asset_key for d in specs["silver/big"].deps} == {orders.key}


def test_the_code_reference_names_the_line(full: Shop) -> None:
    spec = _specs(full.assets())["silver/counted"]
    reference = spec.metadata["dagster/code_references"].code_references[0]
    lines = Path(reference.file_path).read_text(encoding="utf-8").splitlines()
    assert "name: counted" in lines[reference.line_number - 1]


def test_every_check_that_can_be_an_error_blocks(full: Shop) -> None:
    for asset in full.assets():
        assert all(spec.blocking for spec in asset.check_specs)


def test_a_view_stores_nothing_and_its_rows_reach_consumers(full: Shop) -> None:
    run = full.run()
    assert run.ok
    assert pl.read_delta(str(full.root / "lake/out/counted")).to_dicts() == [{"n": 1}]
    assert {p.name for p in (full.root / "lake/out").iterdir()} == {
        "orders.parquet",
        "orders_error.parquet",
        "counted",
    }
    schema = run.metadata("silver/big")["dagster/column_schema"]
    assert [column.name for column in schema.columns] == ["id", "amount"]


def test_materializations_say_what_was_published(full: Shop) -> None:
    metadata = full.run().metadata("bronze/orders")
    assert metadata["dagster/row_count"] == 2
    assert metadata["bytes"] == (full.root / "lake/out/orders.parquet").stat().st_size
    assert metadata["dagster/uri"] == (full.root / "lake/out/orders.parquet").as_uri()
    assert [c.name for c in metadata["dagster/column_schema"].columns] == ["id", "amount"]


def test_python_assets_stand_on_both_sides(full: Shop) -> None:
    full.write(
        """
        pipelines:
          - pipeline: bronze
            nodes:
              - name: orders
                inputs: {raw: {asset: team/raw}}
                transform: {steps: ["SELECT * FROM raw WHERE amount > 0"]}
                write: {connection: lake, format: parquet, path: out/orders.parquet}
              - name: doubled
                depends_on: [orders]
                transform: {steps: ["SELECT id, amount * 2 AS amount FROM df"]}
              - name: view_of_python
                inputs: {raw: {asset: team/raw}}
                transform: {steps: ["SELECT id FROM raw"]}
        """
    )
    seen: dict[str, object] = {}

    @dg.asset(key=["team", "raw"], io_manager_key="frames")
    def raw() -> pl.LazyFrame:
        return pl.LazyFrame({"id": [1, 2], "amount": [3.0, -3.0]})

    @dg.asset(
        ins={
            "lazy": dg.AssetIn(dg.AssetKey(["bronze", "orders"])),
            "eager": dg.AssetIn(dg.AssetKey(["bronze", "doubled"])),
        }
    )
    def report(lazy: pl.LazyFrame, eager: pl.DataFrame) -> None:
        seen["lazy"], seen["eager"] = lazy.collect().to_dicts(), eager.to_dicts()

    @dg.asset(
        ins={
            "untyped": dg.AssetIn(dg.AssetKey(["bronze", "doubled"])),
            "view": dg.AssetIn(dg.AssetKey(["bronze", "view_of_python"])),
        }
    )
    def loose(untyped, view: pl.DataFrame) -> None:  # type: ignore[no-untyped-def]
        seen["untyped"], seen["view"] = type(untyped), view["id"].to_list()

    definitions = dg.Definitions(
        assets=[raw, report, loose, *full.assets()],
        resources={"frames": PolarsIOManager(base_dir=full.root / "python")},
    )
    job = definitions.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=full.instance).success
    assert seen == {
        "lazy": [{"id": 1, "amount": 3.0}],
        "eager": [{"id": 1, "amount": 6.0}],
        "untyped": pl.LazyFrame,
        "view": [1, 2],
    }
    assert (full.root / "python/team/raw.parquet").exists()


def test_a_key_prefix_goes_before_every_key(full: Shop) -> None:
    specs = _specs(full.assets(key_prefix=["eu", "shop"]))
    assert "eu/shop/bronze/orders__quarantine" in specs
    assert {d.asset_key.path[0] for s in specs.values() for d in s.deps} == {"eu"}


def test_two_projects_share_one_definitions(full: Shop, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    text = (HEAD + SHOP).replace("project: shop", "project: other")
    (other / "odibi.yaml").write_text(text.replace("./lake", "../lake"), encoding="utf-8")
    definitions = dg.Definitions(
        assets=[
            *full.assets(key_prefix="a"),
            *load_odibi_assets(other / "odibi.yaml", key_prefix="b"),
        ]
    )
    job = definitions.resolve_implicit_global_asset_job_def()
    assert len(job.graph.node_defs) == 6


def test_definitions_merge_and_hold_a_job_per_pipeline(full: Shop) -> None:
    @dg.asset
    def other() -> None: ...

    built = build_odibi_definitions(full.config)
    merged = dg.Definitions.merge(built, dg.Definitions(assets=[other]))
    names = {job.name for job in merged.resolve_all_job_defs() if not job.name.startswith("__")}
    assert names == {"shop_bronze", "shop_silver"}
    result = merged.resolve_job_def("shop_bronze").execute_in_process(instance=full.instance)
    assert result.success


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("silver", {"silver/big", "silver/counted"}),
        ("silver/big", {"silver/big"}),
        (
            "+silver/counted",
            {"bronze/orders", "bronze/orders__quarantine", "silver/big", "silver/counted"},
        ),
        (
            "bronze/orders+",
            {"bronze/orders", "bronze/orders__quarantine", "silver/big", "silver/counted"},
        ),
        (
            ["bronze/orders", "silver/big"],
            {"bronze/orders", "bronze/orders__quarantine", "silver/big"},
        ),
        ('key:"silver/big"', {"silver/big"}),
    ],
)
def test_selections(full: Shop, select: str, expected: set[str]) -> None:
    assert set(_specs(full.assets(select=select))) == expected


def test_an_unknown_selection_is_a_clear_error(full: Shop) -> None:
    with pytest.raises(
        ConfigError, match="nothing is called 'silver/bgi'; did you mean 'silver/big'"
    ):
        full.assets(select="silver/bgi")


def test_a_translator_answers_its_questions(full: Shop) -> None:
    class Mine(OdibiTranslator):
        def get_asset_spec(self, data: OdibiNode) -> dg.AssetSpec:
            spec = super().get_asset_spec(data)
            return spec.replace_attributes(key=["mine", data.node.id.name], owners=["team:x"])

        def get_check_spec(self, data, contract, name, spec):  # type: ignore[no-untyped-def]
            return super().get_check_spec(data, contract, f"{name}_v2", spec)

    specs = _specs(full.assets(translator=Mine()))
    assert {"mine/orders", "mine/orders__quarantine", "mine/big", "mine/counted"} == set(specs)
    assert specs["mine/counted"].owners == ["team:x"]
    assert {d.asset_key for d in specs["mine/counted"].deps} == {dg.AssetKey(["mine", "big"])}
    run = full.run(translator=Mine())
    assert run.ok
    assert run.checks == {"range_amount_v2": (False, "WARN")}


def test_a_disabled_node_is_external_and_its_table_is_read(full: Shop) -> None:
    assert full.run().ok
    full.write(
        SHOP.replace("      - name: orders\n", "      - name: orders\n        enabled: false\n")
    )
    assert not _specs(full.assets())["bronze/orders"].is_virtual
    run = full.run(keys("silver/big", "silver/counted"))
    assert run.ok
    assert run.materialized == {"silver/big", "silver/counted"}


def test_a_disabled_node_that_was_never_stored_is_said_to_be_disabled(full: Shop) -> None:
    full.write(SHOP.replace("name: orders\n", "name: orders\n        enabled: false\n"))
    assert "and it is disabled" in full.run(keys("silver/big", "silver/counted")).failures[0]


def test_new_data_makes_consumers_stale(full: Shop) -> None:
    versions = []
    for text in ("id,amount\n1,5.0\n", "id,amount\n1,6.0\n"):
        full.land("orders.csv", text)
        full.run()
        event = full.instance.get_latest_materialization_event(dg.AssetKey(["bronze", "orders"]))
        assert event is not None
        assert event.asset_materialization is not None
        versions.append(event.asset_materialization.tags["dagster/data_version"])
    assert versions[0] != versions[1]


def test_relative_paths_start_at_the_calling_file(full: Shop) -> None:
    code = full.root / "definitions.py"
    code.write_text(
        "from odibi_dagster import load_odibi_assets\nassets = load_odibi_assets('odibi.yaml')\n"
    )
    scope = {"__file__": str(code)}
    exec(compile(code.read_text(), str(code), "exec"), scope)
    assert len(scope["assets"]) == 3


def test_a_node_is_read_before_it_is_stored(full: Shop) -> None:
    run = full.run(keys("silver/counted"))
    assert not run.ok
    assert "bronze/orders is not stored yet" in run.failures[0]


def test_a_changed_function_of_the_project_changes_the_code_version(shop: Shop) -> None:
    functions = (
        "from odibi_dagster import transform\n\n@transform\ndef add(context):\n"
        "    return context.df  # {}\n"
    )
    shop.write(
        """
        pipelines:
          - pipeline: p
            nodes:
              - {name: own, read: &r {connection: lake, format: csv, path: a.csv}, transformer: add}
              - {name: other, read: *r}
        """
    )
    versions = []
    for text in ("one", "two"):
        (shop.root / "transforms.py").write_text(functions.format(text))
        specs = _specs(shop.assets())
        versions.append((specs["p/own"].code_version, specs["p/other"].code_version))
    assert versions[0][0] != versions[1][0]
    assert versions[0][1] == versions[1][1]


def test_freshness_sla_is_a_freshness_policy(shop: Shop) -> None:
    """What the node says goes before what its pipeline says."""
    sla = "    freshness_sla: 1d\n    nodes:\n"
    own = "        dagster: {freshness: 2h}\n        inputs:"
    shop.write(SHOP.replace("    nodes:\n", sla).replace("        inputs:", own, 1))
    specs = _specs(shop.assets())
    hour = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=2))
    day = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=1))
    assert specs["bronze/orders"].freshness_policy == day
    assert specs["silver/counted"].freshness_policy == day
    assert specs["silver/big"].freshness_policy == hour


class Daily(OdibiTranslator):
    """Nodes that are materialized day by day."""

    def get_asset_spec(self, data: OdibiNode) -> dg.AssetSpec:
        days = dg.StaticPartitionsDefinition(["monday", "tuesday"])
        return super().get_asset_spec(data).replace_attributes(partitions_def=days)


def test_an_evaluation_says_which_partition_it_was_of(full: Shop) -> None:
    orders = full.assets(translator=Daily(), select="bronze")
    done = dg.materialize(orders, instance=full.instance, partition_key="monday")
    assert {each.partition for each in done.get_asset_check_evaluations()} == {"monday"}
