"""Runs the Python files of a workflow's folder, and hands out what they add.

They become modules of one package that belongs to just these texts, so that two workflows may have files of the
same name, a changed file is run anew, and a file may import one above it by `from .other import ...`.
"""

import json
import sys
import threading
import traceback
from pathlib import PurePath
from types import ModuleType
from typing import Any

from mlwf_assets.errors import SpecError
from mlwf_assets.extending import MARK
from mlwf_assets.spec.extensions import Extension, OwnCode, PythonFile, scan

_RUNNING = threading.RLock()


def load_object(own: OwnCode, extension: Extension) -> Any:
    """Return the function or class behind an extension.

    Raises:
        SpecError: if a file cannot be run, saying at which of its lines.
    """
    return getattr(_module_of(own, extension.file), extension.written)


def pack(own: OwnCode) -> bytes:
    """Write the files down, for a model that needs them to be loaded."""
    return json.dumps([[file.name, file.text] for file in own.files], ensure_ascii=False, indent=1).encode()


def unpack(content: bytes) -> OwnCode:
    """Read what `pack` wrote.

    Example:
        >>> unpack(pack(OwnCode()))
        OwnCode(files=(), extensions=())
    """
    return scan(tuple(PythonFile(name, name, text) for name, text in json.loads(content)))[0]


def raised_at(own: OwnCode, error: BaseException) -> str:
    """Say at which line of a workflow's own files an error was raised: 'code.py:12: ', or nothing.

    Example:
        >>> raised_at(OwnCode(), ValueError())
        ''
    """
    paths = {file.path: file.name for file in own.files}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in paths]
    return f"{paths[frames[-1].filename]}:{frames[-1].lineno}: " if frames else ""


def _module_of(own: OwnCode, file: str) -> ModuleType:
    """Return the module of a file; all files are run, in order, where they were not yet."""
    package = f"mlwf_own_{own.fingerprint}"
    with _RUNNING:
        if package not in sys.modules:
            made = _run_all(own, package)
            # Not before all of them run is the package there: a mistake is told each time.
            sys.modules |= {package: _module(package, package), **made}
    return sys.modules[_name(package, file)]


def _run_all(own: OwnCode, package: str) -> dict[str, ModuleType]:
    made: dict[str, ModuleType] = {}
    try:
        for file in own.files:
            name = _name(package, file.name)
            sys.modules[name] = made[name] = _module(name, package)
            made[name].__file__ = file.path
            _run(own, file, made[name])
    finally:
        for name in made:
            sys.modules.pop(name)
    return made


def _run(own: OwnCode, file: PythonFile, module: ModuleType) -> None:
    try:
        exec(compile(file.text, file.path, "exec"), module.__dict__)  # noqa: S102 (what the file is there for)
    except Exception as error:
        where = raised_at(own, error) or f"{file.name}: "
        raise SpecError(f"{where}must run, however: {type(error).__name__}: {error}") from error
    _check_read(own, file.name, module)


def _name(package: str, file: str) -> str:
    return f"{package}.{PurePath(file).stem}"


def _module(name: str, package: str) -> ModuleType:
    module = ModuleType(name)
    module.__package__ = package
    module.__path__ = []
    return module


def _check_read(own: OwnCode, file: str, module: ModuleType) -> None:
    """Find what is decorated, but not in a way that could be read from the file's text."""
    read = {one.written for one in own.extensions}
    for name, thing in vars(module).items():
        if getattr(thing, "__module__", None) == module.__name__ and hasattr(thing, MARK) and name not in read:
            raise SpecError(
                f"{file}: {name} must be a function or class with '@mlwf.{getattr(thing, MARK)}(...)' right above it, "
                "however: it is decorated in another way"
            )
