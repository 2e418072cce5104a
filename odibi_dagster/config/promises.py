"""The contracts of a node, each built by the class that owns its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.checks.base import Contract, OnFail, RowContract, contracts
from odibi_dagster.checks.gate import Gate, is_meant
from odibi_dagster.checks.gate_config import ACTIONS
from odibi_dagster.config.later import lookup
from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from odibi_dagster.checks.gate_config import GateConfig
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
    is_soft = validation is not None and validation.mode == "warn"
    if is_soft:
        after = [(contract.softened(), at) for contract, at in after]
    if validation and validation.gate:
        at = (*site.at, "validation", "gate")
        gate = _gate(validation.gate, after, at, setting)
        after.append((gate.softened() if is_soft else gate, at))
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


def _gate(config: GateConfig, tests: Found, at: Loc, setting: Setting) -> Gate:
    """The gate over all row-level tests; a threshold that names none of them is an error."""
    rules = tuple(test for test, _ in tests if isinstance(test, RowContract))
    known = {name for rule in rules for name in (rule.name, rule.check_name, rule.kind) if name}
    for place, threshold in enumerate(config.thresholds):
        if threshold.test not in known:
            reason = _unknown_test(threshold.test, known, [test for test, _ in tests])
            setting.report.error(reason, (*at, "thresholds", place, "test"))
    return Gate(config=config, rules=rules, on_fail=ACTIONS[config.on_fail])


def _unknown_test(name: str, known: Iterable[str], tests: Sequence[Contract]) -> str:
    if any(is_meant(name, test) for test in tests):
        return f"'{name}' judges the frame as a whole: it has no share of rows that pass"
    hint = did_you_mean(name, known) if known else "no test judges rows"
    return f"'{name[:60]}' is neither the name nor the type of a test; {hint}"


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
