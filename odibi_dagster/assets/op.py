"""The op of a node, and the assets and checks that come out of it.

`@dg.multi_asset` would read inputs, resources, config and types off the function, with Python's
`inspect`, seven times for each node; here they are said. That takes half the time (measured).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Compute = Callable[[dg.AssetExecutionContext, Mapping[str, Any]], Iterator[Any]]

_NO_CONFIG = dg.Field({})
_AFTER = dg.In(dg.Nothing)
"""An input that only says what must have run before: nodes read storage for themselves."""
_CHECK = dg.Out(None, is_required=False)


def assets_of_op(
    name: str,
    compute: Compute,
    specs: Sequence[dg.AssetSpec],
    checks: Sequence[dg.AssetCheckSpec],
    *,
    resources: Mapping[str, dg.ResourceDefinition],
    pool: str | None,
) -> dg.AssetsDefinition:
    """The assets and checks that `compute` yields results for, any of which may be selected alone.

    Loaded by the IO manager that each spec names. DagsterInvalidDefinitionError where two of them
    have one name, or a check is about another asset: a translator can say so.
    """
    outputs = {spec.key.to_python_identifier(): spec for spec in specs}
    checked = {check.get_python_identifier(): check for check in checks}
    _vet(outputs, checked, checks)
    before = dict.fromkeys(dep.asset_key for spec in specs for dep in spec.deps)
    inputs = {key.to_python_identifier(): key for key in before}
    op = dg.OpDefinition(
        compute_fn=compute,
        name=name,
        ins=dict.fromkeys(inputs, _AFTER),
        outs={output: _out(spec) for output, spec in outputs.items()}
        | dict.fromkeys(checked, _CHECK),
        config_schema=_NO_CONFIG,
        required_resource_keys=set(resources),
        pool=pool,
    )
    return dg.AssetsDefinition(
        keys_by_input_name=inputs,
        keys_by_output_name={output: spec.key for output, spec in outputs.items()},
        node_def=op,
        can_subset=True,
        resource_defs=resources,
        check_specs_by_output_name=checked,
        specs=specs,
    )


def _out(spec: dg.AssetSpec) -> dg.Out:
    return dg.Out(
        None,
        is_required=False,
        io_manager_key=spec.metadata["dagster/io_manager_key"],
        metadata=spec.metadata,
        code_version=spec.code_version,
    )


def _vet(
    outputs: Mapping[str, dg.AssetSpec],
    checked: Mapping[str, dg.AssetCheckSpec],
    checks: Sequence[dg.AssetCheckSpec],
) -> None:
    keys = {spec.key for spec in outputs.values()}
    for check in checks:
        if checked[check.get_python_identifier()] is not check:
            msg = f"two checks of {check.asset_key.to_user_string()} have the name {check.name}"
            raise dg.DagsterInvalidDefinitionError(msg)
        if check.asset_key not in keys or check.get_python_identifier() in outputs:
            shown = ", ".join(sorted(key.to_user_string() for key in keys))
            name = check.key.to_user_string()
            msg = f"check {name} is about none of the assets {shown}, or has the name of one"
            raise dg.DagsterInvalidDefinitionError(msg)
