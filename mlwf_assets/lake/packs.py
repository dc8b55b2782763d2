"""Many small files that belong to results in a few large ones: `mlwf gc` packs them, `blobs` looks into the packs.

A pack is the files' bytes one after another, then a JSON index of them (hash -> where it begins, how many bytes), then
the length of the index in 8 bytes. It is written aside and moved to its place: a pack is whole or not there.
"""

import functools
import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mlwf_assets.lake.durable import writing_durably

PACKS = ".packs"
_SUFFIX = ".pack"
_LENGTH_BYTES = 8


class Place(NamedTuple):
    """Where the bytes with some hash stand."""

    pack: str
    start: int
    size: int


def find_packed(lake: Path, name: str) -> Place | None:
    """Return where the bytes with a hash stand in the packs of a lake; None where they do not.

    Example:
        >>> find_packed(Path("/no/such/lake"), "abcd") is None
        True
    """
    for pack in list_packs(lake):
        found = read_index(pack).get(name)
        if found is not None:
            return Place(pack, *found)
    return None


def read_packed(place: Place) -> bytes:
    """Read bytes out of a pack.

    Raises:
        OSError: if the pack is gone.
    """
    with Path(place.pack).open("rb") as file:
        file.seek(place.start)
        return file.read(place.size)


def list_packs(lake: Path) -> list[str]:
    """Return the paths of a lake's packs."""
    try:
        with os.scandir(lake / PACKS) as found:
            return sorted(entry.path for entry in found if entry.name.endswith(_SUFFIX))
    except FileNotFoundError:
        return []


@functools.lru_cache(maxsize=16)
def read_index(pack: str) -> dict[str, tuple[int, int]]:
    """Return what stands in a pack: hash -> where it begins, how many bytes; {} where it is gone or damaged.

    Packs have names of their own and are never changed, so that this may be remembered.
    """
    try:
        with Path(pack).open("rb") as file:
            file.seek(-_LENGTH_BYTES, os.SEEK_END)
            length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
            file.seek(-_LENGTH_BYTES - length, os.SEEK_END)
            return {name: (start, size) for name, (start, size) in json.loads(file.read(length)).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_pack(lake: Path, contents: Iterable[tuple[str, bytes]]) -> Path:
    """Write a pack of some files.

    Args:
        lake: the lake's folder.
        contents: hash and bytes of each.
    Raises:
        OSError: if the disk is full or refuses; nothing is left.
    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = write_pack(Path(folder), [("ab", b"one"), ("cd", b"two")])
        ...     read_packed(find_packed(Path(folder), "cd"))
        b'two'
    """
    folder = lake / PACKS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}{_SUFFIX}"
    index, start = {}, 0
    with writing_durably(path) as sink:
        for name, content in contents:
            sink.write(content)
            index[name] = (start, len(content))
            start += len(content)
        written = json.dumps(index).encode()
        sink.write(written + len(written).to_bytes(_LENGTH_BYTES, "big"))
    return path
