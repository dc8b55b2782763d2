"""What of a lake nobody needs any more, and taking it away.

Kept is what tables hold now, what Delta's log names as live, and what the caller says is needed; all other rows and
attached files may go, and files of writers that were killed. The log is not touched: an entry whose rows are gone
counts as missing, as it does when somebody deletes a file. Who needs what is not known here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

from mlwf_assets.errors import LakeError
from mlwf_assets.lake import delta
from mlwf_assets.lake.blobs import BLOBS, get_blob
from mlwf_assets.lake.delta import Kept
from mlwf_assets.lake.durable import DRAFT
from mlwf_assets.lake.index import Index
from mlwf_assets.lake.packs import PACKS, list_packs, read_index, write_pack
from mlwf_assets.lake.turns import taking_away

SMALL_BYTES = 1 << 16
_WORTH = 64  # so many small files are worth a new pack
At = tuple[str | None, int]


@dataclass(frozen=True)
class Needs:
    """What must stay besides what tables hold now.

    Attributes:
        entries: table -> (partition, version) of single results.
        states: table -> versions of the table; all that it held then.
        since_s: all that was written from then on, seconds since 1970.
    """

    entries: Mapping[str, AbstractSet[At]] = field(default_factory=dict)
    states: Mapping[str, AbstractSet[int]] = field(default_factory=dict)
    since_s: float = float("inf")


@dataclass(frozen=True)
class Unneeded:
    """What may go.

    Attributes:
        versions: table -> how many of its results go.
        rows: Parquet files.
        blobs: attached files.
        checkpoints: of Delta's logs, those that later ones replace.
        loose: small attached files that are worth a pack.
        stale_packs: packs that a new one replaces.
        bytes: of all that goes.
    """

    versions: Mapping[str, int]
    rows: tuple[Path, ...]
    blobs: tuple[Path, ...]
    checkpoints: tuple[Path, ...]
    loose: tuple[str, ...]
    stale_packs: tuple[str, ...]
    bytes: int

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is taken away, in the order in which it is."""
        return (*self.rows, *self.blobs, *self.checkpoints)


def list_tables(lake: Path) -> list[str]:
    """Return the names of a lake's tables."""
    return [str(Path(name).parent) for name in sorted(glob(f"*/*/*/{delta.LOG}", root_dir=lake))]  # noqa: PTH207


def find_unneeded(lake: Path, needs: Needs) -> Unneeded:
    """List what nobody needs; nothing is changed."""
    index = Index(lake)
    versions: Counter[str] = Counter()
    rows: list[Path] = []
    checkpoints: list[Path] = []
    hashes: set[str] = set()
    for table in list_tables(lake):
        kept = _needed(index, table, needs)
        hashes.update(name for one in kept for name in one.entry.files.values())
        live = {one.file for one in kept} | _live(lake / table, index.state(table)[0])
        gone = [path for path in _row_files(lake / table) if path.relative_to(lake / table).as_posix() not in live]
        rows += gone
        names = {path.relative_to(lake / table).as_posix() for path in gone}
        versions[table] += sum(one.file in names for one in index.history(table))
        checkpoints += _old_checkpoints(lake / table)
    loose = {path.name: path for path in _blob_files(lake)}
    blobs = [path for name, path in loose.items() if name not in hashes]
    chosen, stale = _worth_packing(lake, hashes, {name: path for name, path in loose.items() if name in hashes})
    sizes = sum(_size(path) for path in (*rows, *blobs, *checkpoints))
    return Unneeded(+versions, tuple(rows), tuple(blobs), tuple(checkpoints), chosen, stale, sizes)


def take_away(lake: Path, needs: "Iterable[Needs]") -> Unneeded:
    """Take away what nobody needs, and pack what is small; whoever is killed on the way leaves a sound lake.

    Args:
        lake: the lake's folder.
        needs: asked once nobody writes any more, for what is needed may have changed until then; joined.
    Returns:
        What went.
    """
    with taking_away(lake):
        found = find_unneeded(lake, join(needs))
        for path in found.files:
            path.unlink(missing_ok=True)
        if found.loose:
            _pack(lake, found)
        for draft in (lake / PACKS).glob(f"*{DRAFT}"):
            draft.unlink(missing_ok=True)
    return found


def join(needs: Iterable[Needs]) -> Needs:
    """Join what several need.

    Example:
        >>> join([Needs(states={"w/raw/a": {1}}), Needs(states={"w/raw/a": {2}}, since_s=7.0)]).states
        {'w/raw/a': {1, 2}}
    """
    entries: dict[str, set[At]] = {}
    states: dict[str, set[int]] = {}
    since_s = float("inf")
    for one in needs:
        for table, wanted in one.entries.items():
            entries.setdefault(table, set()).update(wanted)
        for table, versions in one.states.items():
            states.setdefault(table, set()).update(versions)
        since_s = min(since_s, one.since_s)
    return Needs(entries, states, since_s)


def _needed(index: Index, table: str, needs: Needs) -> list[Kept]:
    history = index.history(table)
    wanted = set(needs.entries.get(table, ()))
    wanted |= {(one.entry.partition, one.entry.version) for one in index.current(table)}
    for version in needs.states.get(table, ()):
        # A later one of a partition replaces what was there before it.
        state = {one.entry.partition: one.entry.version for one in history if one.entry.version <= version}
        wanted |= set(state.items())
    return [
        one
        for one in history
        if (one.entry.partition, one.entry.version) in wanted or one.entry.created_s >= needs.since_s
    ]


def _live(folder: Path, version: int) -> set[str]:
    """The files that any reader of the Delta table sees, also those that another tool wrote."""
    return {file for file, _, _ in delta.read_live(folder, version)} if version >= 0 else set()


def _row_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.parquet") if path.parent.name != delta.LOG)


def _old_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints but for the newest; where the log does not begin at 0, the oldest is what it begins with."""
    found = sorted((folder / delta.LOG).glob("*.checkpoint.parquet"))
    begins = bool(delta.list_versions(folder)[:1] == [0])
    return found[0 if begins else 1 : -1]


def _blob_files(lake: Path) -> Iterator[Path]:
    """Attached files, and the drafts that killed writers left."""
    return (path for path in (lake / BLOBS).glob("*/*") if path.is_file())


def _worth_packing(
    lake: Path, needed: AbstractSet[str], loose: Mapping[str, Path]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Choose what goes into a new pack, and the packs that it replaces; nothing where it is not worth it."""
    packs = list_packs(lake)
    packed = {name for pack in packs for name in read_index(pack)}
    small = {name for name, path in loose.items() if _size(path) <= SMALL_BYTES}
    dead = len(packed - needed)
    if len(small) < max(_WORTH, len(packed) // 4) and dead * 2 <= len(packed):
        return (), ()
    return tuple(sorted(small | (packed & needed))), tuple(packs)


def _pack(lake: Path, found: Unneeded) -> None:
    """Write the new pack, then take away what stands in it; what cannot be read stays where it is."""
    read: set[str] = set()

    def contents() -> Iterator[tuple[str, bytes]]:
        for name in found.loose:
            with suppress(LakeError):
                content = get_blob(lake, name)
                read.add(name)
                yield name, content

    write_pack(lake, contents())
    for path in list(_blob_files(lake)):
        if path.name in read:
            path.unlink(missing_ok=True)
    for pack in found.stale_packs:
        Path(pack).unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
