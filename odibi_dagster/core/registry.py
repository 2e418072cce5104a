"""Classes by the name that odibi.yaml uses for them."""

from __future__ import annotations

import pkgutil
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Generic, TypeVar

from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Registry(Generic[T]):
    """The classes of one kind: ours are found by lying in `package`, others by entry point.

    A module of another distribution joins through the entry-point group named like the
    package, for example `odibi_dagster.transforms`. Two classes of one name are an error.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind, self.package = kind, package
        self._found: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: make the class known under `name` (also as its `kind`)."""

        def decorator(cls: type[T]) -> type[T]:
            if name in self._found:
                msg = f"{self.kind} '{name}' is registered twice: {self._found[name]} and {cls}"
                raise ValueError(msg)
            cls.kind = name  # type: ignore[attr-defined]
            self._found[name] = cls
            return cls

        return decorator

    @cached_property
    def known(self) -> dict[str, type[T]]:
        """Every registered class, after importing the modules that register them."""
        package = import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
            import_module(module.name)
        for entry_point in entry_points(group=self.package):
            entry_point.load()
        return self._found

    def __getitem__(self, name: str) -> type[T]:
        """The class of that name; a ValueError with a suggestion where there is none."""
        try:
            return self.known[name]
        except KeyError:
            msg = f"unknown {self.kind} '{name}'; {did_you_mean(name, self.known)}"
            raise ValueError(msg) from None
