"""The whole of deployment in one call: compare with the champion, decide, and register what passed."""

from dataclasses import dataclass

from mlwf_assets.deployment.candidate import Candidate
from mlwf_assets.deployment.champion import compare_with_champion
from mlwf_assets.deployment.gate import Comparison, Decision, decide
from mlwf_assets.deployment.predictions import TestRows
from mlwf_assets.deployment.registry import Registered, register
from mlwf_assets.deployment.store import Store
from mlwf_assets.spec.project import Success


@dataclass(frozen=True)
class Deployment:
    """What became of a candidate.

    Attributes:
        decision: of the gate.
        comparison: with the champion of before; None if there was none.
        registered: the version; None where the gate refused, and then nothing was changed.
    """

    decision: Decision
    comparison: Comparison | None
    registered: Registered | None


def deploy(
    store: Store,
    candidate: Candidate,
    rows: TestRows,
    *,
    success: Success | None,
    metric: str,
    metrics: dict[str, float] | None = None,
    n: int = 200,
    seed: int = 0,
) -> Deployment:
    """Bring a candidate through the gate into the registry, or say why not.

    Args:
        store: where to.
        candidate: the challenger.
        rows: on which it meets the champion.
        success: the workflow's condition.
        metric: by which champion and challenger are compared.
        metrics: on the rows that `success` names; by default the candidate's, of the test rows.
        n: bootstrap resamples of the comparison.
        seed: of the resamples.
    """
    comparison = compare_with_champion(store, candidate, rows, metric=metric, n=n, seed=seed)
    decision = decide(success, candidate.metrics if metrics is None else metrics, comparison)
    registered = register(store, candidate, decision) if decision.passed else None
    return Deployment(decision, comparison, registered)
