"""The fingerprint of the code that a result depends on.

The function's own syntax tree with the helpers and constants that it names, and those of all first-party modules
that these reach by import, without docstrings, comments, annotations and positions; and the versions of the
distributions that the step names.
Errors, logging and the command line are outside: they change no result. What was found out about a module is
remembered in the user's cache folder, so that definitions load fast.
"""

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from mlwf_assets.assets import bare
from mlwf_assets.assets.bare import bare_tree

_PACKAGE = __name__.partition(".")[0]
_OUTSIDE = (f"{_PACKAGE}.errors", f"{_PACKAGE}.cli", f"{_PACKAGE}.assets", f"{_PACKAGE}.definitions")
_DIGEST_BYTES = 16
_MOST_REMEMBERED = 2000


class _Facts(NamedTuple):
    """What counts of a module, or of a function.

    Attributes:
        hash: of the bare syntax tree.
        imports: what is named in imports, whether or not it is first-party.
    """

    hash: str
    imports: tuple[str, ...]


class CodeParts(NamedTuple):
    """What a step's code consists of.

    Attributes:
        own: hash of the step's function, with the helpers that it names.
        modules: module -> hash, of all that the function reaches.
        libraries: distribution -> version.
    """

    own: str
    modules: dict[str, str]
    libraries: dict[str, str]


def code_fingerprint(
    function: Callable[..., Any], libraries: Iterable[str] = (), *, without: Collection[str] = ()
) -> str:
    """Fingerprint a step's function, all that it reaches, and the versions of `libraries`.

    Args:
        function: the function.
        libraries: distributions.
        without: modules that do not count, nor what is reached through them alone.
    Returns:
        32 hex digits; the same for the same code, whatever its comments and layout.

    Example:
        >>> len(code_fingerprint(code_fingerprint))
        32
    """
    parts = code_parts(function, libraries, without=without)
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    digest.update(parts.own.encode())
    for module, found in parts.modules.items():
        digest.update(f"{module}:{found}".encode())
    for library, version in parts.libraries.items():
        digest.update(f"{library}=={version}".encode())
    return digest.hexdigest()


def code_parts(
    function: Callable[..., Any], libraries: Iterable[str] = (), *, without: Collection[str] = ()
) -> CodeParts:
    """List what `code_fingerprint` is made from, so that it can be told which part changed.

    Example:
        >>> code_parts(code_fingerprint, ["pyarrow"]).libraries.keys()
        dict_keys(['pyarrow'])
    """
    before = len(_remembered())
    own = _facts(Path(inspect.getfile(function)), function.__qualname__)
    modules = sorted(_reached(_first_party(own.imports, function.__module__), without))
    parts = CodeParts(
        own.hash,
        {module: _module_facts(module).hash for module in modules},
        {library: _version(library) for library in sorted(libraries)},
    )
    if len(_remembered()) > before:
        _remember()
    return parts


@functools.cache
def _version(library: str) -> str:
    """The version that is installed; a package that is an option may be missing, and the work then says so."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


@functools.cache
def _tree(path: Path) -> ast.Module:
    return bare_tree(path.read_text(encoding="utf-8"))


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


def _with_helpers(tree: ast.Module, definition: ast.AST) -> ast.Module:
    """A definition, and all at the top of its module that it names: helpers, constants, imports."""
    kept: list[Any] = [definition]
    seen: set[str] = set()
    while named := {node.id for one in kept for node in ast.walk(one) if isinstance(node, ast.Name)} - seen:
        seen |= named
        kept += [part for node in tree.body if (part := _part_of(node, named)) is not None and part not in kept]
    return ast.Module(kept, [])


def _part_of(node: ast.stmt, names: set[str]) -> ast.stmt | None:
    """What of a statement at the top of a module defines one of some names."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        aliases = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in names]
        if not aliases:
            return None
        if isinstance(node, ast.Import):
            return ast.Import(aliases)
        return ast.ImportFrom(node.module, aliases, node.level)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node if node.name in names else None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return node if any(isinstance(one, ast.Name) and one.id in names for one in targets) else None


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
def _module_facts(name: str) -> _Facts:
    path = _module_path(name)
    return _facts(path) if path is not None else _Facts("", ())


@functools.cache
def _facts(path: Path, definition: str = "") -> _Facts:
    """Find out about a whole module, or about one function or class and what of its module it uses."""
    key = _hash(b"|".join([_own_source(), path.read_bytes(), definition.encode()]))
    known = _remembered()
    if key not in known:
        tree = _tree(path)
        if definition:
            tree = _with_helpers(tree, _definition(tree, definition))
        known[key] = _Facts(_hash(ast.dump(tree).encode()), tuple(sorted(_imports(tree))))
    return known[key]


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


@functools.cache
def _own_source() -> bytes:
    """The files by whose rules it was found out what is remembered."""
    return Path(__file__).read_bytes() + Path(bare.__file__).read_bytes()


def _memory_file() -> Path:
    """Name the file of what is remembered, for all installations of a user; a source is known by its hash."""
    folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(folder).expanduser() / _PACKAGE / f"code-{sys.version_info.major}.{sys.version_info.minor}.json"


@functools.cache
def _remembered() -> dict[str, _Facts]:
    """Hash of a source -> what was found out about it, by this process or by earlier ones."""
    return _read_memory()


def _read_memory() -> dict[str, _Facts]:
    try:
        found = json.loads(_memory_file().read_bytes())
        return {key: _Facts(digest, tuple(imports)) for key, (digest, imports) in found.items()}
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError):
        return {}


def _remember() -> None:
    """Write down what is known; where that is impossible, the next process finds it out again."""
    known = list({**_read_memory(), **_remembered()}.items())[-_MOST_REMEMBERED:]
    try:
        file = _memory_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as draft:
            new = Path(draft) / file.name
            new.write_text(json.dumps(dict(known)), encoding="utf-8")
            new.replace(file)
    except (OSError, RuntimeError):
        return


def _imports(node: ast.AST) -> set[str]:
    """Name the modules that a syntax tree imports, wherever in it they stand."""
    found: set[str] = set()
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            found.update(alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module and child.level == 0:
            found.add(child.module)
            found.update(f"{child.module}.{alias.name}" for alias in child.names)
    return found


def _first_party(names: Iterable[str], module: str) -> set[str]:
    return {name for name in names if _is_first_party(name) and name != module}


def _is_first_party(name: str) -> bool:
    return name.startswith(f"{_PACKAGE}.") and not name.startswith(_OUTSIDE) and _module_path(name) is not None


def _reached(modules: set[str], without: Collection[str]) -> set[str]:
    """Follow imports from module to module until nothing new is reached."""
    reached: set[str] = set()
    waiting = modules.difference(without)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= _module_imports(name) - reached - set(without)
    return reached


@functools.cache
def _module_imports(name: str) -> frozenset[str]:
    return frozenset(_first_party(_module_facts(name).imports, name))
