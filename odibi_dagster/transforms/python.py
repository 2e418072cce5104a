"""Steps that the user writes in Python, in the `transforms.py` beside odibi.yaml."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from odibi_dagster.errors import ConfigError
from odibi_dagster.transforms.base import transforms
from odibi_dagster.transforms.python_step import (
    MARK,
    Declared,
    PythonTransform,
    declared,
    step_of,
    told,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

F = TypeVar("F", bound=Callable[..., Any])


@overload
def transform(name: F, /) -> F: ...


@overload
def transform(
    name: str | None = None,
    *,
    category: str | None = None,
    param_model: type[BaseModel] | None = None,
) -> Callable[[F], F]: ...


def transform(
    name: Any = None,
    *,
    category: str | None = None,  # noqa: ARG001 Odibi has it, for a catalogue
    param_model: type[BaseModel] | None = None,
) -> Any:
    """Decorator: make a function of `transforms.py` a step, under its own or the given name.

        import polars as pl
        from odibi_dagster import transform

        @transform
        def add_tax(context, rate: float = 0.1):
            return context.df.with_columns(tax=pl.col("amount") * rate)

    In odibi.yaml: `function: add_tax` with `params: {rate: 0.2}`. The first parameter gets the
    `Context`; one called `current` gets the frame that comes in; all others are params, checked
    at load for names, defaults and types (or by `param_model`, a pydantic model). The function
    returns a frame of the engine or of narwhals, lazy or eager. `category` has no effect.
    """
    if callable(name):
        return transform()(name)

    def decorator(function: F) -> F:
        setattr(function, MARK, Declared(name or function.__name__, param_model))
        return function

    return decorator


_loaded: dict[str, Mapping[str, type[PythonTransform]]] = {}


def load_module(path: Path) -> Mapping[str, type[PythonTransform]]:
    """The steps that a Python file declares with `@transform`, by the name odibi.yaml uses.

    The module's name comes from path and content: two projects never share one, an edited file
    is imported anew, an unchanged one is not run twice. Whatever goes wrong is a ValueError
    ("importing 'transforms.py' failed: ..."): an exception or `sys.exit` at import, a syntax
    error with its line, an import of `odibi`, two steps of one name, a name of a built-in step.
    Only Ctrl-C passes.

        steps = load_module(Path("transforms.py"))
        step = steps["add_tax"].model_validate({"rate": 0.2})
    """
    path = path.resolve()
    try:
        source = path.read_bytes()
    except OSError as error:
        raise _failed(path, f"{type(error).__name__}: {error.strerror}") from error
    digest = hashlib.sha256(str(path).encode() + b"\0" + source).hexdigest()[:16]
    name = f"_odibi_transforms_{digest}"
    if name not in _loaded:
        _loaded[name] = _imported(path, source, name)
    return _loaded[name]


def _imported(path: Path, source: bytes, name: str) -> Mapping[str, type[PythonTransform]]:
    module = ModuleType(name)
    module.__file__ = str(path)
    # dataclasses and pydantic look the module of a class up there
    sys.modules[name] = module
    try:
        tree = ast.parse(source, str(path))
        _refuse_odibi(tree)
        exec(compile(tree, str(path), "exec"), module.__dict__)  # noqa: S102 the user's own code
        return _steps(module)
    except KeyboardInterrupt:
        del sys.modules[name]
        raise
    except BaseException as error:
        del sys.modules[name]
        raise _failed(path, _reason(error, path)) from error


def _refuse_odibi(tree: ast.Module) -> None:
    """Functions that are registered with Odibi itself would be missing here, silently."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        if any(name.split(".")[0] == "odibi" for name in names):
            hint = "write 'from odibi_dagster import transform' instead"
            raise ConfigError(f"line {node.lineno} imports odibi; {hint}")


def _reason(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: line {error.lineno}: {error.msg}"
    return str(error) if isinstance(error, ConfigError) else told(error, str(path))


def _failed(path: Path, reason: str) -> ValueError:
    return ValueError(f"importing '{path.name}' failed: {reason}")


def _steps(module: ModuleType) -> Mapping[str, type[PythonTransform]]:
    steps: dict[str, type[PythonTransform]] = {}
    for value in vars(module).values():
        noted = declared(value)
        if noted is None:
            continue
        if noted.name in transforms.known:
            raise ConfigError(f"'{noted.name}' is a built-in step; give it another name")
        if noted.name in steps and steps[noted.name].call_.function is not value:
            raise ConfigError(f"two transforms are called '{noted.name}'; rename one")
        steps[noted.name] = step_of(value, noted)
    return steps
