"""Syntax trees without what changes no result: docstrings, annotations, comments and positions."""

import ast
from typing import Any


def bare_tree(text: str) -> ast.Module:
    r"""Parse Python and take out docstrings and annotations; `ast.dump` leaves out positions.

    Example:
        >>> one, other = ("def f(x: int) -> int:\n    'Doubles.'\n    return 2 * x", "def f(x): return 2*x  # twice")
        >>> ast.dump(bare_tree(one)) == ast.dump(bare_tree(other))
        True
    """
    tree: ast.Module = _Bare().visit(ast.parse(text))
    return tree


class _Bare(ast.NodeTransformer):
    """Takes out what changes no result: docstrings and annotations."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._bare(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._bare(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        _drop_docstring(node)
        return self.generic_visit(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        _drop_docstring(node)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def _bare(self, node: Any) -> ast.AST:
        _drop_docstring(node)
        node.returns = None
        return self.generic_visit(node)


def _drop_docstring(node: Any) -> None:
    body = node.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        node.body = body[1:] or [ast.Pass()]
