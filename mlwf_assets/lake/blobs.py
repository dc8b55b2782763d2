"""Files that belong to results, kept once under the hash of their bytes.

A file is written under another name, brought to the disk, and renamed: what stands under a hash is whole or
was damaged later, and reading tells.
"""

from contextlib import suppress
from pathlib import Path

from mlwf_assets.errors import LakeError
from mlwf_assets.lake.durable import writing_durably
from mlwf_assets.lake.fingerprint import hash_bytes
from mlwf_assets.lake.packs import find_packed, read_packed

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
    is_whole = path.stat().st_size == len(content) if path.exists() else _is_packed(lake, name, content)
    if not is_whole:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing_durably(path) as sink:
            sink.write(content)
    return name


def get_blob(lake: Path, name: str) -> bytes:
    """Return the bytes with this hash.

    Raises:
        LakeError: if they are missing or not what they were.
    """
    path = blob_path(lake, name)
    try:
        content = _read(lake, name)
    except OSError as error:
        raise LakeError(f"{path} must be there, however: {error.strerror}; {REMEDY}") from error
    if hash_bytes(content) != name:
        raise LakeError(
            f"{path} must hold what its name says, however: its {len(content):,} bytes are others; "
            f"delete it. {REMEDY.capitalize()}"
        )
    return content


def has_blob(lake: Path, name: str) -> bool:
    """Tell whether the bytes with this hash are there, by themselves or in a pack.

    Example:
        >>> has_blob(Path("/no/such/lake"), "abcd")
        False
    """
    return blob_path(lake, name).exists() or find_packed(lake, name) is not None


def _is_packed(lake: Path, name: str, content: bytes) -> bool:
    packed = find_packed(lake, name)
    return packed is not None and read_packed(packed) == content


def _read(lake: Path, name: str) -> bytes:
    """Read the bytes where they are; they may be packed, and packs replaced, in between."""
    for _ in range(2):
        with suppress(FileNotFoundError):
            return blob_path(lake, name).read_bytes()
        if packed := find_packed(lake, name):
            with suppress(FileNotFoundError):
                return read_packed(packed)
    return blob_path(lake, name).read_bytes()


REMEDY = "run again: what is missing in the lake is computed anew"


def blob_path(lake: Path, name: str) -> Path:
    """Return where the bytes with this hash stand.

    Example:
        >>> blob_path(Path("lake"), "abcd").as_posix()
        'lake/.blobs/ab/abcd'
    """
    return lake / BLOBS / name[:2] / name
