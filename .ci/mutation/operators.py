"""The small errors that are tried: every place of a source where a number could be computed wrongly.

After mutmut's operators, with those of numerical code added (swapped arguments, dropped keywords, min for max) and
without those that no calculation makes (None assigned, messages spelled differently). What an error says is not
changed; whether it is raised is. Functions that only show results are left alone.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Site", "sites"]

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}  # fmt: skip
_PAIRS = [
    ("min", "max"), ("minimum", "maximum"), ("fmin", "fmax"), ("argmin", "argmax"), ("any", "all"), ("floor", "ceil"),
    ("cdf", "sf"), ("ppf", "isf"), ("nextafter", "maximum"), ("zeros", "ones"), ("sum", "max"), ("cumsum", "sort"),
    ("log", "log1p"), ("exp", "expm1"),
]  # fmt: skip
_NAMES = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1]) if one not in {"max", "maximum", "sort"}}
_NAMES |= {"max": "min", "maximum": "minimum"}
_IDENTITY = {"sqrt", "abs", "fabs", "square"}  # one argument in, the same out
_COMMUTES = {"min", "max", "minimum", "maximum", "hypot", "isclose", "equal", "not_equal", "add", "multiply"}
_SHOWING = {"_display", "_repr_html_", "plot", "sentence", "sentences"}  # words and pictures, tested elsewhere
_TOLERANCE = 1e-3
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPOUND = (ast.If, ast.While, ast.For, ast.With, ast.Try, ast.Match)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One change to one place of a syntax tree.

    Attributes:
        operator: What kind of change.
        kind: ``"code"`` of a function, ``"default"`` of a parameter, ``"constant"`` of a module or ``"field"`` of a
            class.
        scope: Qualified name of the outermost function, of the class, or of the constant.
        name: Name of the parameter or field whose default is changed, else empty.
        first: First line of the statement (of its header, where it has a body).
        last: Its last line.
        line: Line of the changed place.
        node: The place as it is.
        parent: The node that holds the place.
        attribute: Where in the parent.
        index: Which of a list, else None.
        new: What is put there.
        root: The outermost function, class or assignment.
    """

    operator: str
    kind: str
    scope: str
    name: str
    first: int
    last: int
    line: int
    node: ast.AST
    parent: ast.AST
    attribute: str
    index: int | None
    new: ast.AST
    root: ast.AST

    @property
    def before(self) -> str:
        """The place as it is, as text."""
        return _shown(self.node)

    @property
    def after(self) -> str:
        """The place as it becomes, as text."""
        return _shown(self.new)

    def apply(self) -> None:
        """Change the tree in place."""
        ast.copy_location(self.new, self.parent)
        if self.index is None:
            setattr(self.parent, self.attribute, self.new)
        else:
            getattr(self.parent, self.attribute)[self.index] = self.new
        ast.fix_missing_locations(self.parent)


@dataclass(frozen=True, slots=True)
class _Place:
    kind: str = ""
    names: tuple[str, ...] = ()
    name: str = ""
    span: tuple[int, int] = (0, 0)
    root: ast.AST = field(default_factory=ast.Pass)


def sites(tree: ast.Module) -> Iterator[Site]:
    """Every change that is tried in a module, in the order of its source."""
    for place, parent, attribute, index, node in _nodes(tree, _Place()):
        for operator, new in _changes(node):
            yield Site(
                operator=operator, kind=place.kind, scope=".".join(place.names), name=place.name, first=place.span[0],
                last=place.span[1], line=node.lineno, node=node, parent=parent,
                attribute=attribute, index=index, new=new, root=place.root,
            )  # fmt: skip


def _shown(node: ast.AST) -> str:
    text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))
    return text.split("\n", 1)[0] + " ..." if "\n" in text else text


# --- where ----------------------------------------------------------------------------------------

_Found = tuple[_Place, ast.AST, str, "int | None", ast.expr | ast.stmt]


def _nodes(parent: ast.AST, place: _Place) -> Iterator[_Found]:
    """Expressions and statements that may be changed, each with its place and where it hangs."""
    for attribute, value in ast.iter_fields(parent):
        if attribute in {"annotation", "returns", "decorator_list", "bases", "type_params"}:
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, node in children:
            if isinstance(node, ast.AST):
                inner = _inner(parent, attribute, index, node, place)
                if inner is not None:
                    if isinstance(node, ast.expr | ast.stmt) and inner.kind:
                        yield inner, parent, attribute, index, node
                    if not isinstance(node, ast.Raise):
                        yield from _nodes(node, inner)


def _inner(parent: ast.AST, attribute: str, index: int | None, node: ast.AST, place: _Place) -> _Place | None:
    """The place of a child, None where nothing is changed."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr) or _is_text_alone(node) or _is_for_types(node):
        return None
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return None
    if isinstance(node, _FUNCTIONS) and node.name in _SHOWING:
        return None
    if isinstance(node, ast.stmt) and place.kind != "code":
        return _outside(node, place)
    if isinstance(node, ast.arguments) and isinstance(parent, _FUNCTIONS) and parent is place.root:
        body = (parent.body[0].lineno, parent.end_lineno or parent.lineno)
        return _Place("default", place.names, "", body, place.root)
    if place.kind == "default" and isinstance(parent, ast.arguments) and parent is _arguments(place.root):
        return _default(parent, attribute, index, place)
    return _Place(place.kind, place.names, place.name, _span(node, place), place.root)


def _outside(node: ast.stmt, place: _Place) -> _Place | None:
    """The place of a statement of a module or class."""
    if isinstance(node, _FUNCTIONS):
        return _Place("code", (*place.names, node.name), "", _span(node, place), node)
    if isinstance(node, ast.ClassDef):
        return _Place("", (*place.names, node.name), "", place.span, node)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and not target.id.startswith("__"):
            if place.names:
                return _Place("field", place.names, target.id, _span(node, place), place.root)
            return _Place("constant", (target.id,), "", _span(node, place), node)
    return None


def _arguments(function: ast.AST) -> ast.arguments | None:
    return function.args if isinstance(function, _FUNCTIONS) else None


def _default(arguments: ast.arguments, attribute: str, index: int | None, place: _Place) -> _Place | None:
    """The place of a default, with the parameter that it belongs to."""
    if index is None or attribute not in {"defaults", "kw_defaults"}:
        return None
    positional = [*arguments.posonlyargs, *arguments.args]
    owners = arguments.kwonlyargs if attribute == "kw_defaults" else positional[-len(arguments.defaults) :]
    return _Place("default", place.names, owners[index].arg, place.span, place.root)


def _span(node: ast.AST, place: _Place) -> tuple[int, int]:
    if not isinstance(node, ast.stmt) or place.kind == "default":
        return place.span
    last = node.end_lineno or node.lineno
    if isinstance(node, _COMPOUND):
        body = node.cases if isinstance(node, ast.Match) else node.body
        first = body[0].pattern if isinstance(node, ast.Match) else body[0]
        last = max(node.lineno, first.lineno - 1)
    return node.lineno, last


def _is_text_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


# --- what -----------------------------------------------------------------------------------------


def _changes(node: ast.expr | ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """Each change of one node alone, its children as they are."""
    if isinstance(node, ast.stmt):
        yield from _statement(node)
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.Call):
        yield from _call(node)
    else:
        yield from _expression(node)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _statement(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.AugAssign):
        if type(node.op) in _ARITHMETIC:
            yield "arithmetic", _with(node, op=_ARITHMETIC[type(node.op)]())
        yield "assignment", ast.Assign(targets=[node.target], value=node.value)
    elif isinstance(node, ast.If | ast.While):
        if not isinstance(node.test, ast.Compare | ast.UnaryOp):  # those are turned round by their own operators
            yield "condition", _with(node, test=ast.UnaryOp(op=ast.Not(), operand=node.test))
    elif isinstance(node, ast.Raise):
        yield "refusal", ast.Pass()
    elif isinstance(node, ast.Expr):
        yield "statement", ast.Pass()
    elif isinstance(node, ast.Continue | ast.Break):
        yield "loop", ast.Break() if isinstance(node, ast.Continue) else ast.Continue()


def _constant(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node.value, bool):
        yield "boolean", ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        share = _TOLERANCE < node.value < 1  # one more would be no share, and be refused where it is a level
        new = node.value / 2 if share else node.value + 1
        if new != node.value:
            yield "number", ast.Constant(new)


def _expression(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Compare):
        for at, comparison in enumerate(node.ops):
            yield "comparison", _with(node, ops=[*node.ops[:at], _COMPARE[type(comparison)](), *node.ops[at + 1 :]])
    elif isinstance(node, ast.BinOp):
        swapped = {"left": node.right, "right": node.left}
        matrices = isinstance(node.op, ast.MatMult)
        yield "arithmetic", _with(node, **(swapped if matrices else {"op": _ARITHMETIC[type(node.op)]()}))
    elif isinstance(node, ast.BoolOp):
        yield "logic", _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp):
        yield "sign", node.operand
    elif isinstance(node, ast.IfExp):
        yield from (("branch", arm) for arm in (node.body, node.orelse))
    elif isinstance(node, ast.Slice):
        ends = [end for end in ("lower", "upper") if getattr(node, end) is not None]
        yield from (("slice", _with(node, **{end: None})) for end in ends)


def _call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in {"len", "isinstance", "cast", "InputError", "TypeVar"}:
        return
    if name in _NAMES:
        if isinstance(node.func, ast.Attribute):
            yield "function", _with(node, func=_with(node.func, attr=_NAMES[name]))
        elif _NAMES[name] in {"min", "max", "any", "all"}:
            yield "function", _with(node, func=ast.Name(id=_NAMES[name], ctx=ast.Load()))
    if name in _IDENTITY and len(node.args) == 1 and not node.keywords:
        yield "function", node.args[0]
    for at, keyword in enumerate(node.keywords):
        if keyword.arg not in {None, "strict"}:  # zip's check of lengths calculates nothing
            yield "keyword", _with(node, keywords=[*node.keywords[:at], *node.keywords[at + 1 :]])
    two = node.args[:2]
    if len(two) == 2 and name not in _COMMUTES and not any(isinstance(one, ast.Starred) for one in two):
        yield "arguments", _with(node, args=[two[1], two[0], *node.args[2:]])
