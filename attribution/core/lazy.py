"""Public names loaded on first use, so that importing a package costs next to nothing."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["attach", "public_names"]

_LINE = re.compile(r"^from ([\w.]+) import (\w+) as (\w+)$", re.MULTILINE)


class _Package(ModuleType):
    """A package whose public names are not overwritten by modules of the same name.

    After ``import experiments.simulate.arms`` Python binds the name ``simulate`` of the package to the module, which
    would hide the public function of that name from then on.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and name in self.__dict__.get("__all__", ()):
            return
        super().__setattr__(name, value)


def public_names(file: str) -> dict[str, str]:
    """The public names of a package, each with the module that defines it, from the type stub beside it.

    So that type checkers and the running program read one list. Each line of the stub says
    ``from module import name as name``; an attribute of another name becomes ``"module:attribute"``.

    Args:
        file: The package's own ``__file__``.
    """
    lines = _LINE.findall(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    return {name: module if found == name else f"{module}:{found}" for module, found, name in sorted(lines, key=_name)}


def _name(line: tuple[str, str, str]) -> str:
    return line[2]


def attach(module_name: str, exports: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a package from a map of its public names.

    A name is imported when it is first asked for and kept from then on. An unknown name is answered with the
    closest one.

    Args:
        module_name: The package's own ``__name__``.
        exports: Public name to the module that defines it; ``"module:attribute"`` where the two names differ.

    Returns:
        The functions to bind as the package's ``__getattr__`` and ``__dir__``.

    Example:
        >>> get, names = attach("attribution.core", {"parse_duration": "attribution.core.durations"})
        >>> get("parse_duration")("36h")
        datetime.timedelta(days=1, seconds=43200)
        >>> "parse_duration" in names()
        True
    """
    package = sys.modules.get(module_name)
    if package is not None:
        package.__class__ = _Package

    def __getattr__(name: str) -> object:  # noqa: N807 -- bound under this name in the package
        target = exports.get(name)
        if target is None:
            raise AttributeError(_unknown(module_name, name, exports), name=name, obj=package)
        source, _, attribute = target.partition(":")
        value: object = getattr(import_module(source), attribute or name)
        if package is not None:
            setattr(package, name, value)
        return value

    def __dir__() -> list[str]:  # noqa: N807 -- bound under this name in the package
        return sorted({*vars(sys.modules[module_name]), *exports})

    return __getattr__, __dir__


def _unknown(module_name: str, name: str, exports: Mapping[str, str]) -> str:
    message = f"module {module_name!r} has no attribute {name!r}."
    if name.startswith("__"):
        return message  # Python itself asks for these; no hint is wanted
    from attribution.core.errors import closest

    return f"{message} {closest(name, exports)}"
