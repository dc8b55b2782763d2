"""The whole evaluation: right figures, few calls, the same bytes, and no stumbling over odd data."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn import metrics as reference

from mlwf_assets.errors import DataError
from mlwf_assets.evaluation.evaluate import evaluate
from mlwf_assets.evaluation.record import as_json
from mlwf_assets.evaluation.report.page import render
from mlwf_assets_tests.evaluation import toy


def run(kind="binary", given=None, **changes):
    workflow, keywords = toy.make_case(kind, **changes)
    return evaluate(workflow, **{**keywords, **(given or {})})


def test_the_first_metric_is_scikit_learns_and_lies_in_its_interval(evaluations):
    _, given = toy.make_case("binary")
    names = [f["name"] for f in toy.FEATURES]
    p = given["predictor"].predict(given["test"].select(names).to_pandas())
    metric = evaluations["binary"].headline
    assert metric.name == "roc_auc"
    assert metric.value == pytest.approx(reference.roc_auc_score(given["test"].column("label").to_numpy(), p))
    assert metric.low < metric.value < metric.high


def test_everybody_stands_on_the_leaderboard_the_ensemble_first(evaluation):
    names = [one.name for one in evaluation.leaderboard]
    assert names[0] == "ensemble"
    assert set(names) == {"ensemble", "lightgbm", "linear", "base_rate", "process_today"}
    by_name = {one.name: one for one in evaluation.leaderboard}
    assert (by_name["lightgbm"].before.score, by_name["lightgbm"].before.trials) == (0.79, 12)
    assert np.isnan(by_name["linear"].before.score)
    assert by_name["lightgbm"].weight == 0.9
    assert np.isnan(by_name["base_rate"].weight)


def test_the_base_rate_is_no_better_than_guessing(evaluations):
    by_name = {one.name: one for one in evaluations["binary"].leaderboard}
    assert (by_name["base_rate"].test.value, by_name["base_rate"].test.low) == (0.5, 0.5)
    assert evaluations["binary"].gain.low > 0


def test_only_what_belongs_to_the_kind_is_there(evaluation):
    kinds = {"binary": evaluation.binary, "multiclass": evaluation.multiclass, "regression": evaluation.regression}
    assert [name for name, view in kinds.items() if view is not None] == [evaluation.subject.kind]


def test_the_verdict_is_that_of_the_workflows_condition(evaluation):
    assert evaluation.verdict.passed is True
    strict = {"binary": "roc_auc >= 0.9999", "multiclass": "accuracy > 0.999", "regression": "r2 > 0.999"}
    kind = evaluation.subject.kind
    refused = run(kind, project={"question": "?", "success": strict[kind] + " on test"})
    assert refused.verdict.passed is False
    assert "must be" in refused.verdict.words


def test_a_condition_before_the_test_is_held_against_the_leaderboard():
    assert run(project={"question": "?", "success": "roc_auc >= 0.75 on validation"}).verdict.passed is True
    unknown = run(project={"question": "?", "success": "f1 >= 0.75 on validation"}).verdict
    assert unknown.passed is None
    assert unknown.words.endswith("it is not known on these rows.")


def test_what_was_made_matters_and_what_was_not_does_not(evaluation):
    single = {one.name: one.drop for one in evaluation.looks.single}
    assert max(single, key=single.get) == "rain"
    assert [one.name for one in evaluation.looks.tables] == ["weather", "parcels"]
    rain = next(one for one in evaluation.looks.effects if one.name == "rain")
    assert len(rain.means) == (3 if evaluation.subject.kind == "multiclass" else 1)
    assert rain.direction in (("up", "down") if evaluation.subject.kind == "multiclass" else ("up",))


def test_explained_rows_are_named_by_key_slices_and_local_time():
    found = run(partitions={"every": "month", "start": "2024-01-01", "timezone": "Europe/Berlin"})
    one = found.explanations[0]
    assert list(one.row) == ["id", "depot", "time"]
    position = int(one.row["id"].split("-")[1])
    assert position < 24 * 30  # then Berlin's summer begins
    assert one.row["time"].endswith(f" {(position + 1) % 24:02}:00")


def test_the_splits_are_told_apart(evaluation):
    assert [(s.name, s.rows) for s in evaluation.data.splits] == [("train", 600), ("validation", 300), ("test", 400)]
    assert len(evaluation.data.shifts) == 4


def test_each_member_is_asked_once_about_the_test_rows():
    workflow, given = toy.make_case()
    made = evaluate(workflow, **given)
    for member in given["predictor"].members.values():
        assert member.asked[0] == made.rows == 400
        assert len(member.asked) == 4  # test rows, shuffled ones, effects, explanations


def test_the_same_rows_and_model_give_the_same_bytes(evaluation):
    again = run(evaluation.subject.kind)
    assert as_json(again) == as_json(evaluation)
    assert render(again) == render(evaluation)


def test_the_json_holds_the_tree_with_null_for_what_cannot_be_told(evaluation):
    tree = json.loads(as_json(evaluation), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert set(tree) == {field.name for field in dataclasses.fields(evaluation)}
    assert {one["name"] for one in tree["metrics"]} == {one.name for one in evaluation.metrics}
    assert tree["leaderboard"][-1]["weight"] in (None, 0.1)


def test_rows_of_a_class_that_training_never_saw_are_left_out_and_counted():
    _, given = toy.make_case("multiclass")
    labels = given["test"].column("label").to_pylist()
    at = given["test"].column_names.index("label")
    stolen = pa.array(["stolen", "stolen", *labels[2:]])
    found = run("multiclass", {"test": given["test"].set_column(at, "label", stolen)})
    assert found.data.unseen == {"stolen": 2}
    assert found.rows == 398


def _mangled(given, change):
    return {**given, "test": change(given["test"]), "matrix": change(given["matrix"])}


def _all_missing(table):
    return table.set_column(table.column_names.index("rain"), "rain", pa.nulls(table.num_rows, pa.float64()))


ODD = {
    "six rows": {"rows": 6},
    "one row": {"rows": 1},
    "no time": {"timed": False},
    "no rule of today": {"today": False, "project": {"question": "?"}},
    "no slices": {"evaluation": {"bootstrap": 20, "explain": 2}},
    "no explanations": {"evaluation": {"bootstrap": 20, "explain": 0, "slices": ["depot"]}},
    "no condition, owner, description": {"project": {"question": "?"}, "description": ""},
}


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("case", ODD)
def test_odd_workflows_and_little_data_are_reported(kind, case):
    page = render(run(kind, **ODD[case])).decode()
    assert "<h1>" in page
    assert ">nan<" not in page.lower()


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_feature_without_any_value_is_reported(kind):
    workflow, given = toy.make_case(kind)
    found = evaluate(workflow, **_mangled(given, _all_missing))
    rain = next(one for one in found.data.shifts if one.name == "rain")
    assert (rain.missing_train, rain.missing_test) == (1.0, 1.0)
    assert b"<h1>" in render(found)


@pytest.mark.parametrize("label", [True, False])
def test_a_test_of_one_class_says_that_it_cannot_be_told(label):
    _, given = toy.make_case()
    test = given["test"].filter(pc.equal(given["test"].column("label"), label))
    page = render(run(given={"test": test})).decode()
    assert "cannot be told: all test rows are of one class" in page


def test_a_slice_of_a_single_value_is_alike():
    _, given = toy.make_case()
    examples = given["examples"].set_column(1, "depot", pa.array(["only"] * given["examples"].num_rows))
    found = run(given={"examples": examples})
    assert [(one.value, one.verdict) for one in found.slices] == [("only", "alike")]


def test_an_empty_validation_split_is_no_error():
    _, given = toy.make_case()
    train = given["matrix"].filter(pc.equal(given["matrix"].column("split"), "train"))
    found = run(given={"matrix": train})
    assert found.data.splits[1].rows == 0
    assert b"<h1>" in render(found)


def test_no_test_rows_are_an_error():
    _, given = toy.make_case()
    with pytest.raises(DataError, match="the test split must hold rows that can be judged, however: none"):
        run(given={"test": given["test"].slice(0, 0)})


def test_a_test_row_without_clean_row_is_an_error():
    _, given = toy.make_case()
    with pytest.raises(DataError, match="the clean rows must hold a row for each example, however: 1 missing"):
        run(given={"examples": given["examples"].slice(1)})


def test_progress_is_told_on_the_way():
    said = []
    workflow, given = toy.make_case()
    evaluate(workflow, **given, report=said.append)
    assert said[0] == "predicting 400 test rows with 2 models"
    assert len(said) >= 4
