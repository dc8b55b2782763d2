"""Odd rows: those of a clean table that an isolation forest sets apart soonest, each with what is unusual about it.

Contracts and rules catch what somebody thought of; this shows the rest, before models learn from it. The forest is
fitted to the rows that it is handed, which are to be training rows, and scores all of these and no others. It takes
nothing away: a row that should not be learned needs a rule. Source: Liu, Ting and Zhou (2008), Isolation Forest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.cleaning.oddity import Oddity, learn, show
from mlwf_assets.spec.made import is_ours
from mlwf_assets.spec.names import ROW_ID

SCORE, WHY = "_score", "_why"

# With fewer rows, each is odd.
LEAST_ROWS = 50
_LISTED_SHARE, _LEAST_LISTED, _MOST_LISTED = 0.001, 10, 1000
# All trees see the same rows, and among them each column's extremes: of a value beyond all that a tree knows it cannot
# tell how far off it is. So a lone wrong value is found, which the paper's 256 random rows for each tree mostly miss.
_SAMPLE, _TREES = 4_000, 64
_VALUES_PER_BATCH = 10_000_000
# Below, a row lies among the others (the paper's bound).
_ODD = 0.5
# A value that fewer rows have (or that is as extreme) is named as a reason.
_RARE, _REASONS = 0.025, 3
_SHOWN = 5


@dataclass(frozen=True)
class OddRows:
    """The odd rows of a table.

    Attributes:
        table: one row for each, the oddest first: key, `_score` (0.5 to 1), `_why`.
        among: which rows were looked at, in words.
        looked_at: how many these are.
        because: why none could be told; "" where it could.
    """

    table: pa.Table
    among: str
    looked_at: int
    because: str = ""

    def summary(self) -> dict[str, Any]:
        """Return what the report tells of them, as JSON values: the numbers, and the first few rows."""
        key = [name for name in self.table.column_names if name not in (SCORE, WHY)]
        oddest = [
            {"row": ", ".join(show(one[name]) for name in key), "score": one[SCORE], "why": one[WHY]}
            for one in self.table.slice(0, _SHOWN).to_pylist()
        ]
        told = {"among": self.among, "looked_at": self.looked_at, "because": self.because}
        return {**told, "listed": self.table.num_rows, "oddest": oddest}


def find_odd_rows(rows: pa.Table, *, key: Sequence[str], among: str, seed: int = 0) -> OddRows:
    """Find the rows that are unlike the others.

    Args:
        rows: clean rows to look at, training rows alone.
        key: the columns that name a row; () for `_row_id`.
        among: which rows these are, in words.
        seed: of the sample and of the forest.
    Returns:
        At most the oddest 0.1 % of the rows, at least 10 and at most 1,000, and none that lies among the others.
    Example:
        >>> trips = pa.table({"id": range(60), "km": [*range(59), 9000]})
        >>> find_odd_rows(trips, key=["id"], among="all rows").table.slice(0, 1)["_why"].to_pylist()
        ['km is 9000 (1.7 % of the rows have as much or more)']
    """
    key = tuple(key) or (ROW_ID,)
    chosen = _sample(rows, seed)
    columns = [learned for name in _told(rows, key) if (learned := learn(name, chosen[name], rows[name])) is not None]
    if because := _nothing_to_see(rows.num_rows, len(columns)):
        return OddRows(_list(rows.slice(0, 0), np.empty(0), [], key), among, rows.num_rows, because)
    scores = _score(rows, chosen, columns, seed)
    n = min(_MOST_LISTED, max(_LEAST_LISTED, int(np.ceil(_LISTED_SHARE * rows.num_rows))))
    order = np.argsort(-scores, kind="stable")[:n]
    order = order[scores[order] > _ODD]
    odd = rows.take(pa.array(order))
    return OddRows(_list(odd, scores[order], _reasons(odd, columns), key), among, rows.num_rows)


def _list(odd: pa.Table, scores: npt.NDArray[np.float64], reasons: list[str], key: Sequence[str]) -> pa.Table:
    listed = odd.select(list(key)).append_column(SCORE, pa.array(scores, pa.float64()))
    return listed.append_column(WHY, pa.array(reasons, pa.string()))


def known_by(rows: pa.Table, train: pa.Table) -> tuple[pa.Table, str]:
    """Take the rows of another table than the examples' that count as training rows.

    Args:
        rows: clean rows.
        train: the training examples.
    Returns:
        The rows that were known (else: took place) by the last training example, and words that say so. Rows
        without time count as known always.
    """
    last = next((end for name in ("cutoff", "time") if (end := _latest(train, name)) is not None), None)
    timed = next((name for name in ("_known_at", "_time") if _latest(rows, name) is not None), None)
    if last is None or timed is None:
        return rows, "all rows, for time plays no part"
    early = pc.less_equal(rows[timed].cast(last.type), last).fill_null(True)
    word = "known" if timed == "_known_at" else "from before"
    return rows.filter(early), f"rows {word} by the last training example, {last.as_py():%Y-%m-%d}"


def _latest(table: pa.Table, name: str) -> pa.Scalar | None:
    if name not in table.column_names or table[name].null_count == table.num_rows:
        return None
    return pc.max(table[name])


def _told(rows: pa.Table, key: Sequence[str]) -> list[str]:
    return [name for name in rows.column_names if name not in key and not is_ours(name)]


def _nothing_to_see(rows: int, columns: int) -> str:
    if rows < LEAST_ROWS:
        return f"{rows:,} rows are too few to say which is odd; {LEAST_ROWS} are needed"
    return "" if columns else "no column has values that are rare: all are constant, or differ in every row"


def _sample(rows: pa.Table, seed: int) -> pa.Table:
    if rows.num_rows <= _SAMPLE:
        return rows
    drawn = np.random.default_rng(seed).choice(rows.num_rows, _SAMPLE, replace=False)
    return rows.take(pa.array(np.sort(drawn)))


def _score(rows: pa.Table, chosen: pa.Table, columns: Sequence[Oddity], seed: int) -> npt.NDArray[np.float64]:
    """(n,) how soon each row is set apart, 0 to 1."""
    from sklearn.ensemble import IsolationForest

    ends = {place for column in columns for place in column.extremes(rows[column.name])}
    known = chosen if chosen is rows else pa.concat_tables([chosen, rows.take(pa.array(sorted(ends), pa.int64()))])
    sample = _encode(known, columns)
    # Of columns that are the same (what is missing is often missing together) one says it all.
    _, kept = np.unique(sample, axis=1, return_index=True)
    kept = np.sort(kept)
    forest = IsolationForest(n_estimators=_TREES, max_samples=len(sample), random_state=seed).fit(sample[:, kept])
    step = max(1, _VALUES_PER_BATCH // sample.shape[1])
    parts = [
        -forest.score_samples(_encode(rows.slice(start, step), columns)[:, kept])
        for start in range(0, rows.num_rows, step)
    ]
    return np.round(np.concatenate(parts), 6)


def _encode(rows: pa.Table, columns: Sequence[Oddity]) -> npt.NDArray[np.float32]:
    return np.concatenate([column.encode(rows[column.name]) for column in columns], axis=1)


def _reasons(odd: pa.Table, columns: Sequence[Oddity]) -> list[str]:
    """Say of each row which of its values are the rarest."""
    rarity = np.stack([column.rarity(odd[column.name]) for column in columns], axis=1)
    order = np.argsort(rarity, axis=1, kind="stable")[:, :_REASONS]
    words = []
    for row in range(odd.num_rows):
        rare = [int(i) for i in order[row] if rarity[row, i] <= _RARE]
        said = [columns[i].words(odd[columns[i].name][row].as_py(), rarity[row, i]) for i in rare]
        words.append("; ".join(said) or "no single value is rare, but all of them together are")
    return words
