"""The step that is made from a function of the user's."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast, get_type_hints

import narwhals
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from odibi_dagster.errors import (
    ConfigError,
    OdibiError,
    SchemaContractError,
    as_cause,
    did_you_mean,
    shortened,
)
from odibi_dagster.transforms.base import Transform

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope

MARK = "__odibi_transform__"


@dataclass(frozen=True)
class Context:
    """What a Python step is handed: native frames, all of them lazy."""

    df: Any
    """The frame that comes in: a `polars.LazyFrame` or a Spark `DataFrame`."""
    frames: Mapping[str, Any] = field(default_factory=dict)
    """The node's other datasets by name."""
    engine: str = "polars"
    """The engine's name: `polars` or `spark`."""


@dataclass(frozen=True)
class Declared:
    """What the decorator was told about a function."""

    name: str
    param_model: type[BaseModel] | None = None


def declared(value: Any) -> Declared | None:
    """What the decorator noted on a value; None where it is no decorated function."""
    noted = getattr(value, MARK, None) if inspect.isfunction(value) else None
    return noted if isinstance(noted, Declared) else None


@dataclass(frozen=True)
class Call:
    """How a function is called: its params, each with the attribute that holds it."""

    function: Callable[..., Any]
    attributes: Mapping[str, str]
    required: frozenset[str]
    takes_frame: bool
    takes_any: bool


class PythonTransform(Transform):
    """A step made from a decorated function; the function's params are the subclass's fields.

    Rows, order and nulls are the function's own affair. What it raises becomes an OdibiError that
    names the step and the line; what it returns must be a frame of the engine that runs.
    """

    model_config = ConfigDict(extra="forbid")

    call_: ClassVar[Call]

    @model_validator(mode="before")
    @classmethod
    def _names_fit(cls, params: Any) -> Any:
        given, call = params or {}, cls.call_
        if not isinstance(given, Mapping):
            raise ValueError(f"the params of '{cls.kind}' are a mapping of names to values")
        for name in () if call.takes_any else given:
            if name not in call.attributes:
                known = call.attributes
                hint = did_you_mean(str(name), known) if known else "it takes no params"
                raise ValueError(f"'{cls.kind}' has no param '{name}'; {hint}")
        if missing := sorted(call.required - set(given)):
            raise ValueError(f"'{cls.kind}' needs the param '{missing[0]}'")
        return given

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """What the function returns, as a lazy frame."""
        native = frame.to_native()
        others = {name: other.to_native() for name, other in scope.frames.items()}
        params = {name: getattr(self, held) for name, held in self.call_.attributes.items()}
        params |= self.model_extra or {}
        if self.call_.takes_frame:
            params["current"] = native
        try:
            result = self.call_.function(Context(native, others, scope.engine.name), **params)
        # the user's code may raise anything, even leave by sys.exit
        except (Exception, SystemExit) as error:  # noqa: BLE001
            place = self.call_.function.__code__.co_filename
            discretion = scope.engine.discretion
            text = discretion.told(error, told(error, place))
            raise OdibiError(f"step {self.kind}: {text}") from as_cause(error)
        return self._wrapped(result, frame, scope)

    def _wrapped(self, result: Any, frame: Frame, scope: Scope) -> Frame:
        refusal = SchemaContractError(
            f"step {self.kind}: the function returned {type(result).__name__}; "
            f"return a frame of {scope.engine.name}, such as context.df"
        )
        try:
            wrapped = scope.engine.wrap(narwhals.to_native(result, pass_through=True))
        except TypeError as error:
            raise refusal from error
        if wrapped.implementation is not frame.implementation:
            raise refusal
        return wrapped


def told(error: BaseException, file: str) -> str:
    """An error of the user's code in one line: type, message, and its last line in `file`."""
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == file]
    place = f" ({Path(file).name}, line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {shortened(str(error))}{place}"


def step_of(function: Callable[..., Any], noted: Declared) -> type[PythonTransform]:
    """The step that a decorated function makes; a ConfigError where it cannot be one."""
    parameters = _params(function, noted.name)
    named = {name: parameter for name, parameter in parameters.items() if _is_named(parameter)}
    if noted.param_model is not None:
        fields = {name: name for name in noted.param_model.model_fields}
        required = {n for n, info in noted.param_model.model_fields.items() if info.is_required()}
        step = _subclass(noted.name, (PythonTransform, noted.param_model))
    else:
        fields = {name: f"param_{name}" for name in named if name != "current"}
        required = {name for name in fields if named[name].default is inspect.Parameter.empty}
        step = _model(noted.name, function, {name: named[name] for name in fields})
    takes_any = len(named) < len(parameters) and noted.param_model is None
    step.call_ = Call(function, fields, frozenset(required), "current" in named, takes_any)
    step.kind = noted.name
    if takes_any:
        step.model_config["extra"] = "allow"
        step.model_rebuild(force=True)
    return step


def _params(function: Callable[..., Any], name: str) -> Mapping[str, inspect.Parameter]:
    """Every parameter after the first, which takes the context."""
    parameters = dict(inspect.signature(function).parameters)
    fixed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    first = next(iter(parameters.values()), None)
    if first is None or first.kind not in fixed or first.name == "current":
        raise ConfigError(f"transform '{name}': the first parameter takes the context; add it")
    del parameters[first.name]
    for parameter in parameters.values():
        if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
            msg = f"transform '{name}': params come by name; remove '{parameter}'"
            raise ConfigError(msg)
    return parameters


def _is_named(parameter: inspect.Parameter) -> bool:
    return parameter.kind is not inspect.Parameter.VAR_KEYWORD


def _model(
    name: str, function: Callable[..., Any], params: Mapping[str, inspect.Parameter]
) -> type[PythonTransform]:
    hints = _hints(function)
    # a field of its own name: a param may be called what a pydantic attribute is called
    fields: dict[str, Any] = {
        f"param_{param}": (
            hints.get(param, Any),
            Field(
                default=... if parameter.default is inspect.Parameter.empty else parameter.default,
                alias=param,
            ),
        )
        for param, parameter in params.items()
    }
    return _subclass(name, (PythonTransform,), fields)


def _subclass(
    name: str, bases: tuple[Any, ...], fields: Mapping[str, Any] | None = None
) -> type[PythonTransform]:
    made: Any = create_model(name, __base__=bases, **(fields or {}))
    return cast("type[PythonTransform]", made)


def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError:  # a type imported for type checkers only: those params stay unchecked
        return {}
