"""Puts the page together: templates, style and what they may call. Every text of users is escaped.

One file without scripts and without anything from elsewhere; a policy in its head forbids both, should a
text ever slip through.
"""

from functools import cache
from typing import TYPE_CHECKING

from mlwf_assets.evaluation.record import Evaluation
from mlwf_assets.evaluation.report import charts, numbers, words
from mlwf_assets.evaluation.report.frame import STYLE
from mlwf_assets.evaluation.report.templates import FOLDER

if TYPE_CHECKING:
    import jinja2


def render(evaluation: Evaluation) -> bytes:
    """Write the report of an evaluation: HTML, UTF-8, the same bytes for the same evaluation."""
    style = STYLE + (FOLDER / "report.css").read_text(encoding="utf-8")
    page = _templates().get_template("page.html").render(e=evaluation, sections=sections(evaluation), style=style)
    return page.encode()


@cache
def _templates() -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": numbers.count, "share": numbers.share, "amount": numbers.amount}
    environment.globals |= {"charts": charts, "words": words, "numbers": numbers}
    return environment


def sections(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Name the page's sections in order, (id, title); those of the kind of problem stand in the middle."""
    of_kind: dict[str, list[tuple[str, str]]] = {
        "binary": [
            ("separation", "How well it separates"),
            ("calibration", "Can its probabilities be trusted?"),
            ("decision", "The decision, and what it costs"),
        ],
        "multiclass": [("classes", "Class by class"), ("calibration", "Can its probabilities be trusted?")],
        "regression": [("errors", "How large errors are")],
    }
    return [
        ("data", "The data’s story"),
        ("models", "Leaderboard"),
        *of_kind[evaluation.subject.kind],
        ("looks", "What the model looks at"),
        ("examples", f"A few {evaluation.subject.noun} explained"),
        ("slices", "For whom it is worse"),
        ("defaults", "Defaults that were used"),
        ("provenance", "Where it all comes from"),
    ]
