"""Which files a source consists of: patterns resolved, archives opened, each file under a stable name.

A `Part` is one file of data, wherever it lies (plain, in .gz, in .zip); its form is told from its name. What
stands in a part is the business of the readers, one module per form.
"""

import functools
import glob
import gzip
import hashlib
import importlib.util
import io
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Literal, cast

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.spec.secrets import hide_secrets, resolve_secrets
from mlwf_assets.spec.sources import FilesSource

Form = Literal["csv", "parquet", "jsonl"]
Opener = Callable[[], AbstractContextManager[IO[bytes]]]

_FORMS: dict[str, Form] = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip
_PACKED = (".gz", ".zip")
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods")
# Clocks of file systems go by steps of up to some hundredths of a second, some by whole ones.
_RACY_NS = 2_000_000_000
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Part:
    """One file of data.

    Attributes:
        name: what `_file` says; the path as the pattern found it, and the member where an archive holds several.
        place: where it is, for messages.
        form: how it is written.
        opener: opens its bytes, unpacked.
    """

    name: str
    place: str
    form: Form
    opener: Opener

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the bytes, unpacked.

        Raises:
            SourceError: if they cannot be read to where one reads, e.g. because the archive is cut off.
        """
        with _readable(self.place), self.opener() as stream:
            yield stream

    def read(self) -> bytes:
        """Return all bytes, unpacked.

        Raises:
            SourceError: if they cannot be read, or there are none.
        """
        with self.open() as stream:
            content = stream.read()
        if not content:
            raise SourceError(f"{self.place} must hold data, however it is empty; write the file again or remove it")
        return content


@dataclass(frozen=True)
class Found:
    """The files of a source.

    Attributes:
        parts: what is read.
        unread: members of archives that are no data by their names.
    """

    parts: tuple[Part, ...]
    unread: tuple[str, ...] = ()


def find_parts(source: FilesSource, folder: Path) -> Found:
    """List the files of a source, in the order of its patterns, then of their names; each once.

    Raises:
        SpecError: if the package is not installed, or the form of a file is neither given nor told by its name.
        SourceError: if a pattern finds nothing, or an archive cannot be read.
    """
    found = [
        _unpack(name, str(path), partial(_open_plain, path), source.format)
        for name, path in find_files(source, folder).items()
    ]
    return Found(
        tuple(chain.from_iterable(one.parts for one in found)), tuple(chain.from_iterable(one.unread for one in found))
    )


def parts_of(name: str, content: bytes, form: Form | None = None) -> tuple[Part, ...]:
    """List the parts of one file whose bytes are at hand: itself, or the members of an archive.

    Raises:
        SpecError: if the form is neither given nor told by the name.
        SourceError: if it is an archive that cannot be read.
    Example:
        >>> [part.form for part in parts_of("new.csv.gz", gzip.compress(b"a"))]
        ['csv']
    """
    return _unpack(name, name, partial(_open_bytes, content), form).parts


def find_files(source: FilesSource, folder: Path) -> dict[str, Path]:
    """List the files on disk: name as the pattern found it -> path.

    Raises:
        SpecError: if the package is not installed.
        SourceError: if a pattern finds nothing.
    """
    bases = [folder] if source.package is None else _package_folders(source.package)
    found: dict[str, Path] = {}
    seen: set[Path] = set()
    for pattern in source.path:
        wanted = resolve_secrets(pattern)
        wanted = str(Path(wanted).expanduser()) if wanted.startswith("~") else wanted
        matches = [(hide_secrets(name, of=pattern), base / name) for base in bases for name in _match(wanted, base)]
        if not matches:
            where = f"package {source.package}" if source.package else f"folder {folder}"
            raise SourceError(f"{pattern!r} must name a file in {where}, however there is none; {_near(wanted, bases)}")
        for name, path in matches:
            if name not in found and path.resolve() not in seen:
                found[name] = path
                seen.add(path.resolve())
    return found


def hash_file(path: Path) -> str:
    """Name the content of a file on disk, as it lies there (packed), without holding it in memory.

    A file that lies there as it did when this process read it last is not read again.

    Raises:
        SourceError: if it cannot be read.
    """
    with _readable(str(path)):
        found = path.stat()
        # What was written a moment ago may be written again without any difference in its size and times.
        if time.time_ns() - found.st_ctime_ns < _RACY_NS:
            return _read_hash(path)
        return _hash_of(path, (found.st_size, found.st_mtime_ns, found.st_ctime_ns))


@functools.lru_cache(maxsize=4096)
def _hash_of(path: Path, _stat: tuple[int, int, int]) -> str:
    return _read_hash(path)


def _read_hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _package_folders(package: str) -> list[Path]:
    """Find a package without importing it: some warn or work when imported."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise SpecError(f"package {package!r} must be installed, however it is not found; pip install {package}")
    return [Path(place) for place in spec.submodule_search_locations]


def _match(pattern: str, base: Path) -> list[str]:
    if (base / pattern).is_file():  # names may hold [ and ]
        return [Path(pattern).as_posix()]
    # Path.glob takes no absolute patterns, and none with '..'.
    names = glob.glob(pattern, root_dir=base, recursive=True)  # noqa: PTH207
    return sorted(Path(name).as_posix() for name in names if (base / name).is_file())


def _near(pattern: str, bases: Sequence[Path]) -> str:
    """Say what stands where the pattern looks, for most mistakes are in a name."""
    if any((base / pattern).is_dir() for base in bases):
        return f"it is a folder: write {pattern.rstrip('/')}/*{Path(pattern).suffix or '.csv'}"
    names = sorted({path.name for base in bases for path in (base / pattern).parent.glob("*")})
    return f"there are: {', '.join(names[:8])}" if names else "its folder is empty or missing"


def _unpack(name: str, place: str, opener: Opener, form: Form | None) -> Found:
    suffix = Path(name).suffix.lower()
    if suffix == ".zip":
        return _unzip(name, place, opener, form)
    if suffix == ".gz":
        plain = name[: -len(suffix)]
        found = _unpack(plain, place, partial(_open_gzip, opener), form)
        renamed = [replace(part, name=name + part.name.removeprefix(plain)) for part in found.parts]
        return replace(found, parts=tuple(renamed))
    return Found((Part(name, place, form or _told_by_name(name, place), opener),))


def _unzip(name: str, place: str, opener: Opener, form: Form | None) -> Found:
    with _readable(place), opener() as stream, zipfile.ZipFile(stream) as archive:
        members = sorted(member for member in archive.namelist() if _is_file(member))
    read = [member for member in members if form is not None or _is_data(member)]
    if not read:
        served = "CSV, Parquet or JSON lines"
        raise SourceError(f"{place} must hold {served}, however it holds: {', '.join(members[:8]) or 'nothing'}")
    inside = [_unpack(member, f"{place} ({member})", partial(_open_member, opener, member), form) for member in read]
    parts = [part for found in inside for part in found.parts]
    # The name of a lone member says nothing that the archive's does not.
    names = [name] if len(parts) == 1 else [f"{name}/{part.name}" for part in parts]
    unread = [f"{name}/{member}" for member in members if member not in read]
    unread += [f"{name}/{member}" for found in inside for member in found.unread]
    return Found(tuple(replace(part, name=own) for part, own in zip(parts, names, strict=True)), tuple(unread))


@contextmanager
def _open_plain(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as stream:
        yield stream


@contextmanager
def _open_bytes(content: bytes) -> Iterator[IO[bytes]]:
    yield io.BytesIO(content)


@contextmanager
def _open_gzip(opener: Opener) -> Iterator[IO[bytes]]:
    with opener() as packed, gzip.GzipFile(fileobj=packed) as stream:
        yield cast(IO[bytes], stream)


@contextmanager
def _open_member(opener: Opener, member: str) -> Iterator[IO[bytes]]:
    with opener() as packed, zipfile.ZipFile(packed) as archive, archive.open(member) as stream:
        yield stream


def _is_file(member: str) -> bool:
    pieces = member.split("/")
    return not member.endswith("/") and "__MACOSX" not in pieces and not pieces[-1].startswith(".")


def _is_data(member: str) -> bool:
    *_, before, last = ["", "", *(suffix.lower() for suffix in Path(member).suffixes)]
    return last in _FORMS or last == ".zip" or (last == ".gz" and before in _FORMS)


def _told_by_name(name: str, place: str) -> Form:
    suffix = Path(name).suffix.lower()
    if suffix in _FORMS:
        return _FORMS[suffix]
    if suffix in SPREADSHEETS:
        raise SpecError(
            f"{place} must be CSV, Parquet or JSON lines, however it is a spreadsheet; save it as CSV: in Excel by "
            f"'File > Save As > CSV UTF-8', in LibreOffice by 'File > Save As > Text CSV', one file for each sheet"
        )
    served = ", ".join([*_FORMS, *_PACKED])
    raise SpecError(
        f"{place} must tell its form by its name ({served}), however it does not; write 'format: csv' in the source"
    )


@contextmanager
def _readable(place: str) -> Iterator[None]:
    """Turn what files and archives raise into one clear error."""
    try:
        yield
    except SourceError:
        raise
    except _BROKEN as error:
        words = str(error) or type(error).__name__
        raise SourceError(
            f"{place} must be readable to its end, however: {words}; the file may be cut off, copy it again"
        ) from error
