"""Charts of labelled rows, as SVG text: dots with intervals, and bars; see `draw.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlwf_assets.evaluation.report.draw import Mark
from mlwf_assets.evaluation.report.frame import (
    Axis,
    Picture,
    Plot,
    circle,
    line,
    measure,
    rectangle,
    shorten,
    svg,
    text,
)

_ROW = 24
_GAP = 12


@dataclass(frozen=True)
class Row:
    """A row of a bar or dot chart.

    Attributes:
        label: stands left of it.
        value: its length or place; nan draws nothing.
        note: stands right of it.
        rows: stands right of that, e.g. how many rows it is about.
        low, high: its interval; nan for none.
        tone: a color.
        title: what it says when pointed at.
    """

    label: str
    value: float
    note: str = ""
    rows: str = ""
    low: float = float("nan")
    high: float = float("nan")
    tone: str = "a"
    title: str = ""


def dots(
    rows: Sequence[Row],
    *,
    x: Axis,
    label: str,
    marks: Sequence[Mark] = (),
    width: int = 440,
) -> Picture:
    """Draw a dot with its interval for each row.

    Args:
        rows: from top to bottom.
        x: the axis.
        label: what the picture shows.
        marks: upright lines with words, above the rows.
        width: of the whole picture.
    """
    sides = _sides(rows, width)
    top = 24 if marks else 6
    plot = Plot(
        width, top + _ROW * len(rows) + 40, x, Axis(0, 1), top=top, left=sides.left, right=sides.right, below=40
    )
    parts = plot.upright()
    for mark in marks:
        at = plot.x(mark.x or 0.0)
        parts.append(line(at, top - 6, at, plot.bottom, f"l {mark.tone} dash"))
        parts.append(text(at, top - 10, mark.words, "t mid"))
    for i, row in enumerate(rows):
        middle = top + _ROW * (i + 0.5)
        parts += _side_texts(row, middle, sides, width)
        if row.low == row.low and row.high == row.high:
            parts.append(line(plot.x(row.low), middle, plot.x(row.high), middle, f"l {row.tone} thin"))
        if row.value == row.value:
            parts.append(circle((plot.x(row.value), middle), 4.5, f"f {row.tone}", row.title))
    return svg(width, plot.height, parts, label)


def dot(row: Row, *, low: float, high: float, label: str, width: int = 200) -> Picture:
    """Draw one dot with its interval, without axis and words, for a cell of a table."""
    plot = Plot(width, 20, Axis(low, high), Axis(0, 1), top=0, left=6, right=6, below=0)
    parts = [line(6, 10, width - 6, 10, "grid")]
    if row.low == row.low and row.high == row.high:
        parts.append(line(plot.x(row.low), 10, plot.x(row.high), 10, f"l {row.tone}"))
    if row.value == row.value:
        parts.append(circle((plot.x(row.value), 10), 4.5, f"f {row.tone}", row.title))
    return svg(width, 20, parts, label)


def bars(rows: Sequence[Row], *, label: str, width: int = 440, high: float | None = None) -> Picture:
    """Draw a level bar for each row, from 0 on; negative ones to the left.

    Args:
        rows: from top to bottom.
        label: what the picture shows.
        width: of the whole picture.
        high: the value of a full bar; by default the largest.
    Example:
        >>> "lightgbm" in bars([Row("lightgbm", 0.72, "0.720")], label="scores")
        True
    """
    sides = _sides(rows, width)
    values = [row.value for row in rows if row.value == row.value] or [0.0]
    axis = Axis(min(0.0, *values), high or max(0.0, *values) or 1.0)
    plot = Plot(width, _ROW * len(rows) + 8, axis, Axis(0, 1), top=4, left=sides.left, right=sides.right, below=4)
    zero, parts = plot.x(0.0), []
    for i, row in enumerate(rows):
        middle = 4 + _ROW * (i + 0.5)
        parts += _side_texts(row, middle, sides, width)
        if row.value == row.value:
            start, end = sorted((zero, plot.x(row.value)))
            parts.append(rectangle(start, middle - 7, max(end - start, 1), 14, f"f {row.tone}", row.title))
    return svg(width, plot.height, [*parts, line(zero, 4, zero, plot.bottom, "axis")], label)


@dataclass(frozen=True)
class _Sides:
    """Room beside the rows: for labels on the left, for notes and numbers of rows on the right."""

    left: float
    notes: float
    rows: float

    @property
    def right(self) -> float:
        return 14 + self.notes + self.rows


def _sides(rows: Sequence[Row], width: int) -> _Sides:
    def room(texts: list[str], most: float) -> float:
        longest = max(map(measure, texts), default=0.0)
        return min(_GAP + longest, most) if longest else 0.0

    return _Sides(
        left=room([row.label for row in rows], width * 0.45),
        notes=room([row.note for row in rows], width * 0.3),
        rows=room([row.rows for row in rows], width * 0.2),
    )


def _side_texts(row: Row, middle: float, sides: _Sides, width: int) -> list[str]:
    label = shorten(row.label, sides.left - _GAP)
    texts = [
        (sides.left - 8, label, "t end", row.label),
        (width - 2 - sides.rows, row.note, "t end num", ""),
        (width - 2, row.rows, "t end num muted", ""),
    ]
    return [text(x, middle + 4, words, style, title) for x, words, style, title in texts if words]
