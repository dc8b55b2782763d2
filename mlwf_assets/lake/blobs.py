"""Files that belong to results, kept once under the hash of their bytes.

A file is written under another name, brought to the disk, and renamed: what stands under a hash is whole or
was damaged later, and reading tells.
"""

import os
import uuid
from pathlib import Path

from mlwf_assets.errors import LakeError
from mlwf_assets.lake.fingerprint import hash_bytes

BLOBS = ".blobs"


def put_blob(lake: Path, content: bytes) -> str:
    """Keep some bytes.

    Returns:
        Their hash, by which `get_blob` finds them.
    Raises:
        OSError: if the disk is full or refuses.
    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     get_blob(Path(folder), put_blob(Path(folder), b"model"))
        b'model'
    """
    name = hash_bytes(content)
    path = blob_path(lake, name)
    if not (path.exists() and path.stat().st_size == len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, content)
    return name


def get_blob(lake: Path, name: str) -> bytes:
    """Return the bytes with this hash.

    Raises:
        LakeError: if they are missing or not what they were.
    """
    path = blob_path(lake, name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LakeError(f"{path} must be there, however: {error.strerror}; {REMEDY}") from error
    if hash_bytes(content) != name:
        raise LakeError(
            f"{path} must hold what its name says, however: its {len(content):,} bytes are others; "
            f"delete it. {REMEDY.capitalize()}"
        )
    return content


REMEDY = "run again: what is missing in the lake is computed anew"


def blob_path(lake: Path, name: str) -> Path:
    """Return where the bytes with this hash stand.

    Example:
        >>> blob_path(Path("lake"), "abcd").as_posix()
        'lake/.blobs/ab/abcd'
    """
    return lake / BLOBS / name[:2] / name


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is whole, on the disk, or not there.

    Raises:
        OSError: if the disk is full or refuses.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("wb") as sink:
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
