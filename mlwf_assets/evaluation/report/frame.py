"""What charts share: elements of SVG, axes with round ticks, places on paper, and their style.

Colors are the page's variables where a page defines them, else the ones that stand here; contrast is at
least 4.5 : 1 for text and 3 : 1 for lines and points; pale bars are for what others are compared with.
"""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

STYLE = """
.t{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--ink,#1f2a37)}
.num{font-variant-numeric:tabular-nums}.end{text-anchor:end}.mid{text-anchor:middle}.muted{fill:var(--muted,#5b6675)}
.axis{stroke:var(--muted,#5b6675);stroke-width:1}.grid{stroke:var(--line,#e2e6eb);stroke-width:1}
.l{fill:none;stroke-width:2.4;stroke-linejoin:round;stroke-linecap:round}.thin{stroke-width:1.7}
.dash{stroke-dasharray:5 4;stroke-width:1.6}.hover{fill:transparent}
.l.a{stroke:var(--a,#1d5fa8)}.l.b{stroke:var(--b,#b4520b)}.l.c{stroke:var(--c,#0c7a6b)}.l.d{stroke:var(--d,#7a3fa0)}
.l.r{stroke:var(--r,#858f9e)}.f.a{fill:var(--a,#1d5fa8)}.f.b{fill:var(--b,#b4520b)}.f.c{fill:var(--c,#0c7a6b)}
.f.d{fill:var(--d,#7a3fa0)}.f.r{fill:var(--pale,#c3cad4)}circle.f.r{fill:var(--r,#858f9e)}
.area{stroke-width:1.6;fill-opacity:.22}.area.a{fill:var(--a,#1d5fa8);stroke:var(--a,#1d5fa8)}
.area.d{fill:var(--d,#7a3fa0);stroke:var(--d,#7a3fa0)}.area.r{fill:var(--r,#8a94a3);stroke:var(--r,#8a94a3)}
.band0{fill:var(--shade,#f3f5f8)}.band1{fill:none}
""".replace("\n", "")

Place = tuple[float, float]


class Picture(str):
    """SVG in which every text is escaped; templates put it in as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


@dataclass(frozen=True)
class Axis:
    """An axis: from where to where, what it is called, how its ticks are written, where they stand.

    Attributes:
        write: by default numbers with as many decimals as the ticks need.
        ticks: by default round numbers.
    """

    low: float
    high: float
    title: str = ""
    write: Callable[[float], str] | None = None
    ticks: Sequence[float] | None = None

    def places(self, about: int = 5) -> list[float]:
        """Return where ticks stand."""
        return list(self.ticks) if self.ticks is not None else round_ticks(self.low, self.high, about)

    def named(self, about: int = 5) -> list[tuple[float, str]]:
        """Return where ticks stand and how they are written.

        Example:
            >>> Axis(0, 2).named()
            [(0.0, '0.0'), (0.5, '0.5'), (1.0, '1.0'), (1.5, '1.5'), (2.0, '2.0')]
        """
        places = self.places(about)
        if self.write is not None:
            return [(value, self.write(value)) for value in places]
        decimals = next((n for n in range(9) if all(math.isclose(v, round(v, n), abs_tol=1e-12) for v in places)), 9)
        return [(value, f"{value:,.{decimals}f}".replace("-", "−")) for value in places]


def round_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers between two values.

    Example:
        >>> round_ticks(0, 1)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    rough = (high - low) / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = size * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * size >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


class Plot:
    """The paper of one chart: from values to places."""

    def __init__(
        self, width: int, height: float, x: Axis, y: Axis, *, top: float,
        left: float | None = None, right: float = 24, below: float = 42,
    ) -> None:  # fmt: skip
        self.height = height
        self._x, self._y = x, y
        self.left = left if left is not None else _room_for_ticks(y)
        self.right, self.top, self.bottom = width - right, top, height - below

    def x(self, value: float) -> float:
        """Where a value stands from left to right; values outside stand at the border."""
        return self.left + (self.right - self.left) * _part(value, self._x)

    def y(self, value: float) -> float:
        """Where a value stands from top to bottom; values outside stand at the border."""
        return self.bottom - (self.bottom - self.top) * _part(value, self._y)

    def axes(self) -> list[str]:
        """Both axes, with a grid."""
        parts = []
        for value, words in self._y.named():
            at = self.y(value)
            parts.append(line(self.left, at, self.right, at, "grid"))
            parts.append(text(self.left - 7, at + 4, words, "t end num muted"))
        if self._y.title:
            middle = (self.top + self.bottom) / 2
            title = escape(self._y.title)
            parts.append(f'<text class="t mid muted" transform="translate(13 {middle:.1f}) rotate(-90)">{title}</text>')
        return [*parts, *self.upright(grid=False)]

    def upright(self, *, grid: bool = True) -> list[str]:
        """The x-axis alone."""
        parts = []
        for value, words in self._x.named():
            at = self.x(value)
            if grid:
                parts.append(line(at, self.top, at, self.bottom, "grid"))
            parts.append(line(at, self.bottom, at, self.bottom + 4, "axis"))
            parts.append(text(at, self.bottom + 17, words, "t mid num muted"))
        parts.append(line(self.left, self.bottom, self.right, self.bottom, "axis"))
        if self._x.title:
            parts.append(text((self.left + self.right) / 2, self.bottom + 35, self._x.title, "t mid muted"))
        return parts


def _room_for_ticks(axis: Axis) -> float:
    """Room left of a plot for what stands at its ticks, and for its title."""
    widest = max((measure(words) for _, words in axis.named()), default=0.0)
    return widest + 10 + (20 if axis.title else 0)


def _part(value: float, axis: Axis) -> float:
    if not axis.high > axis.low:
        return 0.5
    return min(1.0, max(0.0, (value - axis.low) / (axis.high - axis.low)))


def escape(words: str) -> str:
    """Make any text safe inside an element or an attribute, of HTML and of XML.

    Example:
        >>> escape("<b>" + chr(0))
        '&lt;b&gt; '
    """
    # XML knows no control characters, not even escaped.
    return html.escape("".join(max(sign, " ") for sign in words), quote=True)


def shorten(words: str, room: float) -> str:
    """Cut what does not fit into a room of so many pixels.

    Example:
        >>> shorten("unambiguous", 60)
        'unambig…'
    """
    if not words or measure(words) <= room + 0.01:  # a room made to measure may be off by rounding
        return words
    kept = words
    while len(kept) > 1 and measure(kept) + 8.6 > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def measure(words: str) -> float:
    """Estimate how wide words are at 12 pixels; fonts differ, so rather too wide."""
    return sum(8.6 if sign.isupper() or sign in "mwMW–—…%@" else 6.9 for sign in words)


def svg(width: float, height: float, parts: Sequence[str], label: str) -> Picture:
    """Put elements together to a picture that scales with its place."""
    return Picture(
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _title(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""


def text(x: float, y: float, words: str, style: str, title: str = "") -> str:
    """Draw words; the title is shown where it says more."""
    more = _title(title) if title != words else ""
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(words)}{more}</text>'


def line(x0: float, y0: float, x1: float, y1: float, style: str) -> str:
    """Draw a straight line."""
    return f'<line class="{style}" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'


def path(places: Sequence[Place], style: str) -> str:
    """Draw a line through places."""
    return f'<path class="{style}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in places)}"/>'


def circle(at: Place, radius: float, style: str, title: str = "") -> str:
    """Draw a point."""
    return f'<circle class="{style}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}">{_title(title)}</circle>'


def rectangle(
    x: float, y: float, width: float, height: float, style: str, title: str = "", *, opacity: float | None = None
) -> str:
    """Draw a bar or a cell."""
    shade = f' fill-opacity="{opacity:.2f}"' if opacity is not None else ""
    size = f'x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{max(0.0, height):.1f}"'
    return f'<rect class="{style}" {size}{shade}>{_title(title)}</rect>'
