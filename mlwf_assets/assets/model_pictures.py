"""The small pictures beside the models in the UI: score against prediction time, and the learning curve.

Stands in this room, whose code is no part of a recipe: how something is drawn changes no model.
"""

from collections.abc import Mapping

import pyarrow as pa

from mlwf_assets.evaluation.report.draw import Line, as_markdown, lines
from mlwf_assets.evaluation.report.frame import Axis

_TONES = ("a", "b", "c", "d")
# How much of an axis is left free at its ends.
_ROOM = 0.08


def draw_leaderboard(board: pa.Table, seconds: Mapping[str, float | None]) -> str:
    """Draw each family's score against the time that it takes to predict, as an image in Markdown.

    Args:
        board: a row per model: model, score.
        seconds: family -> seconds per 1,000 rows; the others' time is not drawn.

    Returns:
        Markdown; "" where no time is known.
    """
    scores = dict(zip(board["model"].to_pylist(), board["score"].to_pylist(), strict=True))
    shown = [(name, took, scores[name]) for name, took in seconds.items() if took and scores.get(name) is not None]
    if not shown:
        return ""
    drawn = [
        Line([took * 1_000], [score], _TONES[k % len(_TONES)], name, titles=[f"{name}: {score:.4f}, {took:.3g} s"],
             dots=True)
        for k, (name, took, score) in enumerate(shown)
    ]  # fmt: skip
    across = Axis(0, max(took for _, took, _ in shown) * 1_000 * (1 + _ROOM), "milliseconds for 1,000 rows")
    up = _around([score for *_, score in shown], "score out of fold")
    words = "score against prediction time"
    return as_markdown(lines(drawn, x=across, y=up, label=words, width=620), words)


def draw_learning_curve(curve: pa.Table, *, metric: str) -> str:
    """Draw the score by the number of rows, as an image in Markdown.

    Args:
        curve: a row per point: rows, score.
        metric: what the score is called.
    """
    rows, scores = curve["rows"].to_pylist(), curve["score"].to_pylist()
    titles = [f"{count:,} rows: {score:.4f}" for count, score in zip(rows, scores, strict=True)]
    across = Axis(0, max(rows) * (1 + _ROOM), "rows that were learned from")
    drawn = lines(
        [Line(rows, scores, "a", titles=titles, dots=True)], x=across, y=_around(scores, metric), label="Learning curve"
    )
    return as_markdown(drawn, "learning curve")


def _around(values: list[float], title: str) -> Axis:
    low, high = min(values), max(values)
    room = _ROOM * (high - low) or max(abs(high), 1.0) * 0.01
    return Axis(low - room, high + room, title)
