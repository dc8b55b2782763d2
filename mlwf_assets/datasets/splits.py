"""Train, validation and test: which example goes where.

By time an example goes where its time says. Else its place depends on its key (or its group) and the seed,
through a hash, never on the order of rows, so that a new row moves hardly any other. What is made here is
checked by `leaks.py`, which does not know how it was made.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.datasets.apportion import fill_with_groups, seats
from mlwf_assets.datasets.examples import GROUP
from mlwf_assets.datasets.labels import describe_label
from mlwf_assets.datasets.leaks import check_leaks, example_times
from mlwf_assets.datasets.spans import split_moments
from mlwf_assets.errors import DataError
from mlwf_assets.lake import duck
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.datasets import Splits
from mlwf_assets.spec.mistakes import Place, dotted
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.partitions import Partitions

SPLITS = ("train", "validation", "test")
NO_LEAK = "nothing_leaks_across_the_split"

_TRAIN, _VALIDATION, _TEST = range(3)
_BINS = 10
Places = npt.NDArray[np.int8]


def split_examples(
    splits: Splits,
    examples: pa.Table,
    *,
    key: Sequence[str],
    partitions: Partitions | None,
    locate: Callable[[Place], str] = dotted,
) -> dict[str, Result]:
    """Divide examples into train, validation and test.

    Args:
        splits: how.
        examples: all of them, as `make_examples` gives them.
        key: what names an example; () for `_row_id`.
        partitions: how time is cut; dates are days of its zone, spans and shares count back from its end.
        locate: writes a place of the workflow file, for messages.
    Returns:
        A result per split: its rows in the order of `examples`; the check for leaks in the metadata.
    Raises:
        DataError: if a split would be empty or of no use, examples have no time, or a key stands twice.
    Example:
        >>> rows = pa.table({"id": range(20), "label": [i % 2 == 0 for i in range(20)]})
        >>> made = split_examples(Splits(by="stratified"), rows, key=["id"], partitions=None)
        >>> {name: result.table.num_rows for name, result in made.items()}
        {'train': 14, 'validation': 3, 'test': 3}
    """
    key = tuple(key) or (ROW_ID,)
    if examples.num_rows < len(SPLITS):
        raise DataError(
            f"{locate(('examples',))}: there must be examples to split, at least one each, however there are "
            f"{examples.num_rows}; see how many rows the sources hold, what clean/ puts into quarantine, and what "
            f"datasets/examples counts"
        )
    _check_unique(examples, key)
    places, made = _place(splits, examples, key, partitions)
    tables = {name: examples.filter(pa.array(places == place)) for place, name in enumerate(SPLITS)}
    _check_labels(examples, locate(("examples", "label")))
    _check_useful(tables, _remedy(splits, made), locate(("splits",)))
    check = check_leaks(tables, key=key, by=splits.by, rows=examples.num_rows)
    return {
        name: Result(table, metadata={**_describe(table), **made, "checks": {NO_LEAK: check}}, key=key)
        for name, table in tables.items()
    }


def _place(
    splits: Splits, examples: pa.Table, key: Sequence[str], partitions: Partitions | None
) -> tuple[Places, dict[str, Any]]:
    """(n_examples,) the split of each example, and what people want to know about how."""
    if splits.by == "time":
        times = example_times(examples)
        validation, test = split_moments(splits, partitions, times)
        span = pc.min_max(times).as_py()
        moments = {"validation begins": validation.isoformat(), "test begins": test.isoformat()}
        moments |= {f"{which} example": span[end].isoformat() for which, end in (("first", "min"), ("last", "max"))}
        return _place_by_time(times, [validation, test]), moments
    shares = [value for value in (splits.validation, splits.test) if isinstance(value, float)]
    if splits.by == "group":
        return _place_groups(examples, shares, splits.seed), {}
    order = _hash_order(examples, key, splits.seed)
    strata = _strata(examples["label"], order) if splits.by == "stratified" else np.zeros(examples.num_rows, dtype=int)
    return _place_by_order(order, strata, shares), {}


def _place_by_time(times: pa.ChunkedArray, begins: Sequence[dt.datetime]) -> Places:
    reached = [pc.greater_equal(times, pa.scalar(begin, times.type)).to_numpy() for begin in begins]
    return np.asarray(np.sum(reached, axis=0), dtype=np.int8)


def _hash_order(examples: pa.Table, key: Sequence[str], seed: int) -> npt.NDArray[np.int64]:
    """(n_examples,) row positions in the order of a hash of seed and key."""
    # A null and a text must differ, and so must ('a', 'bc') and ('ab', 'c').
    texts = [
        f"coalesce(concat(length(CAST({quote(c)} AS VARCHAR)), ':', CAST({quote(c)} AS VARCHAR)), '-')" for c in key
    ]
    with duck.connect() as connection:
        positions = pa.array(np.arange(examples.num_rows, dtype=np.int64))
        connection.register("examples", examples.select(list(dict.fromkeys(key))).append_column("_position", positions))
        columns = f"concat('{seed}', {', '.join(texts)})"
        found = connection.sql(f"SELECT _position FROM examples ORDER BY md5({columns}), {columns}").to_arrow_table()
    return np.asarray(found["_position"].to_numpy())


def _strata(label: pa.ChunkedArray, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(n_examples,) a number per class, in the order of their names; for numbers, which tenth of the rows by size."""
    if not pt.is_floating(label.type):
        codes = label.cast(pa.string()).combine_chunks().dictionary_encode()
        by_name = np.argsort(np.argsort(np.asarray(codes.dictionary.to_pylist(), dtype=object)))
        return np.asarray(by_name[codes.indices.to_numpy()])
    values = label.to_numpy()
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order[np.argsort(values[order], kind="stable")]] = np.arange(len(values))
    return ranks * min(_BINS, max(1, len(values) // _BINS)) // len(values)


def _place_by_order(order: npt.NDArray[np.int64], strata: npt.NDArray[np.int64], shares: Sequence[float]) -> Places:
    """The first rows of each stratum go to test, the next to validation, all others to train."""
    rows = order[np.argsort(strata[order], kind="stable")]
    sizes = np.bincount(strata)
    tests = seats(sizes, shares[1], leave=2)
    validations = seats(sizes, shares[0], leave=1, taken=tests)
    stratum = strata[rows]
    position = np.arange(len(rows)) - (np.cumsum(sizes) - sizes)[stratum]
    places = np.zeros(len(rows), dtype=np.int8)
    places[rows[position < (tests + validations)[stratum]]] = _VALIDATION
    places[rows[position < tests[stratum]]] = _TEST
    return places


def _place_groups(examples: pa.Table, shares: Sequence[float], seed: int) -> Places:
    if GROUP not in examples.column_names:
        raise DataError(f"a split by group needs examples with {GROUP!r}; make datasets/examples again")
    # A missing group is one group: nothing says that such rows do not belong together.
    codes = examples[GROUP].combine_chunks().dictionary_encode(null_encoding="encode")
    numbers = codes.indices.to_numpy()
    groups = pa.table({GROUP: codes.dictionary})
    if len(groups) < len(SPLITS):
        raise DataError(
            f"a split by group needs 3 groups or more, however there are {len(groups)}; split by another column, or by "
            f"random"
        )
    order = _hash_order(groups, [GROUP], seed)
    sizes = np.bincount(numbers, minlength=len(groups))
    wanted = {_TEST: shares[1] * len(numbers), _VALIDATION: shares[0] * len(numbers)}
    of_group = np.zeros(len(groups), dtype=np.int8)
    for place, rows in wanted.items():
        free = order[of_group[order] == _TRAIN]
        # One group at least must be left for whoever comes after.
        of_group[fill_with_groups(free, sizes, rows, leave=place)] = place
    return np.asarray(of_group[numbers])


def _check_unique(examples: pa.Table, key: Sequence[str]) -> None:
    counted = examples.select(list(key)).group_by(list(key)).aggregate([([], "count_all")])
    if counted.num_rows < examples.num_rows:
        twice = counted.filter(pc.greater(counted["count_all"], 1))
        example = twice.select(list(key)).slice(0, 1).to_pylist()[0]
        raise DataError(
            f"each example must have a key of its own, however {twice.num_rows:,} keys stand in several rows, e.g. "
            f"{example}, perhaps in two partitions; add a column to the table's key"
        )


def _check_labels(examples: pa.Table, place: str) -> None:
    found = examples["label"].unique()
    if len(found) < 2:
        raise DataError(
            f"{place}: examples.label must tell examples apart, however all {examples.num_rows:,} say "
            f"{found[0].as_py()!r}; look at how the values are written in the data, and at examples.where"
        )
    if pt.is_string(found.type) and len(found) > examples.num_rows / 2:
        raise DataError(
            f"{place}: classes must have several examples each, however there are {len(found):,} in "
            f"{examples.num_rows:,} examples, e.g. {found[0].as_py()!r}; is examples.label an id, or a text to be put "
            f"into classes?"
        )


def _check_useful(tables: Mapping[str, pa.Table], remedy: str, place: str) -> None:
    """Refuse splits on which nothing can be learned or measured; better here than in each model."""
    sizes = {name: table.num_rows for name, table in tables.items()}
    if empty := [name for name, rows in sizes.items() if rows == 0]:
        raise DataError(
            f"{place}: each split must hold examples, however {', '.join(empty)} holds none ({sizes}); {remedy}"
        )
    classes = {name: set(table["label"].unique().to_pylist()) for name, table in tables.items()}
    kind = tables["train"].schema.field("label").type
    for name, found in classes.items():
        if len(found) < 2 and (name == "train" or pt.is_boolean(kind)):
            raise DataError(
                f"{place}: labels of {name} must differ, however all {sizes[name]:,} are {next(iter(found))}; "
                f"{remedy}, or mend examples.label"
            )
        if not pt.is_floating(kind) and (unknown := sorted(map(str, found - classes["train"]))):
            raise DataError(
                f"{place}: classes of {name} must be in train too, however {', '.join(unknown[:5])} is not, so that "
                f"nothing can learn it; {remedy}, join rare classes in examples.label, or leave them out by "
                f"examples.where"
            )


def _remedy(splits: Splits, made: Mapping[str, Any]) -> str:
    if splits.by == "time":
        where = ", ".join(f"{name} {moment}" for name, moment in made.items())
        return f"move 'splits.validation' and 'splits.test', or put mistaken times into quarantine by a rule ({where})"
    if splits.by == "random":
        return "split by stratified, give larger shares in 'splits', or give more examples"
    return "give larger shares in 'splits', or more examples"


def _describe(table: pa.Table) -> dict[str, Any]:
    described: dict[str, Any] = {"examples": table.num_rows, **describe_label(table["label"])}
    for name in ("time", "cutoff"):
        if name in table.column_names and table[name].null_count < table.num_rows:
            span = pc.min_max(table[name]).as_py()
            return described | {f"first {name}": str(span["min"]), f"last {name}": str(span["max"])}
    return described
