"""The fingerprint of the code that a result depends on.

The function's own syntax tree, and those of all first-party modules that it reaches by import, without
docstrings, comments, annotations and positions; and the versions of the distributions that the step names.
Errors, logging and the command line are outside: they change no result.
"""

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_PACKAGE = __name__.partition(".")[0]
_OUTSIDE = (f"{_PACKAGE}.errors", f"{_PACKAGE}.cli", f"{_PACKAGE}.assets", f"{_PACKAGE}.definitions")


def code_fingerprint(function: Callable[..., Any], libraries: Iterable[str] = ()) -> str:
    """Fingerprint a step's function, all that it reaches, and the versions of `libraries`.

    Returns:
        32 hex digits; the same for the same code, whatever its comments and layout.

    Example:
        >>> len(code_fingerprint(code_fingerprint))
        32
    """
    digest = hashlib.blake2b(digest_size=16)
    module_tree = _tree(Path(inspect.getfile(function)))
    own = _definition(module_tree, function.__qualname__)
    digest.update(ast.dump(own).encode())
    for module in sorted(_reached(_imports(own, function.__module__))):
        digest.update(f"{module}:{_module_hash(module)}".encode())
    for library in sorted(libraries):
        digest.update(f"{library}=={importlib.metadata.version(library)}".encode())
    return digest.hexdigest()


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


@functools.cache
def _tree(path: Path) -> ast.Module:
    tree: ast.Module = _Bare().visit(ast.parse(path.read_text(encoding="utf-8")))
    return tree


def _definition(tree: ast.Module, qualname: str) -> ast.AST:
    node: Any = tree
    for part in qualname.replace("<locals>.", "").split("."):
        node = next(
            child
            for child in ast.walk(node)
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and child.name == part
        )
    found: ast.AST = node
    return found


@functools.cache
def _module_path(name: str) -> Path | None:
    """Find the file of a first-party module without importing anything; None where there is no such module."""
    package, _, rest = name.partition(".")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    base = Path(spec.submodule_search_locations[0]).joinpath(*rest.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@functools.cache
def _module_hash(name: str) -> str:
    path = _module_path(name)
    return hashlib.blake2b(ast.dump(_tree(path)).encode(), digest_size=16).hexdigest() if path else ""


def _imports(node: ast.AST, module: str) -> set[str]:
    """Name the first-party modules that a syntax tree imports, wherever in it they stand."""
    found: set[str] = set()
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            found.update(alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module and child.level == 0:
            found.add(child.module)
            found.update(f"{child.module}.{alias.name}" for alias in child.names)
    return {name for name in found if _is_first_party(name) and name != module}


def _is_first_party(name: str) -> bool:
    return name.startswith(f"{_PACKAGE}.") and not name.startswith(_OUTSIDE) and _module_path(name) is not None


def _reached(modules: set[str]) -> set[str]:
    """Follow imports from module to module until nothing new is reached."""
    reached: set[str] = set()
    waiting = set(modules)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= _module_imports(name) - reached
    return reached


@functools.cache
def _module_imports(name: str) -> frozenset[str]:
    path = _module_path(name)
    return frozenset(_imports(_tree(path), name)) if path else frozenset()
