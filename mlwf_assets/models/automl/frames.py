"""What a frame as users have it becomes: numbers with NaN and text with None, which every family takes.

Each column is read by what it holds, not by its dtype alone: numbers written as text are numbers, text that is
dates is dates. Dates are unfolded, sentences counted, constants, duplicates and ids left out. Learned from the
training frame without its labels; a row becomes the same whatever rows stand beside it.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.errors import DataError
from mlwf_assets.models.metrics import Array

# Text of which nearly every row has another value names the row; below so many rows nobody can tell.
_ID_SHARE, _LEAST_ROWS_OF_IDS = 0.95, 50
# So many words on average make a sentence.
_WORDS, _MOST_WORDS_LOOKED_FOR, _LEAST_SHARE_OF_WORD = 3.0, 40, 0.01
_LOOKED_AT = 2000
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Column:
    """How one column is read.

    Attributes:
        name: in the users' frame.
        kind: numeric, boolean, categorical, date, sentence, or left_out.
        why: it is left out.
        words: of sentences: those that are looked for.
        parts: of dates: what varies.
    """

    name: Any
    kind: str
    why: str = ""
    words: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameReader:
    """How a frame is read; made by `learn_frame`."""

    columns: tuple[Column, ...]

    @property
    def features(self) -> list[dict[str, str]]:
        """Name and kind of each feature, in order."""
        found = []
        for column in self.columns:
            if column.kind in {"numeric", "boolean", "categorical"}:
                found.append({"name": str(column.name), "kind": column.kind})
            elif column.kind == "date":
                found += [{"name": f"{column.name}.{part}", "kind": "numeric"} for part in column.parts]
            elif column.kind == "sentence":
                names = ["characters", "words", *(f"has {word}" for word in column.words)]
                found += [{"name": f"{column.name}.{name}", "kind": "numeric"} for name in names]
        return found

    def read(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Turn rows into features: doubles with NaN, text with None."""
        parts: dict[str, Array] = {}
        for column in self.columns:
            if column.kind != "left_out":
                parts.update(_read(frame[column.name], column))
        return pd.DataFrame(parts, index=pd.RangeIndex(len(frame)), copy=False)


def learn_frame(frame: pd.DataFrame) -> FrameReader:
    """Look at each column of a training frame.

    Raises:
        DataError: if no column is left to learn from.

    Example:
        >>> frame = pd.DataFrame({"price": ["1.5", "2", None], "town": ["Ulm", "Bonn", "Ulm"], "same": [1, 1, 1]})
        >>> [(column.name, column.kind) for column in learn_frame(frame).columns]
        [('price', 'numeric'), ('town', 'categorical'), ('same', 'left_out')]
    """
    columns: list[Column] = []
    seen: dict[bytes, Any] = {}
    for name in frame.columns:
        column = _look(frame[name], name)
        if column.kind not in {"left_out", "date", "sentence"}:
            (values,) = _read(frame[name], column).values()
            digest = pd.util.hash_array(np.asarray(values), categorize=False).tobytes()
            if digest in seen:
                column = Column(name, "left_out", why=f"the same as {seen[digest]}")
            seen.setdefault(digest, name)
        columns.append(column)
    if all(column.kind == "left_out" for column in columns):
        # A model of nothing says the base rate; which column it does not look at makes no difference.
        return FrameReader((Column(frame.columns[0], "numeric"),)) if _is_number(frame.iloc[:, 0]) else _nothing(frame)
    return FrameReader(tuple(columns))


def _nothing(frame: pd.DataFrame) -> FrameReader:
    raise DataError(
        f"there must be a column that varies and does not merely name rows, however: none of {list(frame.columns)[:8]}"
    )


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column))


def _look(column: pd.Series, name: Any) -> Column:
    """Tell what a column holds."""
    present = column.dropna()
    if not _varies(column, present):
        return Column(name, "left_out", why="constant" if len(present) else "empty")
    if pd.api.types.is_bool_dtype(column.dtype):
        return Column(name, "boolean")
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _look_at_dates(column, name)
    if _is_number(column) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return Column(name, "numeric")
    return _look_at_text(column, present, name)


def _varies(column: pd.Series, present: pd.Series) -> bool:
    try:
        return int(present.nunique()) + int(len(present) < len(column)) > 1
    except TypeError as error:  # lists and the like
        raise DataError(
            f"column {column.name!r} must hold numbers, text, dates or categories, however: "
            f"{type(present.iloc[0]).__name__}; {error}"
        ) from error


def _look_at_text(column: pd.Series, present: pd.Series, name: Any) -> Column:
    looked_at = present.iloc[:: max(1, len(present) // _LOOKED_AT)].astype(str)
    if pd.to_numeric(looked_at, errors="coerce").notna().all() and pd.to_numeric(
        present.astype(str), errors="coerce"
    ).notna().all():  # fmt: skip
        return Column(name, "numeric")
    if looked_at.str.contains(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}").all() and _dates(present).notna().all():
        return _look_at_dates(column, name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Column(name, "categorical")
    if looked_at.str.split().str.len().mean() >= _WORDS and present.nunique() > len(present) / 10:
        return Column(name, "sentence", words=_frequent_words(looked_at))
    if len(present) >= _LEAST_ROWS_OF_IDS and present.nunique() >= _ID_SHARE * len(present):
        return Column(name, "left_out", why="names rows")
    return Column(name, "categorical")


def _frequent_words(texts: pd.Series) -> tuple[str, ...]:
    counts = texts.str.lower().str.findall(r"\w+").map(lambda words: list(dict.fromkeys(words))).explode()
    counts = counts.value_counts()
    frequent = counts[counts >= max(3, _LEAST_SHARE_OF_WORD * len(texts))]
    ranked = sorted(frequent.index, key=lambda word: (-frequent[word], word))
    return tuple(ranked[:_MOST_WORDS_LOOKED_FOR])


def _look_at_dates(column: pd.Series, name: Any) -> Column:
    unfolded = _unfold(column)
    parts = tuple(part for part, values in unfolded.items() if len(np.unique(values[~np.isnan(values)])) > 1)
    return Column(name, "date", parts=parts) if parts else Column(name, "left_out", why="constant")


def _read(column: pd.Series, how: Column) -> Mapping[str, Array]:
    name = str(how.name)
    if how.kind in {"numeric", "boolean"}:
        return {name: _numbers(column)}
    if how.kind == "date":
        unfolded = _unfold(column)
        return {f"{name}.{part}": unfolded[part] for part in how.parts}
    if how.kind == "sentence":
        return {f"{name}.{part}": values for part, values in _sentences(column, how.words)}
    return {name: _texts(column)}


def _numbers(column: pd.Series) -> Array:
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        return np.asarray(column.dt.total_seconds(), dtype=float)
    if not (_is_number(column) or pd.api.types.is_bool_dtype(column.dtype)):
        column = pd.to_numeric(column.astype(object), errors="coerce")
    return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))


def _texts(column: pd.Series) -> Array:
    texts = column.astype(object)
    return np.asarray(texts.map(str, na_action="ignore").where(texts.notna(), None), dtype=object)


def _dates(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it could not find one format for all
        return pd.to_datetime(column.astype(object), errors="coerce", utc=True, format="mixed")


def _unfold(column: pd.Series) -> dict[str, Array]:
    moments = _dates(column)
    hour = moments.dt.hour + moments.dt.minute / 60
    days = (moments - pd.Timestamp("2000-01-01", tz=moments.dt.tz)).dt.total_seconds() / _DAY_S
    parts = {
        "days": days, "year": moments.dt.year, "month": moments.dt.month, "day": moments.dt.day,
        "weekday": moments.dt.weekday, "day of year": moments.dt.dayofyear, "hour": hour,
    }  # fmt: skip
    return {name: np.asarray(part, dtype=float) for name, part in parts.items()}


def _sentences(column: pd.Series, words: Sequence[str]) -> Iterator[tuple[str, Array]]:
    texts = column.astype(object).map(str, na_action="ignore")
    found = texts.str.lower().str.findall(r"\w+")
    yield "characters", np.asarray(texts.str.len(), dtype=float)
    yield "words", np.asarray(found.str.len(), dtype=float)
    sets = [set(each) if isinstance(each, list) else set() for each in found]
    for word in words:
        yield f"has {word}", np.array([float(word in each) for each in sets])
