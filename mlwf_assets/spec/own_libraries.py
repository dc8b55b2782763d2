"""Which installed distributions a workflow's own Python files import."""

import ast
import functools
import importlib.metadata
import sys

from mlwf_assets.spec.extensions import OwnCode


def own_versions(own: OwnCode) -> dict[str, str]:
    """Return the distributions that the files import, and their versions; what is not installed is left out.

    Example:
        >>> own_versions(OwnCode())
        {}
    """
    modules = {name for file in own.files for name in _imported(file.text)}
    return _versions(frozenset(modules - {*sys.stdlib_module_names, "mlwf_assets"} | {"pandas"} if own.files else ()))


@functools.cache
def _versions(modules: frozenset[str]) -> dict[str, str]:
    # Looking through all that is installed takes a tenth of a second.
    providers = importlib.metadata.packages_distributions() if modules else {}
    names = sorted({name for module in modules for name in providers.get(module, [])})
    return {name: importlib.metadata.version(name) for name in names}


def _imported(text: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(text)))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in found}
