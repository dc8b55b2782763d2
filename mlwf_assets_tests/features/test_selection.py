import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tsfresh.feature_selection.relevance import calculate_relevance_table

from mlwf_assets.errors import DataError
from mlwf_assets.features.selection import select
from mlwf_assets.spec.features import Selection

N = 600


def noise(seed):
    return np.random.default_rng(seed).normal(size=N)


SIGNAL = noise(0)
LATE = SIGNAL + noise(1) > 0
KINDS = {"bool": "boolean", "string": "categorical"}


def describe(columns):
    """What features/relational would say of these columns: by their types."""
    types = {name: pa.array(values).type for name, values in columns.items()}
    kinds = {name: KINDS.get(str(kind), "numeric") for name, kind in types.items()}
    return [{"name": name, "kind": kind, "columns": [f"t.{name}"]} for name, kind in kinds.items()]


def run(columns, label=LATE, kind="binary", **selection):
    columns = {name: values.tolist() if isinstance(values, np.ndarray) else values for name, values in columns.items()}
    ids = list(range(len(label)))
    train = pa.table({"id": ids, "label": pa.array(label)})
    return select(
        Selection.model_validate(selection),
        train,
        [(pa.table({"id": ids} | columns), describe(columns))],
        key=["id"],
        kind=kind,
    )


def reasons(result):
    return {row["name"]: row["reason"] for row in result.table.to_pylist()}


def kept(result):
    return [feature["name"] for feature in json.loads(result.files["features.json"])]


def with_gaps(values, gaps):
    return [None if gap else value for value, gap in zip(values.tolist(), gaps, strict=True)]


def test_what_tells_something_is_kept_and_noise_is_not():
    result = run({"strong": SIGNAL, "noise": noise(2)})
    assert kept(result) == ["strong"]
    assert reasons(result)["strong"].startswith("kept: p = ")
    assert "is not relevant: p = " in reasons(result)["noise"]
    assert result.metadata == {"features": 2, "kept": 1, "left out": 1, "warnings": []}


def test_what_has_no_value_or_only_one_is_left_out_whatever_the_method():
    result = run({"strong": SIGNAL, "empty": [None] * N, "same": ["a"] * N}, method="none")
    assert reasons(result)["empty"] == "has no value in any training row"
    assert reasons(result)["same"] == "is constant: every training row says 'a'"


def test_without_tests_noise_stays():
    assert kept(run({"strong": SIGNAL, "noise": noise(3)}, method="none")) == ["strong", "noise"]


@pytest.mark.parametrize("kind", ["numeric", "boolean", "categorical"])
def test_a_feature_that_decides_the_label_is_left_out(kind):
    leaks = {"numeric": LATE * 5.0, "boolean": LATE, "categorical": np.where(LATE, "late", "on time")}
    result = run({"leak": leaks[kind], "strong": SIGNAL})
    assert kept(result) == ["strong"]
    assert "tells too much to have been known in time: its values reach a normalized Gini" in reasons(result)["leak"]


def test_a_feature_whose_gaps_decide_the_label_is_left_out():
    result = run({"leak": with_gaps(noise(4), LATE), "strong": SIGNAL})
    assert kept(result) == ["strong"]
    assert "its being missing reach a normalized Gini of 1.000 (limit 0.975)" in reasons(result)["leak"]


def test_a_feature_that_nearly_decides_the_label_is_kept_with_a_warning():
    almost = np.where(noise(18) < -1.645, ~LATE, LATE)
    result = run({"almost": almost})
    assert kept(result) == ["almost"]
    assert "WARNING: its values reach a normalized Gini of 0.8" in reasons(result)["almost"]
    assert result.metadata["warnings"] == [reasons(result)["almost"].partition("WARNING: ")[2].join(["almost: ", ""])]


@pytest.mark.parametrize("name", ["leak", "t.leak"])
def test_what_the_workflow_insists_on_stays_with_a_warning(name):
    result = run({"leak": LATE, "strong": SIGNAL}, leakage={"keep": [name]})
    assert kept(result) == ["leak", "strong"]
    assert len(result.metadata["warnings"]) == 1


def test_the_limits_are_the_workflow_s():
    columns = {"strong": SIGNAL, "other": noise(5) + LATE * 0.5}
    assert kept(run(columns, leakage={"warn": 0.1, "drop": 0.45})) == ["other"]


def test_a_class_of_few_rows_is_no_leak_but_chance():
    label = np.array(["a", "b"] * (N // 2))
    label[:9] = "rare"
    nine = np.where(np.arange(N) < 9, 9.0, noise(90))
    assert "WARNING" not in reasons(run({"nine": nine}, label, "multiclass"))["nine"]
    label[:10] = "rare"
    ten = np.where(np.arange(N) < 10, 9.0, noise(90))
    assert "WARNING: its values reach a normalized Gini" in reasons(run({"ten": ten}, label, "multiclass"))["ten"]


FLOWERS = np.repeat([0, 1, 2], N // 3)


def test_among_several_classes_what_tells_one_of_them_is_no_leak():
    petals = np.where(FLOWERS == 0, 100, 0) + noise(95) + FLOWERS
    found = reasons(run({"petals": petals}, FLOWERS.astype(str), "multiclass"))["petals"]
    assert found.startswith("kept")
    assert "WARNING: its values reach a normalized Gini of 1.000" in found


@pytest.mark.parametrize("copy", [FLOWERS * 1.5, np.array(["x", "y", "z"])[FLOWERS]], ids=["number", "text"])
def test_among_several_classes_a_copy_of_the_label_is_a_leak(copy):
    columns = {"copy": copy, "petals": FLOWERS + noise(96)}
    assert kept(run(columns, FLOWERS.astype(str), "multiclass")) == ["petals"]


IDS = {"running number": np.arange(N) + 7.0, "name": [f"n{i}" for i in range(N)]}


@pytest.mark.parametrize("values", IDS.values(), ids=IDS)
def test_an_id_is_left_out_unless_the_workflow_insists(values):
    sorted_by_label = np.sort(LATE)
    result = run({"id_": values, "strong": np.where(sorted_by_label, 1.0, 0.0) + noise(97)}, sorted_by_label)
    assert reasons(result)["id_"].startswith("has another value in each row, as an id has")
    insisted = run({"id_": values}, sorted_by_label, leakage={"keep": ["id_"]})
    assert "another value" not in reasons(insisted)["id_"]


def test_measures_and_numbers_with_wide_gaps_are_no_ids():
    columns = {"measure": SIGNAL, "price": np.argsort(np.argsort(SIGNAL)) * 3.0}
    assert not any("another value" in reason for reason in reasons(run(columns)).values())


def test_of_two_that_say_the_same_the_more_telling_stays():
    worse = SIGNAL + noise(93) * 0.3
    result = run({"worse": worse, "squared": np.exp(SIGNAL), "other": noise(94) + LATE}, redundancy=0.9)
    assert kept(result) == ["squared", "other"]
    row = next(row for row in result.table.to_pylist() if row["name"] == "worse")
    assert row["duplicate_of"] == "squared"
    assert "says the same as squared (rank correlation 0.9" in row["reason"]


def test_equal_twins_leave_the_shorter_name_whatever_their_order():
    for order in (["ab", "a", "b"], ["b", "ab", "a"]):
        assert kept(run(dict.fromkeys(order, SIGNAL))) == ["a"]


def test_a_mirrored_feature_says_the_same():
    assert kept(run({"up": SIGNAL, "down!": -SIGNAL})) == ["up"]


def test_categories_under_other_names_say_the_same():
    codes = np.where(SIGNAL > 0.5, "x", np.where(SIGNAL > -0.5, "y", "z"))
    renamed = np.vectorize({"x": "c", "y": "a", "z": "b"}.get)(codes)
    coarser = np.where(codes == "x", "x", "rest")
    result = run({"codes": codes, "renamed": renamed, "coarser": coarser})
    assert set(kept(result)) == {"codes", "coarser"}
    assert "the same groups under other names" in reasons(result)["renamed"]


def test_categories_with_other_gaps_do_not_say_the_same():
    codes = np.where(SIGNAL > 0, "x", "y")
    assert set(kept(run({"codes": codes, "gaps": with_gaps(codes, np.arange(N) % 7 == 0)}))) == {"codes", "gaps"}


def test_beyond_the_allowed_number_the_least_telling_go():
    weaker = SIGNAL + noise(8) * 2
    result = run({"weaker": weaker, "strong": SIGNAL}, max_features=1)
    assert kept(result) == ["strong"]
    assert "is number 2 by relevance, and features.selection.max_features is 1" in reasons(result)["weaker"]


def test_where_nothing_is_relevant_everything_stays_and_a_warning_says_so():
    result = run({"one": noise(9), "two": noise(10), "same": [1.0] * N})
    assert kept(result) == ["one", "two"]
    assert result.metadata["warnings"] == ["no feature is relevant; all that are not constant are kept"]


def test_gaps_can_make_a_feature_relevant():
    values = with_gaps(noise(11), (SIGNAL > 0) & (noise(19) < 0.5))
    assert kept(run({"gaps": values, "noise": noise(12)})) == ["gaps"]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_what_is_relevant_is_what_tsfresh_finds_relevant(kind):
    rng = np.random.default_rng(5)
    signal = rng.normal(size=300)
    strengths = np.linspace(0, 1, 16)
    real = {f"r{i}": signal * s + rng.normal(size=300) for i, s in enumerate(strengths)}
    switches = {f"s{i}": (signal * s + rng.normal(size=300) > 0) * 1.0 for i, s in enumerate(strengths)}
    columns = real | switches
    labels = {
        "binary": signal > 0,
        "multiclass": np.digitize(signal, [-0.5, 0.5]).astype(str),
        "regression": signal.round(2),
    }
    result = run(columns, labels[kind], kind, redundancy=1.0)
    theirs = calculate_relevance_table(
        pd.DataFrame(columns),
        pd.Series(labels[kind]).astype(object if kind != "regression" else float),
        ml_task="regression" if kind == "regression" else "classification",
        multiclass=kind == "multiclass",
        n_jobs=0,
    )
    expected = set(theirs.index[theirs["relevant"]])
    assert 0 < len(expected) < len(columns)
    assert set(kept(result)) == expected
    ours = {row["name"]: row["p_value"] for row in result.table.to_pylist()}
    smallest = theirs[[name for name in theirs if name.startswith("p_value")]].min(axis=1)
    assert all(ours[name] == pytest.approx(p, rel=1e-9) for name, p in smallest.items())


def test_the_order_of_rows_and_rows_of_other_splits_change_nothing():
    columns = {"strong": SIGNAL, "gaps": with_gaps(SIGNAL + noise(13), SIGNAL > 1), "noise": noise(14)}
    columns["letters"] = np.where(noise(20) < 0, "a", "b").tolist()
    table = pa.table({"id": list(range(N))} | columns)
    train = pa.table({"id": list(range(N)), "label": LATE})
    described = describe(columns)

    def chosen(train, table):
        return select(Selection(), train, [(table, described)], key=["id"], kind="binary")

    expected = chosen(train, table)
    absurd = pa.table(
        {"id": [N, N + 1], "strong": [1e9] * 2, "gaps": [-1e9] * 2, "noise": [1e9] * 2, "letters": ["z"] * 2}
    )
    more = pa.concat_tables([table, absurd])
    found = chosen(train, more.take(np.random.default_rng(91).permutation(N + 2)))
    assert found.table.equals(expected.table)
    assert found.files == expected.files


def test_the_order_of_training_rows_changes_no_decision():
    columns = {"strong": SIGNAL, "noise": noise(15), "twin": SIGNAL * 2}
    order = np.random.default_rng(92).permutation(N)
    shuffled = run({name: values[order] for name, values in columns.items()}, LATE[order])
    assert kept(shuffled) == kept(run(columns))


def test_kept_features_come_first_the_most_telling_at_the_top():
    result = run({"noise": noise(16), "weaker": SIGNAL + noise(17) * 2, "strong": SIGNAL})
    assert result.table["name"].to_pylist() == ["strong", "weaker", "noise"]
    assert result.table["kept"].to_pylist() == [True, True, False]
    assert kept(result) == ["weaker", "strong"]


def test_several_tables_are_judged_together():
    ids = pa.array(range(N))
    train = pa.table({"id": ids, "label": LATE})
    one, two = {"a": SIGNAL}, {"b": SIGNAL * 3}
    tables = [
        (pa.table({"id": ids} | columns), describe({n: v.tolist() for n, v in columns.items()}))
        for columns in (one, two)
    ]
    result = select(Selection(), train, tables, key=["id"], kind="binary")
    assert kept(result) == ["a"]


def test_a_label_of_one_value_is_an_error():
    with pytest.raises(DataError, match="must have at least two values among the training rows, however: 1 in 600"):
        run({"x": SIGNAL}, np.ones(N, dtype=bool))


def test_a_missing_label_is_an_error():
    with pytest.raises(DataError, match="each training row must have a label, however: 1 have none"):
        run({"x": SIGNAL}, [None, *LATE[1:].tolist()])


def test_a_training_row_without_features_is_an_error():
    train = pa.table({"id": [0, 1], "label": [True, False]})
    with pytest.raises(DataError, match="the features must hold a row for each example, however: 1 missing"):
        select(
            Selection(), train, [(pa.table({"id": [0], "x": [1.0]}), describe({"x": [1.0]}))], key=["id"], kind="binary"
        )
