"""The fingerprint of what an asset uses of the workflow's own Python files.

Of the files counts everything but the other decorated functions and classes: a change of the label function does
not make clean data stale. One that is named anywhere in what counts, counts as well.
"""

import ast
from collections.abc import Iterable

from mlwf_assets.assets.bare import bare_tree
from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.spec.extensions import Extension, OwnCode
from mlwf_assets.spec.own_libraries import own_versions
from mlwf_assets.spec.workflow import Workflow


def own_code(workflow: Workflow, used: Iterable[Extension]) -> str:
    """Fingerprint the code behind some extensions, and the versions of the libraries that their files import.

    Returns:
        32 hex digits; '' where nothing is used.
    """
    names = {one.written for one in used}
    if not names:
        return ""
    return hash_json([*_trees(workflow.own, names), own_versions(workflow.own)])


def _trees(own: OwnCode, used: set[str]) -> list[str]:
    trees = [bare_tree(file.text) for file in own.files]
    others = {one.written for one in own.extensions} - used
    while named := others & {name for tree in trees for name in _named(tree, others)}:
        others -= named
    return [ast.dump(ast.Module([node for node in tree.body if not _is_one_of(node, others)], [])) for tree in trees]


def _named(tree: ast.Module, others: set[str]) -> set[str]:
    """All names that stand in a file, outside of some of its functions and classes."""
    nodes = [node for top in tree.body if not _is_one_of(top, others) for node in ast.walk(top)]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return names | {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}


def _is_one_of(node: ast.stmt, names: set[str]) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names
