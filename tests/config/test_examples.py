"""Every YAML example in a docstring of the configuration is loaded as part of a project."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from odibi_dagster.config.fates import BLOCKS
from tests.config.project import load, write
from tests.config.test_fates import FULL, PATHS

if TYPE_CHECKING:
    from pathlib import Path

_EXAMPLE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def example(title: str) -> Any:
    """The example in the docstring of a block's class."""
    (text,) = _EXAMPLE.findall(inspect.cleandoc(BLOCKS[title].__doc__ or ""))
    return yaml.safe_load(text)


def placed(title: str) -> dict[str, Any]:
    """The full project with the example in its place."""
    project: dict[str, Any] = yaml.safe_load(yaml.safe_dump(FULL))
    path = PATHS[title]
    found = example(title)
    if not path:
        return dict(found)
    # the example begins with the nearest key that has a name in the file
    keys = [part for part in path if isinstance(part, str)]
    block: Any = project
    for part in path:
        if part in found and part == next(key for key in keys if key in found):
            block[part] = found[part]
            return project
        block = block[part]
    block.clear()
    block.update(found)
    return project


@pytest.mark.parametrize("title", list(BLOCKS))
def test_the_example_loads(tmp_path: Path, title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHOP_PASSWORD", "CRM_PASSWORD", "PRIVACY_SALT"):
        monkeypatch.setenv(name, "secret")
    write(tmp_path, "SELECT * FROM df", "sql/daily.sql")
    project = placed(title)
    if title.startswith("write"):
        # an example of another mode, of which an incremental read would have something to say
        del project["pipelines"][0]["nodes"][0]["read"]["incremental"]
    project["connections"] = {
        name: {"type": "local", "base_path": f"./{name}"} for name in ("lake", "landing")
    } | project["connections"]
    loaded = load(tmp_path, yaml.safe_dump(project, sort_keys=False))
    assert loaded.warnings == ()
    assert loaded.no_effect == ()


def test_the_examples_say_something() -> None:
    assert example("write")["write"]["table"] == "flights"
    assert example("dagster, at a node")["dagster"]["automation"] == "eager"
