import dataclasses

import pytest

from mlwf_assets.deployment.candidate import Origin
from mlwf_assets.deployment.tracking import FamilyRun, log_family

TRIALS = [
    {"number": 0, "params": {"depth": 3}, "scores": [0.7, 0.72], "score": 0.71, "state": "complete"},
    {"number": 1, "params": {"depth": 9}, "scores": [0.6], "score": None, "state": "pruned"},
]
FAMILY = FamilyRun(
    experiment="flights",
    family="lightgbm",
    recipe="5f0c",
    metric="roc_auc",
    trials=TRIALS,
    metrics={"oof_roc_auc": 0.71},
    params={"depth": 3},
    origin=Origin(run_id="ab12", asset="flights/models/lightgbm"),
)


def _children(store, tracked):
    query = f"tags.`mlflow.parentRunId` = '{tracked.run_id}'"
    runs = store.client.search_runs([tracked.experiment_id], query)
    return {run.data.tags["mlwf.trial"]: run for run in runs}


def test_a_family_is_a_run_with_a_run_per_trial(store):
    tracked = log_family(store, FAMILY)
    parent = store.client.get_run(tracked.run_id)
    assert parent.info.run_name == "lightgbm (2 trials)"
    assert parent.data.metrics == {"oof_roc_auc": 0.71}
    assert parent.data.tags["dagster.run_id"] == "ab12"
    assert "(/assets/flights/models/lightgbm)" in parent.data.tags["mlflow.note.content"]
    children = _children(store, tracked)
    assert [children[n].info.run_name for n in "01"] == ["lightgbm trial 0", "lightgbm trial 1"]
    assert [children[n].info.status for n in "01"] == ["FINISHED", "KILLED"]
    assert children["0"].data.params == {"depth": "3"}
    steps = store.client.get_metric_history(children["0"].info.run_id, "scores")
    assert [(metric.step, metric.value) for metric in steps] == [(0, 0.7), (1, 0.72)]


def test_the_same_recipe_is_logged_once_and_another_again(store):
    first = log_family(store, FAMILY)
    assert log_family(store, FAMILY) == dataclasses.replace(first, reused=True)
    assert log_family(store, dataclasses.replace(FAMILY, recipe="77aa")).run_id != first.run_id


def test_what_was_half_logged_is_completed_without_doubles(store, monkeypatch):
    class KilledError(BaseException):
        pass

    real, calls = store.client.log_batch, []

    def dies(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise KilledError
        real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(store.client, "log_batch", dies)
        with pytest.raises(KilledError):
            log_family(store, FAMILY)
    tracked = log_family(store, FAMILY)
    assert sorted(_children(store, tracked)) == ["0", "1"]
    assert len(store.client.search_runs([tracked.experiment_id])) == 3


def test_more_parameters_than_a_batch_takes_are_all_logged(store):
    many = {f"p{i}": i for i in range(250)}
    tracked = log_family(store, dataclasses.replace(FAMILY, params=many))
    assert len(store.client.get_run(tracked.run_id).data.params) == 250
