"""`schema`: what each mode makes of each way in which columns change."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pytest

from odibi_dagster.checks.base import Column, contracts
from tests.checks.frames import judged, make

MODES = ("strict", "compatible", "evolve")
BEFORE = {"id": nw.Int64(), "größe": nw.Int16()}
ROWS: dict[str, tuple[dict[str, str], tuple[Any, ...]]] = {
    "the same": ({"id": "int", "größe": "small"}, (1, 2)),
    "another order": ({"größe": "small", "id": "int"}, (2, 1)),
    "dropped": ({"id": "int"}, (1,)),
    "added": ({"id": "int", "größe": "small", "new": "text"}, (1, 2, "x")),
    "widened": ({"id": "int", "größe": "int"}, (1, 2)),
    "narrowed": ({"id": "small", "größe": "small"}, (1, 2)),
    "renamed": ({"id": "int", "size": "small"}, (1, 2)),
    "another type": ({"id": "text", "größe": "small"}, ("1", 2)),
}
DIFFS = {
    "dropped": "- größe Int16",
    "added": "+ new String",
    "widened": "~ größe Int16 -> Int64",
    "narrowed": "~ id Int64 -> Int16",
    "renamed": "- größe Int16\n+ size Int16",
    "another type": "~ id Int64 -> String",
}
PASSES = {
    "the same": MODES,
    "another order": MODES,
    "dropped": ("evolve",),
    "added": ("compatible", "evolve"),
    "widened": ("compatible", "evolve"),
    "narrowed": (),
    "renamed": ("evolve",),
    "another type": (),
}


def verdicts(engine, types, row, **known) -> dict[str, Any]:
    rules = [contracts["schema"](mode=mode, name=mode) for mode in MODES]
    found = judged(make(engine, types, [row]), rules, engine, **known)
    return dict(zip(MODES, found, strict=True))


@pytest.mark.parametrize("baseline", ["stored", "declared"])
@pytest.mark.parametrize("change", ROWS)
def test_each_mode_makes_of_a_change_what_it_says(engine, change, baseline):
    before = {"declared": {n: Column(t) for n, t in BEFORE.items()}, "stored": BEFORE}[baseline]

    found = verdicts(engine, *ROWS[change], **{baseline: before})

    assert tuple(mode for mode, one in found.items() if one.passed) == PASSES[change]
    assert {one.metadata().get("diff") for one in found.values()} == {DIFFS.get(change)}


def test_a_broken_one_says_every_difference_in_words(engine):
    found = verdicts(engine, *ROWS["renamed"], stored=BEFORE)

    assert found["strict"].description == (
        "column 'größe' removed; column 'size' added; was 'größe' renamed to 'size'?"
    )
    assert found["compatible"].description == (
        "column 'größe' removed; was 'größe' renamed to 'size'?"
    )


def test_what_is_accepted_is_told(engine):
    found = verdicts(engine, *ROWS["added"], stored=BEFORE)["evolve"]

    assert found.description == (
        "3 columns as expected (baseline: last published); accepted: column 'new' added"
    )
    metadata = found.metadata()
    assert (metadata["differences"], metadata["accepted"]) == (0, 1)


def test_a_column_that_may_not_be_null_may_not_be_missing_either(engine):
    declared = {"id": Column(), "größe": Column(nullable=False)}

    assert not verdicts(engine, *ROWS["dropped"], declared=declared)["evolve"].passed
    assert not verdicts(engine, ROWS["the same"][0], (1, None), declared=declared)["evolve"].passed
    assert verdicts(engine, *ROWS["the same"], declared=declared)["strict"].passed


def test_a_first_run_has_nothing_to_differ_from(engine):
    found = verdicts(engine, *ROWS["the same"])

    assert all(one.passed for one in found.values())
    assert {one.metadata()["baseline"] for one in found.values()} == {"none"}
