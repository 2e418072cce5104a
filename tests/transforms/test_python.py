"""Functions of the user's `transforms.py` as steps."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import odibi_dagster
from odibi_dagster.errors import OdibiError, SchemaContractError
from odibi_dagster.transforms.base import Scope
from odibi_dagster.transforms.python import load_module
from tests.transforms.rows import tuples

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine
    from tests.transforms.conftest import Given

HEAD = "import narwhals.stable.v2 as nw\nfrom odibi_dagster import transform\n"
ADD_TAX = """
@transform
def add_tax(context, rate: float = 0.1):
    frame = nw.from_native(context.df)
    return frame.with_columns((nw.col("amount") * rate).alias("tax"))
"""


def written(folder: Path, text: str, head: str = HEAD) -> Path:
    path = folder / "transforms.py"
    path.write_text(head + dedent(text))
    return path


def steps(folder: Path, text: str, head: str = HEAD) -> Any:
    return load_module(written(folder, text, head))


def run(step: Any, engine: Engine, frame: Any, **frames: Any) -> list[tuple[Any, ...]]:
    return tuples(engine.fetch(step.apply(frame, Scope(engine, frames)), 100))


def test_params_and_defaults(tmp_path: Path, engine: Engine, given: Given) -> None:
    add_tax = steps(tmp_path, ADD_TAX)["add_tax"]
    frame = given({"amount": [10.0, None]})
    assert run(add_tax.model_validate({"rate": 0.5}), engine, frame) == [(10.0, 5.0), (None, None)]
    assert run(add_tax.model_validate({}), engine, frame) == [(10.0, 1.0), (None, None)]
    assert add_tax.kind == "add_tax"


def test_native_frames_current_and_the_engines_name(
    tmp_path: Path, engine: Engine, given: Given
) -> None:
    found = steps(
        tmp_path,
        """
        @transform("pick")
        def some_function(context, current, name: str, *, last: bool = False):
            assert type(current) is type(context.df) is type(context.frames["other"])
            assert context.engine in {"polars", "spark"}
            return context.frames[name].limit(2) if last else current.limit(1)
        """,
    )
    frames = {"other": given({"b": [1, 2, 3]})}
    frame = given({"a": [7, 8]})
    pick = found["pick"]
    assert len(run(pick.model_validate({"name": "other"}), engine, frame, **frames)) == 1
    both = pick.model_validate({"name": "other", "last": True})
    assert len(run(both, engine, frame, **frames)) == 2


def test_the_example_of_the_decorator_runs(tmp_path: Path, given: Given, engine: Engine) -> None:
    text = inspect.getdoc(odibi_dagster.transform)
    block = text[text.index("    import polars") : text.index("In odibi.yaml")]
    add_tax = steps(tmp_path, dedent(block), "")["add_tax"]
    if engine.name == "polars":
        found = run(add_tax.model_validate({"rate": 0.5}), engine, given({"amount": [2.0]}))
        assert found == [(2.0, 1.0)]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rte": 0.2}, r"'add_tax' has no param 'rte'; did you mean 'rate'\?"),
        ({"rate": "high"}, "rate\n  Input should be a valid number"),
        (["rate"], "params of 'add_tax' are a mapping"),
        ({"current": 1}, "has no param 'current'"),
        ({"param_rate": 1}, "has no param 'param_rate'"),
    ],
)
def test_params_are_checked_at_load(tmp_path: Path, params: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        steps(tmp_path, ADD_TAX)["add_tax"].model_validate(params)


def test_a_missing_param_is_named(tmp_path: Path) -> None:
    found = steps(tmp_path, "@transform\ndef f(context, column, k: int): ...\n")
    with pytest.raises(ValueError, match="'f' needs the param 'k'"):
        found["f"].model_validate({"column": "a"})
    with pytest.raises(ValueError, match="'g' has no param 'x'; it takes no params"):
        steps(tmp_path, "@transform\ndef g(context): ...\n")["g"].model_validate({"x": 1})


def test_params_may_have_any_name(tmp_path: Path, engine: Engine, given: Given) -> None:
    found = steps(
        tmp_path,
        """
        @transform
        def f(ctx, schema, copy=1, _x=2, kind=None, needs=(), **more):
            return ctx.df.limit(schema + copy + _x + more["json"])
        """,
    )
    step = found["f"].model_validate({"schema": 0, "copy": 0, "_x": 1, "json": 1})
    assert len(run(step, engine, given({"a": [1, 2, 3]}))) == 2
    assert step.needs() == frozenset()


def test_a_param_model_checks_the_params(tmp_path: Path, engine: Engine, given: Given) -> None:
    found = steps(
        tmp_path,
        """
        from pydantic import BaseModel, Field

        class Params(BaseModel):
            n: int = Field(gt=0)
            m: int = 1

        @transform(name="top", category="demo", param_model=Params)
        def f(context, current, **params):
            return current.limit(params["n"] * params["m"])
        """,
    )
    assert len(run(found["top"].model_validate({"n": 2}), engine, given({"a": [1, 2, 3]}))) == 2
    with pytest.raises(ValueError, match="greater than 0"):
        found["top"].model_validate({"n": 0})
    with pytest.raises(ValueError, match=r"has no param 'k'; choose one of: m, n"):
        found["top"].model_validate({"n": 1, "k": 0})


def test_what_the_function_raises_is_told_in_one_line(
    tmp_path: Path, engine: Engine, given: Given
) -> None:
    found = steps(
        tmp_path,
        """
        @transform
        def broken(context):
            return 1 / 0

        @transform
        def leaving(context):
            raise SystemExit(3)
        """,
    )
    message = r"step broken: ZeroDivisionError: division by zero \(transforms.py, line 6\)"
    with pytest.raises(OdibiError, match=message):
        run(found["broken"].model_validate({}), engine, given({"a": [1]}))
    with pytest.raises(OdibiError, match="step leaving: SystemExit: 3"):
        run(found["leaving"].model_validate({}), engine, given({"a": [1]}))


@pytest.mark.parametrize("returned", ["None", "[1]", "{'a': [1]}", "nw"])
def test_what_is_no_frame_is_refused(
    tmp_path: Path, engine: Engine, given: Given, returned: str
) -> None:
    found = steps(tmp_path, f"@transform\ndef f(context):\n    return {returned}\n")
    with pytest.raises(SchemaContractError, match=f"step f: the function returned .*{engine.name}"):
        run(found["f"].model_validate({}), engine, given({"a": [1]}))


def test_a_frame_of_another_library_is_refused(
    tmp_path: Path, engine: Engine, given: Given
) -> None:
    text = """
        import pyarrow as pa

        @transform
        def f(context):
            return pa.table({"a": [1]})
    """
    with pytest.raises(SchemaContractError, match="returned Table; return a frame of"):
        run(steps(tmp_path, text)["f"].model_validate({}), engine, given({"a": [1]}))


def test_an_eager_frame_is_fine_on_polars(tmp_path: Path, given: Given, engine: Engine) -> None:
    found = steps(tmp_path, "@transform\ndef f(context, current):\n    return current.collect()\n")
    if engine.name == "polars":
        assert run(found["f"].model_validate({}), engine, given({"a": [1]})) == [(1.0,)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\nsys.exit(1)", r"SystemExit: 1 \(transforms.py, line 2\)"),
        ("1 / 0", r"ZeroDivisionError: division by zero \(transforms.py, line 1\)"),
        ("def f(:\n", "SyntaxError: line 1: "),
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_"),
        ("x = 1\nfrom odibi import transform", "line 2 .* write 'from odibi_dagster import"),
        (
            "import odibi.registry as r",
            "imports odibi; write 'from odibi_dagster import transform'",
        ),
        (HEAD + "@transform\ndef sort(context): ...", "'sort' is a built-in step; give it another"),
        (
            HEAD + "@transform('a')\ndef f(context): ...\n@transform('a')\ndef g(context): ...",
            "two transforms are called 'a'",
        ),
        (HEAD + "@transform\ndef f(): ...", "'f': the first parameter takes the context"),
        (HEAD + "@transform\ndef f(current): ...", "'f': the first parameter takes the context"),
        (HEAD + "@transform\ndef f(context, *rest): ...", "params come by name"),
        ("raise BaseException('deep')", "BaseException: deep"),
        ("x = '\ud800'".encode("utf-8", "surrogatepass"), "SyntaxError"),
        ("\0", "source code"),
    ],
)
def test_a_module_that_cannot_be_used(tmp_path: Path, text: Any, message: str) -> None:
    path = tmp_path / "transforms.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = set(sys.modules)
    with pytest.raises(ValueError, match=f"importing 'transforms.py' failed: .*{message}"):
        load_module(path)
    assert not [name for name in set(sys.modules) - before if name.startswith("_odibi")]


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="failed: FileNotFoundError: No such file"):
        load_module(tmp_path / "transforms.py")


def test_ctrl_c_passes(tmp_path: Path) -> None:
    path = written(tmp_path, "raise KeyboardInterrupt", "")
    with pytest.raises(KeyboardInterrupt):
        load_module(path)


def test_two_projects_do_not_collide_and_an_edit_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    text = "seen = []\n@transform\ndef f(context, k=1): ...\n"
    first, second = steps(tmp_path / "a", text), steps(tmp_path / "b", text)
    assert first["f"] is not second["f"]
    assert steps(tmp_path / "a", text)["f"] is first["f"]
    edited = steps(tmp_path / "a", text.replace("def f", "def g"))
    assert set(edited) == {"g"}


def test_plain_functions_are_no_steps(tmp_path: Path) -> None:
    assert set(steps(tmp_path, ADD_TAX + "\ndef helper(x): ...\n")) == {"add_tax"}


def test_dataclasses_and_late_annotations_work(tmp_path: Path) -> None:
    found = steps(
        tmp_path,
        """
        from dataclasses import dataclass
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from nowhere import Frame

        @dataclass
        class Settings:
            x: int

        @transform
        def f(context, current: Frame, k: int = 1) -> Frame: ...

        @transform
        def g(context, k: int): ...
        """,
        "from __future__ import annotations\n" + HEAD,
    )
    assert set(found) == {"f", "g"}
    with pytest.raises(ValueError, match="valid integer"):
        found["g"].model_validate({"k": "x"})


def test_importing_the_package_stays_cheap() -> None:
    code = (
        "import sys, odibi_dagster; assert 'polars' not in sys.modules; odibi_dagster.transform;"
        "assert not {'pyspark', 'dagster', 'polars'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
