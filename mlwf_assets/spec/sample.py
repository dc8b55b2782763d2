"""A workflow over a share of its examples, for quick turns: its name, and what is different in it.

Which examples are in the sample is the business of `datasets.sample`; that raw and clean tables are those of the
whole workflow, of `assets.graph`.
"""

import datetime as dt
import re
from decimal import Decimal, InvalidOperation

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.models import Budget, Models
from mlwf_assets.spec.workflow import Workflow

_NAME = re.compile(r"(.+)_sample_(\d+(?:_\d+)?)")
_SHORTEST_S = 10.0


def parse_share(text: str) -> float:
    """Read '5%' or '0.05'.

    Raises:
        SpecError: if it is no share, or not between nothing and all.
    Example:
        >>> parse_share("5%"), parse_share("0.05")
        (0.05, 0.05)
    """
    number = text.strip().removesuffix("%")
    try:
        share = Decimal(number) / (100 if text.strip().endswith("%") else 1)
    except InvalidOperation:
        share = Decimal(0)
    if not (share.is_finite() and 0 < share < 1):
        raise SpecError(f"--sample must be a share of the examples such as 5% or 0.05, however: {text!r}")
    return float(share)


def sampled(workflow: Workflow, share: float) -> Workflow:
    """Return the workflow over a share of its examples.

    It has a name of its own, under which all stands that is made from the examples on; deploys nothing; and tunes
    for that share of the time, though ten seconds at least.

    Args:
        workflow: the whole one.
        share: of its examples, between 0 and 1.
    """
    question = f"{workflow.project.question} (a sample: {write_share(share)} of the examples)"
    changed = workflow.model_copy(
        update={
            "name": sample_name(workflow.name, share),
            "project": workflow.project.model_copy(update={"question": question}),
            "models": _shortened(workflow.models, share),
            "deployment": None,
            "automation": None,
        }
    )
    return changed.as_sample_of(workflow.name, share)


def _shortened(models: Models, share: float) -> Models:
    seconds = models.budget.seconds
    if seconds is None:
        return models
    shorter = dt.timedelta(seconds=max(seconds.total_seconds() * share, min(seconds.total_seconds(), _SHORTEST_S)))
    return models.model_copy(update={"budget": Budget(seconds=shorter)})


def sample_name(name: str, share: float) -> str:
    """Name a sample of a workflow.

    Example:
        >>> sample_name("flights", 0.05), sample_name("flights", 0.125)
        ('flights_sample_5', 'flights_sample_12_5')
    """
    return f"{name}_sample_{_percent(share).replace('.', '_')}"


def parse_sample_name(name: str) -> tuple[str, float] | None:
    """Tell of a name which workflow's sample it is, and which share; None where it is no sample's.

    Example:
        >>> parse_sample_name("flights_sample_12_5"), parse_sample_name("flights")
        (('flights', 0.125), None)
    """
    match = _NAME.fullmatch(name)
    return (match[1], float(Decimal(match[2].replace("_", ".")) / 100)) if match else None


def write_share(share: float) -> str:
    """Write a share as people do.

    Example:
        >>> write_share(0.05)
        '5 %'
    """
    return f"{_percent(share)} %"


def _percent(share: float) -> str:
    return f"{(Decimal(str(share)) * 100).normalize():f}"
