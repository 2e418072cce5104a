"""The op that is said outright is the one that Dagster's own decorator would have made."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from odibi_dagster import OdibiTranslator
from odibi_dagster.assets.translator import OdibiNode
from odibi_dagster.checks.base import Contract
from tests.assets.support import Shop

NODES = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {connection: lake, format: csv, path: orders.csv}
        validation:
          tests:
            - {type: range, column: amount, min: 0, on_fail: quarantine}
            - {type: not_null, columns: [id]}
        write: {connection: lake, format: parquet, path: out/orders.parquet, mode: append}
      - name: rates
        inputs: {rates: {asset: team/rates}, orders: $bronze.orders}
        transform: {steps: ["SELECT * FROM orders"]}
"""


@pytest.fixture
def nodes(shop: Shop) -> Shop:
    shop.write(NODES)
    return shop


def _said(asset: dg.AssetsDefinition) -> dict[str, Any]:
    op = asset.op
    config = op.config_schema.as_field()
    return {
        "inputs": set(asset.keys_by_input_name.values()),
        "needs": {each.dagster_type.is_nothing for each in op.input_defs},
        "outputs": {
            each.name: (each.dagster_type.key, each.is_required, each.io_manager_key, each.metadata)
            for each in op.output_defs
        },
        "keys": asset.keys_by_output_name,
        "checks": asset.check_specs_by_output_name,
        "resources": op.required_resource_keys,
        "pool": op.pool,
        "config": (config.is_required, config.config_type.key),
        "subset": asset.can_subset,
        "specs": list(asset.specs),
    }


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_it_is_what_the_decorator_makes_of_the_same_specs(nodes: Shop) -> None:
    orders, rates = nodes.assets()
    for asset in (orders, rates):
        decorated = dg.multi_asset(
            name=asset.op.name,
            specs=list(asset.specs),
            check_specs=list(asset.check_specs),
            can_subset=True,
            resource_defs=asset.resource_defs,
            pool=asset.op.pool,
        )(lambda context: None)
        assert _said(asset) == _said(decorated)
    assert len(_said(orders)["outputs"]) == 4


class OneName(OdibiTranslator):
    """Every check of a node has the same name."""

    def get_check_spec(
        self, data: OdibiNode, contract: Contract, name: str, spec: dg.AssetSpec
    ) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec("promise", asset=spec.key)


class Elsewhere(OdibiTranslator):
    """Checks are about an asset that the node does not make."""

    def get_check_spec(
        self, data: OdibiNode, contract: Contract, name: str, spec: dg.AssetSpec
    ) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec(name, asset="elsewhere")


@pytest.mark.parametrize(
    ("translator", "said"),
    [
        (OneName(), "two checks of bronze/orders have the name promise"),
        (Elsewhere(), "elsewhere:range_amount is about none of"),
    ],
)
def test_a_translator_that_mixes_checks_up_is_told(
    nodes: Shop, translator: OdibiTranslator, said: str
) -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError, match=said):
        nodes.assets(translator=translator)
