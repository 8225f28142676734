"""Put one change into the running process: into every function, default, constant or class field that it concerns."""

from __future__ import annotations

import ast
import dataclasses
import gc
import sys
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from mutation.operators import sites

if TYPE_CHECKING:
    from mutation.mutants import Mutant
    from mutation.operators import Site

__all__ = ["NotPatchedError", "functions_by_code", "patch"]

Functions = dict[tuple[str, str, int], list[FunctionType]]


class NotPatchedError(Exception):
    """The change could not be put into the process; the mutant is not counted."""


def functions_by_code(root: Path) -> Functions:
    """Every living function of the packages, by file, qualified name and first line; decorated ones are among them."""
    found: Functions = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename.startswith(str(root)):
            code = thing.__code__
            found.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(thing)
    return found


def patch(mutant: Mutant, root: Path, functions: Functions) -> None:
    """Change the process as the mutant says."""
    path = root / mutant.path
    tree = ast.parse(path.read_text(encoding="utf-8"))
    site = next((one for number, one in enumerate(sites(tree)) if number == mutant.number), None)
    if site is None or (site.operator, site.before) != (mutant.operator, mutant.before):
        raise NotPatchedError("the source has changed")
    site.apply()
    module = sys.modules[mutant.module]
    if site.kind == "constant":
        _set_constant(site, module)
    elif site.kind == "field":
        _set_field(site, module)
    else:
        key = (str(path), site.scope, _first_line(site.root))
        if key not in functions:
            raise NotPatchedError("no such function is alive")
        for function in functions[key]:
            if site.kind == "default":
                _set_default(site, function)
            else:
                _set_code(function, compile(tree, str(path), "exec"), key)


def _first_line(node: ast.AST) -> int:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)  # noqa: S101
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _set_code(function: FunctionType, module: CodeType, key: tuple[str, str, int]) -> None:
    waiting = [module]
    while waiting:
        code = waiting.pop()
        if (code.co_qualname, code.co_firstlineno) == key[1:] and code is not module:
            try:
                function.__code__ = code
            except ValueError as problem:  # it closes over other names than before
                raise NotPatchedError(str(problem)) from problem
            return
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    raise NotPatchedError("its code was not found")


def _evaluated(node: ast.expr, names: dict[str, Any]) -> Any:
    expression = ast.fix_missing_locations(ast.Expression(node))
    return eval(compile(expression, "<mutant>", "eval"), names)  # noqa: S307 - an expression of our own source


def _set_default(site: Site, function: FunctionType) -> None:
    arguments = site.root.args  # type: ignore[attr-defined]
    positional = [one.arg for one in (*arguments.posonlyargs, *arguments.args)][-len(arguments.defaults) or None :]
    if site.name in positional and arguments.defaults:
        values = list(function.__defaults__ or ())
        at = positional.index(site.name)
        values[at] = _evaluated(arguments.defaults[at], function.__globals__)
        function.__defaults__ = tuple(values)
    else:
        at = [one.arg for one in arguments.kwonlyargs].index(site.name)
        function.__kwdefaults__ = dict(function.__kwdefaults__ or {})
        function.__kwdefaults__[site.name] = _evaluated(arguments.kw_defaults[at], function.__globals__)


def _set_constant(site: Site, module: Any) -> None:
    """Set a constant in its module and wherever it was imported from there."""
    old, new = getattr(module, site.scope), _evaluated(site.root.value, vars(module))  # type: ignore[attr-defined]
    setattr(module, site.scope, new)
    for other in list(sys.modules.values()):
        held = getattr(other, "__file__", None) and vars(other).get(site.scope) is old
        if held and _imports(other, module, site.scope):
            setattr(other, site.scope, new)


def _imports(other: Any, module: Any, name: str) -> bool:
    path = Path(other.__file__)
    if path.suffix != ".py" or module.__name__ not in (source := path.read_text(encoding="utf-8")):
        return False
    return any(
        isinstance(node, ast.ImportFrom) and node.module == module.__name__ and name in {one.name for one in node.names}
        for node in ast.walk(ast.parse(source))
    )


def _set_field(site: Site, module: Any) -> None:
    owner = module
    for name in site.scope.split("."):
        owner = getattr(owner, name)
    statement = next(
        one for one in site.root.body  # type: ignore[attr-defined]
        if isinstance(one, ast.Assign | ast.AnnAssign)
        and site.name == (one.targets[0] if isinstance(one, ast.Assign) else one.target).id  # type: ignore[union-attr]
    )  # fmt: skip
    value = _evaluated(statement.value, vars(module))
    if not dataclasses.is_dataclass(owner):
        setattr(owner, site.name, value)
        return
    if isinstance(value, dataclasses.Field):
        raise NotPatchedError("a field with a factory")
    start = owner.__init__
    if site.name in (start.__kwdefaults__ or {}):
        start.__kwdefaults__ = {**start.__kwdefaults__, site.name: value}
        return
    names = start.__code__.co_varnames[: start.__code__.co_argcount][-len(start.__defaults__ or ()) :]
    if site.name not in names or not start.__defaults__:
        raise NotPatchedError("the class takes no such value")
    olds = zip(names, start.__defaults__, strict=True)
    start.__defaults__ = tuple(value if name == site.name else old for name, old in olds)
