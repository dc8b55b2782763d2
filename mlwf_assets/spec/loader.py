"""From a folder with a defs.yaml to a checked `Workflow`; the one way in which workflow files are read.

Form, unserved fields, secrets and everything that can be checked without data are looked at here, and all
mistakes are reported at once. What needs the sources' column names is `references.check`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.consistency import check_consistency
from mlwf_assets.spec.defaults import fill_tables
from mlwf_assets.spec.extensions import read_own_code
from mlwf_assets.spec.mistakes import Mistake, Place, error, suggestion
from mlwf_assets.spec.not_yet import check_not_yet
from mlwf_assets.spec.secrets import check_secrets
from mlwf_assets.spec.validation import validate
from mlwf_assets.spec.workflow import Workflow
from mlwf_assets.spec.yaml_text import Parsed, parse_yaml

COMPONENT = "mlwf_assets.MLWorkflow"
FILE_NAME = "defs.yaml"
_PACKAGED = Path(__file__).resolve().parent.parent / "workflows"


def load(folder: Path) -> Workflow:
    """Read and check the workflow of a folder (or of the path of its defs.yaml).

    Raises:
        SpecError: if there is no file, or listing every mistake in it with file, line and remedy.
    """
    file = folder if folder.name == FILE_NAME else folder / FILE_NAME
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError(f"{file}: there must be a file {FILE_NAME}, however: there is none") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise SpecError(f"{file}: must be a readable UTF-8 text file, however: {problem}") from None
    return loads(text, file=file)


def loads(text: str, *, file: Path) -> Workflow:
    """Read and check a workflow's text as if it stood in `file`, which need not exist.

    Raises:
        SpecError: listing every mistake.
    """
    whole = parse_yaml(text)
    found = list(whole.mistakes)
    if whole.data is not None or not found:
        found += _check_outside(whole.data)
    if not isinstance(whole.data, dict) or not isinstance(whole.data.get("attributes"), dict):
        raise error(file, whole.lines, found)
    data = whole.data["attributes"]
    lines = {**whole.lines, **_lines_below(whole, "attributes")}
    found = [m._replace(place=m.place[1:]) if m.place[:1] == ("attributes",) and m.place[1:] else m for m in found]
    found += [*check_not_yet(data), *check_secrets(data)]
    workflow, of_form = validate(data)
    found += [m for m in of_form if not any(m.place[: len(other.place)] == other.place for other in found)]
    if workflow is not None:
        own, of_python = read_own_code(file.parent, workflow.python)
        workflow = fill_tables(workflow.read_from(file, lines, own, text))
        found += [*of_python, *check_consistency(workflow)]
    if workflow is None or found:
        raise error(file, lines, found)
    return workflow


def _check_outside(data: Any) -> Iterator[Mistake]:
    if not isinstance(data, dict):
        yield Mistake((), f"must begin with 'type: {COMPONENT}', followed by 'attributes:'")
        return
    for name in data:
        if name not in ("type", "attributes"):
            yield Mistake((name,), f"unknown field.{suggestion(name, ('type', 'attributes'))}")
    if data.get("type") != COMPONENT:
        yield Mistake(("type",), f"must be {COMPONENT}, however: {data.get('type')!r}")
    if not isinstance(data.get("attributes"), dict):
        yield Mistake(("attributes",), "must be a mapping with the fields of the workflow, name first")


def _lines_below(parsed: Parsed, name: str) -> dict[Place, int]:
    return {place[1:]: line for place, line in parsed.lines.items() if place[:1] == (name,)}


def mistake(workflow: Workflow, place: Place, message: str) -> SpecError:
    """Make the error for a mistake that was found later, e.g. a source's missing file.

    Example:
        >>> from mlwf_assets.spec.loader import loads, mistake
        >>> text = '''
        ... type: mlwf_assets.MLWorkflow
        ... attributes:
        ...   name: small
        ...   project: {question: "Is it late?"}
        ...   sources: {trips: trips.csv}
        ...   examples: {table: trips, label: late}
        ... '''
        >>> print(mistake(loads(text, file=Path("small/defs.yaml")), ("sources", "trips", "path"), "no such file"))
        small/defs.yaml:6: sources.trips.path: no such file
    """
    return error(workflow.file, workflow.lines, [Mistake(place, message)])


def workflow_folders() -> list[Path]:
    """List the folders of all known workflows: those of the package, then those of MLWF_WORKFLOWS.

    Each entry of MLWF_WORKFLOWS is a folder with a defs.yaml, or a folder of such folders.

    Raises:
        SpecError: if an entry of MLWF_WORKFLOWS is no folder.
    """
    folders = _folders_in(_PACKAGED)
    for entry in os.environ.get("MLWF_WORKFLOWS", "").split(os.pathsep):
        if not entry.strip():
            continue
        folder = Path(entry.strip()).expanduser().resolve()
        if not folder.is_dir():
            raise SpecError(f"MLWF_WORKFLOWS must name folders, separated by {os.pathsep!r}, however: {entry}")
        folders += [folder] if (folder / FILE_NAME).is_file() else _folders_in(folder)
    return list(dict.fromkeys(folders))


def distinct_folders() -> list[Path]:
    """List the folders of all known workflows, no two of one name.

    Raises:
        SpecError: if two files give the same name: it is the key of all that a workflow makes.
    """
    folders: dict[str, Path] = {}
    for folder in workflow_folders():
        name = name_in(folder)
        if name in folders:
            raise SpecError(
                f"each workflow must have a name of its own, however {folders[name]} and {folder} are both called "
                f"{name!r}; change 'name:' in one of them, or take one out of MLWF_WORKFLOWS"
            )
        folders[name] = folder
    return list(folders.values())


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"*/{FILE_NAME}"))


def find(name_or_path: str) -> Path:
    """Return the folder of a workflow that is given by its name or by a path.

    A text with a separator, or 'defs.yaml', is a path; a name is looked for among the known
    workflows first, by the name in the file, then by the folder's, and then as a folder here.

    Raises:
        SpecError: if there is none.
    """
    path = Path(name_or_path).expanduser()
    if path.name == FILE_NAME:
        path = path.parent
    is_path = os.sep in name_or_path or name_or_path in (".", "..") or name_or_path == FILE_NAME
    folders = [] if is_path else workflow_folders()[::-1]  # of two with one name the first one counts
    known = {folder.name: folder for folder in folders} | {name_in(folder): folder for folder in folders}
    if name_or_path in known:
        return known[name_or_path]
    if (path / FILE_NAME).is_file():
        return path.resolve()
    if is_path:
        raise SpecError(f"{name_or_path}: there must be a folder with a {FILE_NAME}, however: there is none")
    raise SpecError(
        f"there must be a workflow or a folder {name_or_path!r}.{suggestion(name_or_path, sorted(known))} "
        "MLWF_WORKFLOWS adds folders."
    )


def name_in(folder: Path) -> str:
    """Return the name that a folder's file gives, without checking the file; else the folder's own name."""
    try:
        data = parse_yaml((folder / FILE_NAME).read_text(encoding="utf-8")).data
    except (OSError, UnicodeDecodeError):
        return folder.name
    attributes = data.get("attributes") if isinstance(data, dict) else None
    name = attributes.get("name") if isinstance(attributes, dict) else None
    return name if isinstance(name, str) else folder.name
