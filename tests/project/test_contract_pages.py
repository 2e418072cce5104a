"""The pages of the contracts say what their classes say."""

from __future__ import annotations

import re

import pytest

from scripts.contract_pages import FOLDER, pages


@pytest.mark.parametrize(("name", "text"), pages().items(), ids=pages())
def test_the_page_is_current(name: str, text: str) -> None:
    """`python scripts/contract_pages.py` makes it."""
    assert (FOLDER / name).read_text(encoding="utf-8") == text


def test_there_is_no_page_of_a_contract_that_is_gone() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(pages())


@pytest.mark.parametrize(("name", "text"), pages().items(), ids=pages())
def test_every_key_says_what_it_is(name: str, text: str) -> None:
    assert re.findall(r"^\| `(.+?)` \|.*\|  \|$", text, re.MULTILINE) == []
