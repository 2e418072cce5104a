"""The contracts of a node, each built by the class that owns its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.checks.base import Contract, OnFail, contracts
from odibi_dagster.config.later import lookup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from odibi_dagster.config.report import Loc
    from odibi_dagster.config.site import Setting, Site

Found = list[tuple[Contract, "Loc"]]
"""Contracts, and where each stands."""

INPUT_PREFIX = "input_"


def build_contracts(site: Site, setting: Setting) -> tuple[Found, Found]:
    """Promises about the input (`contracts`) and the output (`validation.tests`)."""
    config, validation = site.config, site.config.validation
    before = list(_built(config.contracts, (*site.at, "contracts"), setting))
    tests = validation.tests if validation else []
    after = list(_built(tests, (*site.at, "validation", "tests"), setting))
    if validation and validation.mode == "warn":
        after = [(_softened(contract), at) for contract, at in after]
    _refuse_equal_names(before, after, setting)
    return before, after


def _built(written: Sequence[dict[str, Any]], at: Loc, setting: Setting) -> Iterator[Any]:
    for index, params in enumerate(written):
        place = (*at, index)
        contract = _contract(params, place, setting)
        for part in contract.parts() if contract else ():
            yield part, place


def _contract(params: dict[str, Any], at: Loc, setting: Setting) -> Contract | None:
    rest = dict(params)
    kind = rest.pop("type", None)
    if not isinstance(kind, str):
        message = "missing key 'type'" if kind is None else "type: expected string; quote it"
        setting.report.error(message, at)
        return None
    try:
        cls: type[Contract] = lookup(contracts, kind)
    except ValueError as error:
        setting.report.error(str(error), (*at, "type"))
        return None
    return setting.build(cls, rest, at)


def _softened(contract: Contract) -> Contract:
    """Under `validation.mode: warn` no test blocks."""
    if contract.on_fail not in (OnFail.FAIL, OnFail.HALT):
        return contract
    return contract.model_copy(update={"on_fail": OnFail.WARN})


def _refuse_equal_names(before: Found, after: Found, setting: Setting) -> None:
    named = [(INPUT_PREFIX + contract.check_name, at) for contract, at in before]
    named += [(contract.check_name, at) for contract, at in after]
    seen: set[str] = set()
    for name, at in named:
        if name.casefold() in seen:
            setting.report.error(f"two checks are called '{name}'; give one a name: of its own", at)
        seen.add(name.casefold())


def quarantining(before: Found, after: Found) -> bool:
    """Whether any contract sets broken rows aside."""
    return any(contract.on_fail is OnFail.QUARANTINE for contract, _ in [*before, *after])
