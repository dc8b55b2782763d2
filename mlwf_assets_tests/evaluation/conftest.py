"""One evaluation of each kind, made once."""

import pytest

from mlwf_assets.evaluation.evaluate import evaluate
from mlwf_assets_tests.evaluation import toy


@pytest.fixture(scope="session")
def evaluations():
    """kind -> evaluation of some hundred parcels."""
    made = {}
    for kind in ("binary", "multiclass", "regression"):
        workflow, given = toy.make_case(kind)
        made[kind] = evaluate(workflow, **given)
    return made


@pytest.fixture(params=["binary", "multiclass", "regression"])
def evaluation(request, evaluations):
    return evaluations[request.param]
