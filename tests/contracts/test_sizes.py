"""Small files, small functions, few arguments (complexity is ruff's C901)."""

from __future__ import annotations

import ast

from package_sources import modules_of_tests, package_files, shown, tree

FILE_LINES = 450
FUNCTION_LINES = 60
ARGUMENTS = 6


def functions(module: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines_without_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without decorators and docstring."""
    total = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        total -= first.end_lineno - first.lineno + 1
    return total


def test_the_count_leaves_out_the_docstring():
    (function,) = functions(ast.parse('@cache\ndef f(\n    x,\n):\n    """One.\n\n    Two.\n    """\n    return x\n'))
    assert lines_without_docstring(function) == 4


def test_no_file_is_longer_than_450_lines():
    counts = {
        shown(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in (*package_files(), *modules_of_tests())
    }
    assert counts
    assert {name: count for name, count in counts.items() if count > FILE_LINES} == {}


def test_no_function_is_longer_than_60_lines():
    counts = {
        f"{shown(path)}:{function.lineno} {function.name}": lines_without_docstring(function)
        for path in package_files()
        for function in functions(tree(path))
    }
    assert counts
    assert {name: count for name, count in counts.items() if count > FUNCTION_LINES} == {}


def test_more_than_six_arguments_only_as_keyword_only_options_of_public_functions():
    offenders = []
    for path in package_files():
        for function in functions(tree(path)):
            arguments = function.args
            positional = len(arguments.posonlyargs) + len(arguments.args)
            private = function.name.startswith("_") and not function.name.startswith("__")
            allowed = ARGUMENTS if private else ARGUMENTS + len(arguments.kwonlyargs)
            if positional > ARGUMENTS or positional + len(arguments.kwonlyargs) > allowed:
                offenders.append(f"{shown(path)}:{function.lineno} {function.name}")
    assert offenders == []
