"""Small charts as SVG text: lines, bars, dots with intervals, histograms, heat tables.

They stand inline in the report, where the page's colors apply, and by `as_image` alone in the Dagster UI,
where they bring their own. Every text is escaped; each point and bar says its value when pointed at. What
is drawn is told by `charts.py`; the parts that charts share (axes, scales) stand in `frame.py`.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from mlwf_assets.evaluation.report.frame import (
    STYLE,
    Axis,
    Picture,
    Plot,
    circle,
    escape,
    line,
    measure,
    path,
    rectangle,
    shorten,
    svg,
    text,
)


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        tone: a color: a, b, c, d, or r for a reference.
        name: stands in the legend; "" for none.
        dashed: drawn as dashes.
        titles: per point, what it says when pointed at.
        dots: whether points are seen.
    """

    x: Sequence[float]
    y: Sequence[float]
    tone: str = "a"
    name: str = ""
    dashed: bool = False
    titles: Sequence[str] = ()
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A straight line across a chart, with words: at an x (upright) or at a y (level)."""

    words: str
    x: float | None = None
    y: float | None = None
    tone: str = "r"


@dataclass(frozen=True)
class Band:
    """A stretch of the x-axis that is shaded and named."""

    start: float
    end: float
    words: str


@dataclass(frozen=True)
class Spike:
    """A point with its interval, upright."""

    x: float
    y: float
    low: float
    high: float
    title: str


@dataclass(frozen=True)
class Steps:
    """One group of a histogram: shares per bin."""

    shares: Sequence[float]
    tone: str
    name: str = ""


def lines(
    drawn: Sequence[Line],
    *,
    x: Axis,
    y: Axis,
    label: str,
    marks: Sequence[Mark] = (),
    bands: Sequence[Band] = (),
    spikes: Sequence[Spike] = (),
    width: int = 440,
    height: int = 300,
) -> Picture:
    """Draw lines over two axes.

    Args:
        drawn: the lines; the last one on top.
        x, y: the axes.
        label: what the picture shows, for those who cannot see it.
        marks: straight lines with words.
        bands: shaded stretches.
        spikes: points with intervals.
        width, height: of the whole picture.
    Example:
        >>> axis = Axis(0, 1, "share")
        >>> lines([Line([0, 1], [0, 1])], x=axis, y=axis, label="a line").startswith("<svg ")
        True
    """
    names = [(one.name, one.tone, one.dashed) for one in drawn if one.name]
    plot = Plot(width, height, x, y, top=34 if names else 14)
    parts = [*_bands(plot, bands), *plot.axes()]
    for one in drawn:
        where = [(plot.x(a), plot.y(b)) for a, b in zip(one.x, one.y, strict=True)]
        parts.append(path(where, f"l {one.tone}{' dash' if one.dashed else ''}"))
        titled = zip(where, one.titles, strict=True) if one.titles else ()
        parts += [circle(at, 3, f"f {one.tone}" if one.dots else "hover", title) for at, title in titled]
    for spike in spikes:
        at = plot.x(spike.x)
        parts.append(line(at, plot.y(spike.low), at, plot.y(spike.high), "l a thin"))
        parts.append(circle((at, plot.y(spike.y)), 4, "f a", spike.title))
    parts += [part for mark in marks for part in _mark(plot, mark)]
    return svg(width, height, [*parts, *_legend(names, plot.left)], label)


def _bands(plot: Plot, bands: Sequence[Band]) -> list[str]:
    parts = []
    for i, band in enumerate(bands):
        start, end = plot.x(band.start), plot.x(band.end)
        parts.append(rectangle(start, plot.top, end - start, plot.bottom - plot.top, f"band{i % 2}"))
        parts.append(text((start + end) / 2, plot.top + 13, band.words, "t mid muted"))
    return parts


def _mark(plot: Plot, mark: Mark) -> list[str]:
    if mark.x is not None:
        at = plot.x(mark.x)
        left = at > (plot.left + plot.right) / 2
        place = text(at + (-5 if left else 5), plot.top + 12, mark.words, "t end" if left else "t")
        return [line(at, plot.top, at, plot.bottom, f"l {mark.tone} dash"), place]
    at = plot.y(mark.y or 0.0)
    return [
        line(plot.left, at, plot.right, at, f"l {mark.tone} dash"),
        text(plot.right - 2, at - 5, mark.words, "t end muted"),
    ]


def _legend(names: Sequence[tuple[str, str, bool]], left: float) -> list[str]:
    parts, at = [], left
    for name, tone, dashed in names:
        parts.append(line(at, 14, at + 18, 14, f"l {tone}{' dash' if dashed else ''}"))
        parts.append(text(at + 24, 18, name, "t"))
        at += 24 + measure(name) + 16
    return parts


def histogram(
    groups: Sequence[Steps],
    *,
    x: Axis,
    label: str,
    marks: Sequence[Mark] = (),
    titles: Sequence[str] = (),
    width: int = 440,
    height: int = 220,
) -> Picture:
    """Draw the shares of one or two groups over the same equal bins.

    Args:
        groups: shares per bin.
        x: the axis; bins fill it.
        label: what the picture shows.
        marks: upright lines with words.
        titles: per bin, what it says when pointed at.
        width, height: of the whole picture.
    """
    highest = max((max(group.shares, default=0.0) for group in groups), default=0.0) or 1.0
    names = [(group.name, group.tone, False) for group in groups if group.name]
    plot = Plot(width, height, x, Axis(0, highest * 1.08), top=34 if names else 14, left=14)
    size = max((len(group.shares) for group in groups), default=1)
    step = (plot.right - plot.left) / size
    parts = plot.upright()
    for group in groups:
        corners = [(plot.left, plot.bottom)]
        for i, value in enumerate(group.shares):
            corners += [(plot.left + i * step, plot.y(value)), (plot.left + (i + 1) * step, plot.y(value))]
        parts.append(path([*corners, (plot.right, plot.bottom)], f"area {group.tone}"))
    parts += [part for mark in marks for part in _mark(plot, mark)]
    for i, title in enumerate(titles):
        parts.append(rectangle(plot.left + i * step, plot.top, step, plot.bottom - plot.top, "hover", title))
    return svg(width, height, [*parts, *_legend(names, plot.left)], label)


def paired_bars(
    labels: Sequence[str], first: Sequence[float], second: Sequence[float], *, label: str, titles: Sequence[str],
    ends: tuple[str, str] | None = None, width: int = 220, height: int = 84,
) -> Picture:  # fmt: skip
    """Draw two small groups of upright bars over the same bins, the second in front.

    Args:
        labels: of the bins; drawn where they fit.
        first, second: shares per bin.
        label: what the picture shows.
        titles: per bin, what it says when pointed at.
        ends: what stands below the first and the last bin, instead of labels.
        width, height: of the whole picture.
    """
    highest = max([*first, *second, 1e-9])
    bottom, step = height - 16, (width - 4) / max(1, len(first))
    parts = []
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        at = 2 + i * step
        tall, small = (bottom - 4) * a / highest, (bottom - 4) * b / highest
        parts.append(rectangle(at + step * 0.06, bottom - tall, step * 0.88, tall, "f r"))
        parts.append(rectangle(at + step * 0.28, bottom - small, step * 0.44, small, "f a"))
        parts.append(rectangle(at, 0, step, bottom, "hover", titles[i]))
    parts.append(line(2, bottom, width - 2, bottom, "axis"))
    if ends is not None:
        parts += [text(2, height - 3, ends[0], "t"), text(width - 2, height - 3, ends[1], "t end")]
    else:
        for i, name in enumerate(labels):
            if step > 16:
                parts.append(text(2 + (i + 0.5) * step, height - 3, shorten(name, step), "t mid", name))
    return svg(width, height, parts, label)


def spark(
    positions: Sequence[float], values: Sequence[float], *, label: str, titles: Sequence[str], width: int = 150
) -> Picture:
    """Draw a very small line, without axes.

    Args:
        positions: where the points stand.
        values: their heights.
        label: what the picture shows.
        titles: per point, what it says when pointed at.
        width: of the whole picture.
    """
    x, y = Axis(min(positions), max(positions)), Axis(min(values), max(values))
    plot = Plot(width, 56, x, y, top=6, left=6, right=6, below=6)
    where = [(plot.x(a), plot.y(b)) for a, b in zip(positions, values, strict=True)]
    seen = [circle(at, 2.6, "f a", title) for at, title in zip(where, titles, strict=True)]
    return svg(width, 56, [path(where, "l a thin"), *seen], label)


def columns(values: Sequence[float], *, label: str, titles: Sequence[str], width: int = 150) -> Picture:
    """Draw very small upright bars from 0 on, without axes.

    Args:
        values: their heights.
        label: what the picture shows.
        titles: per bar, what it says when pointed at.
        width: of the whole picture.
    """
    step = (width - 4) / max(1, len(values))
    plot = Plot(width, 56, Axis(0, 1), Axis(min(0.0, *values), max(0.0, *values)), top=4, left=2, right=2, below=4)
    zero, parts = plot.y(0.0), []
    for i, (value, title) in enumerate(zip(values, titles, strict=True)):
        top, bottom = sorted((zero, plot.y(value)))
        parts.append(rectangle(2 + (i + 0.12) * step, top, step * 0.76, max(1, bottom - top), "f a", title))
    return svg(width, 56, [*parts, line(2, zero, width - 2, zero, "axis")], label)


def density(edges: Sequence[float], counts: Sequence[Sequence[int]], *, x: Axis, y: Axis, label: str) -> Picture:
    """Draw rows per cell of a square grid as shades, with the diagonal.

    Args:
        edges: of the cells, the same on both axes.
        counts: by y (outer) and x (inner).
        x, y: the axes; they span the edges.
        label: what the picture shows.
    """
    plot = Plot(440, 400, x, y, top=10)
    highest = max(max(one) for one in counts) or 1
    parts = []
    for i, one in enumerate(counts):
        for j, rows in enumerate(one):
            if rows:
                left, right = plot.x(edges[j]), plot.x(edges[j + 1])
                top, bottom = plot.y(edges[i + 1]), plot.y(edges[i])
                title = f"{rows:,} rows"
                strength = 0.12 + 0.88 * (rows / highest) ** 0.5
                parts.append(rectangle(left, top, right - left, bottom - top, "f a", title, opacity=strength))
    diagonal = line(plot.x(edges[0]), plot.y(edges[0]), plot.x(edges[-1]), plot.y(edges[-1]), "l r dash")
    return svg(440, 400, [*plot.axes(), *parts, diagonal], label)


def as_image(picture: Picture) -> str:
    """Make a picture that stands alone: the address of an image, for Markdown or HTML.

    Example:
        >>> as_image(columns([1.0, 2.0], label="two bars", titles=["a", "b"]))[:26]
        'data:image/svg+xml;base64,'
    """
    head, _, body = picture.removeprefix("<svg").partition(">")
    paper = '<rect width="100%" height="100%" rx="6" fill="#fff"/>'
    alone = f'<svg xmlns="http://www.w3.org/2000/svg"{head}><style>{STYLE}</style>{paper}{body}'
    return "data:image/svg+xml;base64," + base64.b64encode(alone.encode()).decode()


def as_markdown(picture: Picture, words: str) -> str:
    """Make a picture that stands in Markdown."""
    return f"![{escape(words).replace('[', '(').replace(']', ')')}]({as_image(picture)})"
