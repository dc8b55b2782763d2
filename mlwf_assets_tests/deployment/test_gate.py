from hypothesis import given
from hypothesis import strategies as st

from mlwf_assets.deployment.gate import Comparison, decide
from mlwf_assets.evaluation.bootstrap import Interval
from mlwf_assets.spec.project import Success

AUC = Success(metric="roc_auc", comparison=">=", bound=0.7)


def _against(value, low, high, *, higher_is_better=True):
    return Comparison("m version 1", "roc_auc", higher_is_better, difference=Interval(value, low, high))


def test_a_model_below_the_bound_is_refused_with_value_and_bound():
    decision = decide(AUC, {"roc_auc": 0.65})
    assert not decision.passed
    assert "roc_auc on test is 0.65, but roc_auc >= 0.7 on test is required" in str(decision)


def test_a_metric_that_was_not_computed_refuses_and_names_the_known_ones():
    decision = decide(AUC, {"log_loss": 0.4})
    assert not decision.passed
    assert "was not computed (known: log_loss)" in str(decision)


def test_an_undefined_metric_refuses():
    decision = decide(AUC, {"roc_auc": float("nan")})
    assert not decision.passed
    assert "undefined" in str(decision)


def test_without_a_condition_every_model_passes():
    assert decide(None, {}).passed


def test_clearly_worse_than_the_champion_is_refused():
    decision = decide(AUC, {"roc_auc": 0.72}, _against(-0.03, -0.05, -0.01))
    assert not decision.passed
    assert "The champion, m version 1, is better by 0.03 roc_auc" in str(decision)


def test_worse_within_the_uncertainty_passes():
    decision = decide(AUC, {"roc_auc": 0.72}, _against(-0.01, -0.03, 0.01))
    assert decision.passed
    assert "within the uncertainty" in str(decision)


def test_level_and_ahead_are_told_apart():
    assert "It is level with the champion, m version 1, on the same rows." in str(decide(None, {}, _against(0, 0, 0)))
    ahead = str(decide(None, {}, _against(0.02, -0.01, 0.05)))
    assert "It is ahead of the champion, m version 1, by 0.02 roc_auc (95 % interval of the gain" in ahead


def test_where_less_is_better_a_higher_value_is_worse():
    loss = Success(metric="log_loss", comparison="<=", bound=0.6)
    assert not decide(loss, {"log_loss": 0.5}, _against(0.03, 0.01, 0.05, higher_is_better=False)).passed
    assert decide(loss, {"log_loss": 0.5}, _against(-0.03, -0.05, -0.01, higher_is_better=False)).passed


def test_a_champion_that_cannot_be_scored_does_not_block_and_is_told():
    decision = decide(AUC, {"roc_auc": 0.72}, Comparison("m version 1", "roc_auc", True, obstacle="it lost a file"))
    assert decision.passed
    assert "could not be compared: it lost a file" in str(decision)


def test_a_bad_model_is_refused_whatever_the_champion():
    same = Comparison("m version 1", "roc_auc", True, same=True)
    for comparison in (None, same, _against(0.2, 0.1, 0.3)):
        assert not decide(AUC, {"roc_auc": 0.5}, comparison).passed


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_a_refusal_needs_the_whole_interval_on_the_wrong_side(value, below, above, higher_is_better):
    comparison = _against(value, value - below, value + above, higher_is_better=higher_is_better)
    best = value + above if higher_is_better else -(value - below)
    assert decide(None, {}, comparison).passed == (best >= 0)
