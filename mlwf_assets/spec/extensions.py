"""What the Python files of a workflow's folder add, read from their text: nothing of it is run here.

`extending.py` holds the decorators; `own_code.py` runs the files when something of them is needed. A mistake in
a decorator is reported with the others of the workflow file.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from mlwf_assets.spec.base import Name, Names, SpecModel
from mlwf_assets.spec.mistakes import Mistake, Place, dotted, suggestion
from mlwf_assets.spec.names import Kind
from mlwf_assets.spec.tables import ColumnType

_PACKAGE = "mlwf_assets"
_PLACE: Place = ("python",)


class Extension(SpecModel):
    """One decorated function or class.

    Attributes:
        name: the function's; of a class, its name in the form of names in workflow files.
        written: as it is written in the file.
        file: the file, as the workflow file names it.
        line: where it stands there.
        words: the first line of its docstring.
    """

    name: Name
    written: str
    file: str
    line: int
    words: str = ""

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.file}:{self.line}: {self.written}"


class CleaningStep(Extension):
    """Makes columns of a clean table."""

    table: Name
    reads: Names = Field(min_length=1)
    makes: dict[str, ColumnType] = Field(min_length=1)


class Label(Extension):
    """Makes what is predicted."""

    reads: Names = Field(min_length=1)
    type: ColumnType


class Feature(Extension):
    """Makes a feature of the examples' own rows."""

    reads: Names = Field(min_length=1)
    type: Literal["number", "boolean", "category"]


class Family(Extension):
    """Is a model family."""


class Metric(Extension):
    """Judges predictions."""

    kinds: tuple[Kind, ...] = Field(min_length=1)
    higher_is_better: bool
    probability: bool = False


_KINDS: dict[str, type[Extension]] = {
    "cleaning_step": CleaningStep, "label": Label, "feature": Feature, "family": Family, "metric": Metric,
}  # fmt: skip
Kinded = TypeVar("Kinded", bound=Extension)


@dataclass(frozen=True)
class PythonFile:
    """A Python file of a workflow's folder.

    Attributes:
        name: as the workflow file writes it.
        path: where it is.
        text: what stood in it when the workflow was loaded; that is what runs.
    """

    name: str
    path: str
    text: str


@dataclass(frozen=True)
class OwnCode:
    """All Python files of a workflow, in the order in which they are run, and what they add."""

    files: tuple[PythonFile, ...] = ()
    extensions: tuple[Extension, ...] = ()

    @property
    def fingerprint(self) -> str:
        """12 hex digits that name these texts."""
        texts = repr([(file.name, file.text) for file in self.files])
        return hashlib.blake2b(texts.encode(), digest_size=6).hexdigest()

    def of(self, kind: type[Kinded]) -> list[Kinded]:
        """List the extensions of one kind, in the order of the files."""
        return [one for one in self.extensions if isinstance(one, kind)]

    def find(self, kind: type[Kinded], name: str) -> Kinded | None:
        """Return the extension of that kind and name; None where there is none."""
        return next((one for one in self.of(kind) if one.name == name), None)


NO_CODE = OwnCode()


def read_own_code(folder: Path, names: Names) -> tuple[OwnCode, list[Mistake]]:
    """Read the Python files of a workflow's folder.

    Args:
        folder: the workflow's.
        names: of the files, relative to it.
    Returns:
        What they add, and what is wrong with them.
    """
    found: list[Mistake] = []
    files = []
    for position, name in enumerate(names):
        try:
            files.append(PythonFile(name, str(folder / name), (folder / name).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as problem:
            found.append(Mistake((*_PLACE, position), f"must be a Python file of {folder}, however: {problem}"))
    code, mistakes = scan(tuple(files))
    return code, found + mistakes


def scan(files: tuple[PythonFile, ...]) -> tuple[OwnCode, list[Mistake]]:
    r"""Find what files add.

    Example:
        >>> text = "import mlwf_assets as mlwf\n\n@mlwf.label(reads=['km'], type='boolean')\ndef far(rows): ..."
        >>> code, mistakes = scan((PythonFile("code.py", "code.py", text),))
        >>> [(one.name, one.line) for one in code.of(Label)], mistakes
        ([('far', 4)], [])
    """
    extensions: list[Extension] = []
    found: list[Mistake] = []
    for file in files:
        try:
            tree = ast.parse(file.text)
        except (SyntaxError, ValueError) as problem:
            line = getattr(problem, "lineno", None) or 1
            found.append(Mistake(_PLACE, f"{file.name}:{line}: must be Python, however: {problem}"))
            continue
        for one in _of_tree(file, tree):
            (found if isinstance(one, Mistake) else extensions).append(one)  # type: ignore[arg-type]
    return OwnCode(files, tuple(extensions)), [*found, *_same_names(extensions)]


def _same_names(extensions: list[Extension]) -> Iterator[Mistake]:
    first: dict[str, Extension] = {}
    for one in extensions:
        if (other := first.setdefault(one.name, one)) is not one:
            yield Mistake(_PLACE, f"{one.place}: must have a name of its own, however: so is called {other.place}")


def _of_tree(file: PythonFile, tree: ast.Module) -> Iterator[Extension | Mistake]:
    ours = _imported(tree)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            kind = ours.get(ast.unparse(call.func if call else decorator))
            if kind is not None:
                yield _read(file, node, kind, call)


def _imported(tree: ast.Module) -> dict[str, str]:
    """How the file writes each decorator -> its name."""
    written: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            modules = [alias.asname or alias.name for alias in node.names if alias.name == _PACKAGE]
            written |= {f"{module}.{kind}": kind for module in modules for kind in _KINDS}
        elif isinstance(node, ast.ImportFrom) and node.module in (_PACKAGE, f"{_PACKAGE}.extending"):
            written |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in _KINDS}
    return written


def _read(file: PythonFile, node: ast.FunctionDef | ast.ClassDef, kind: str, call: ast.Call | None) -> Any:
    place = f"{file.name}:{node.lineno}: @{kind} of {node.name}"
    given: dict[str, Any] = {}
    for keyword in call.keywords if call else ():
        try:
            given[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except ValueError:
            return Mistake(_PLACE, f"{place}: {keyword.arg} must be written out, for it is read before the file is run")
    if call is not None and call.args:
        return Mistake(_PLACE, f"{place}: must say by name what it is given, e.g. reads=[...]")
    if kind == "metric" and isinstance(given.get("kinds"), str):
        given["kinds"] = (given["kinds"],)
    own = {
        "name": _snake(node.name) if isinstance(node, ast.ClassDef) else node.name,
        "written": node.name,
        "file": file.name,
        "line": node.lineno,
        "words": (ast.get_docstring(node) or "").partition("\n")[0],
    }
    try:
        return _KINDS[kind].model_validate({**given, **own})
    except ValidationError as problem:
        return Mistake(_PLACE, f"{place} {_in_words(problem, _KINDS[kind])}")


def _in_words(problem: ValidationError, kind: type[Extension]) -> str:
    # A misspelt field is told, and not that it is missing.
    first = min(problem.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    name = dotted(first["loc"])
    if first["type"] == "missing":
        return f"must say {name}"
    if first["type"] == "extra_forbidden":
        known = [field for field in kind.model_fields if field not in Extension.model_fields]
        return f"must not say {name}.{suggestion(name, known)}"
    if name == "name":
        return "must be called in lower-case letters, digits and underscores"
    return f"must say another {name}: {first['msg']}, however: {first['input']!r}"


def _snake(name: str) -> str:
    """Write a class's name as names in workflow files are written.

    Example:
        >>> _snake("NearestNeighbours")
        'nearest_neighbours'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
