import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlwf_assets.datasets import split_examples
from mlwf_assets.datasets.apportion import seats
from mlwf_assets.errors import DataError
from mlwf_assets.spec.datasets import Splits
from mlwf_assets.spec.partitions import Partitions
from mlwf_assets_tests.datasets.toy import US, at, examples

NO_LEAK = "nothing_leaks_across_the_split"


def split(table, partitions=None, key=("id",), **fields):
    return split_examples(Splits.model_validate(fields), table, key=key, partitions=partitions)


def ids(made):
    return {name: set(result.table["id"].to_pylist()) for name, result in made.items()}


def sizes(made):
    return [result.table.num_rows for result in made.values()]


def alternate(count):
    return [i % 2 == 0 for i in range(count)]


def assert_divided(made, table):
    """Every example is in one split, unchanged and in order, and the check says so."""
    assert list(made) == ["train", "validation", "test"]
    together = sorted((row for result in made.values() for row in result.table.to_pylist()), key=lambda row: row["id"])
    assert together == sorted(table.to_pylist(), key=lambda row: row["id"])
    for result in made.values():
        positions = [table["id"].to_pylist().index(one) for one in result.table["id"].to_pylist()]
        assert positions == sorted(positions)
        assert result.metadata["checks"][NO_LEAK]["passed"]
        assert result.key == ("id",)


SHARES = st.floats(0.1, 0.4)


@settings(max_examples=40)
@given(st.integers(3, 200), SHARES, SHARES, st.integers(0, 99))
def test_a_random_split_divides_all_examples_with_shares_exact_to_a_row(count, validation, test, seed):
    table = examples([float(i) for i in range(count)])
    assume(round(count * validation) + round(count * test) < count - 2 and count > 10)
    made = split(table, by="random", validation=validation, test=test, seed=seed)
    assert_divided(made, table)
    assert sizes(made)[1:] == [max(1, round(count * validation)), max(1, round(count * test))]


@settings(max_examples=25)
@given(
    st.permutations(range(40)),
    st.sampled_from(["random", "stratified", "group"]),
    st.sampled_from([float, "c{}".format]),
    st.integers(0, 5),
)
def test_where_an_example_goes_does_not_depend_on_the_order_of_rows(order, by, label, seed):
    fields = {"by": by, "seed": seed} | ({"group": "g"} if by == "group" else {})
    assume(by == "stratified" or label is float)
    table = examples([label(i % 8) for i in range(40)], groups=[str(i % 11) for i in range(40)])
    assert ids(split(table, **fields)) == ids(split(table.take(pa.array(order)), **fields))


def test_the_seed_decides_and_nothing_else():
    table = examples(alternate(200))
    first = ids(split(table, by="random", seed=1))
    assert first == ids(split(table, by="random", seed=1))
    assert first != ids(split(table, by="random", seed=2))


def test_a_new_row_moves_hardly_any_other():
    before = ids(split(examples(alternate(400)), by="stratified"))
    after = ids(split(examples(alternate(401)), by="stratified"))
    assert sum(len(before[name] - after[name]) for name in before) <= 4


def test_keys_of_several_columns_and_types_are_told_apart():
    rows = [(text, number) for text in ("a", "a:1", None, "-") for number in (1, 11, None, 2.5)]
    table = pa.table(
        {"x": [x for x, _ in rows], "y": pa.array([y for _, y in rows], pa.float64()), "label": alternate(len(rows))}
    )
    made = split(table, by="stratified", key=("x", "y"))
    assert sum(sizes(made)) == len(rows)
    assert all(result.metadata["checks"][NO_LEAK]["passed"] for result in made.values())


def test_no_key_means_the_rows_place():
    table = examples(alternate(20)).rename_columns(["_row_id", "cutoff", "label", "time"])
    assert split(table, by="stratified", key=())["test"].key == ("_row_id",)


@settings(max_examples=40)
@given(st.lists(st.sampled_from("aaaabbc"), min_size=12, max_size=120), st.integers(0, 9))
def test_a_stratified_split_keeps_the_share_of_each_class(labels, seed):
    counted = {label: labels.count(label) for label in labels}
    assume(1 < len(counted) <= round(len(labels) * 0.2) and min(counted.values()) >= 3)
    table = examples(labels)
    made = split(table, by="stratified", validation=0.2, test=0.2, seed=seed)
    assert_divided(made, table)
    assert sizes(made)[1:] == [round(len(labels) * 0.2)] * 2
    for name in ("validation", "test"):
        for label, count in counted.items():
            got = made[name].table["label"].to_pylist().count(label)
            assert got >= 1
            assert abs(got - count * 0.2) < 2


def test_a_stratified_split_of_numbers_spreads_small_and_large_ones():
    values = np.random.default_rng(0).lognormal(sigma=2, size=500)
    made = split(examples(values.tolist()), by="stratified", validation=0.2, test=0.2)
    bounds = np.quantile(values, [0.1, 0.9])
    for result in made.values():
        label = result.table["label"].to_numpy()
        assert np.mean(label < bounds[0]) == pytest.approx(0.1, abs=0.01)
        assert np.mean(label > bounds[1]) == pytest.approx(0.1, abs=0.01)


def test_many_equal_numbers_are_spread_too():
    made = split(examples([0.0] * 90 + [1.0] * 10), by="stratified", validation=0.2, test=0.2)
    assert sizes(made) == [60, 20, 20]
    assert [sum(result.table["label"].to_pylist()) for result in made.values()] == [6, 2, 2]


@settings(max_examples=40)
@given(st.lists(st.sampled_from([*"abcdefgh", None]), min_size=30, max_size=120), st.integers(0, 9))
def test_a_group_is_never_torn(groups, seed):
    assume(len(set(groups)) >= 3)
    table = examples([float(i) for i in range(len(groups))], groups=groups)
    made = split(table, by="group", group="g", seed=seed, validation=0.2, test=0.2)
    assert_divided(made, table)
    where = [set(result.table["_group"].to_pylist()) for result in made.values()]
    assert sum(map(len, where)) == len(set(groups))


def test_many_small_groups_come_near_the_shares():
    made = split(
        examples([float(i) for i in range(1000)], groups=[str(i // 4) for i in range(1000)]), by="group", group="g"
    )
    assert all(abs(size - 150) <= 2 for size in sizes(made)[1:])


def test_one_large_group_stays_in_train_rather_than_swallow_the_test():
    groups = ["huge"] * 900 + [str(i) for i in range(100)]
    for seed in range(5):
        made = split(
            examples([float(i) for i in range(1000)], groups=groups),
            by="group",
            group="g",
            seed=seed,
            validation=0.03,
            test=0.03,
        )
        assert sizes(made) == [940, 30, 30]


@settings(max_examples=40)
@given(st.lists(st.floats(0, 99), min_size=10, max_size=60), st.integers(5, 60), st.integers(5, 30))
def test_by_time_each_split_ends_before_the_next_begins(days, first, length):
    validation, test = at(first).date(), at(first + length).date()
    table = examples([float(i) for i in range(len(days))], days=days)
    counts = [sum(day < first for day in days), sum(first <= day < first + length for day in days)]
    assume(counts[0] > 1 and counts[1] and sum(counts) < len(days))
    made = split(table, by="time", validation=validation, test=test)
    assert_divided(made, table)
    assert sizes(made) == [*counts, len(days) - sum(counts)]


def test_dates_are_midnights_of_the_partitions_zone():
    zone = ZoneInfo("America/New_York")
    new_york = Partitions(every="month", start="2024-01-01", end="2024-07-01", timezone=zone.key)
    local = [(1, 1, 0), (3, 31, 23), (4, 1, 0), (4, 30, 23), (5, 1, 0)]
    times = [dt.datetime(2024, month, day, hour, tzinfo=zone) for month, day, hour in local]
    table = examples([1.0, 2.0, 3.0, 4.0, 5.0]).set_column(3, "time", pa.array(times, US))
    made = split(table, new_york, by="time", validation="2024-04-01", test="2024-05-01")
    assert ids(made) == {"train": {0, 1}, "validation": {2, 3}, "test": {4}}
    assert made["train"].metadata["validation begins"] == "2024-04-01T04:00:00+00:00"


@pytest.mark.parametrize(
    ("end", "begins"),
    [
        ("2024-07-01", ("2024-05-01", "2024-06-01")),  # the file says where the end is, examples or not
        (None, ("2024-03-01", "2024-04-01")),  # open: the last month that has examples, whatever the clock says
    ],
)
def test_spans_count_back_from_the_end_of_the_partitions(end, begins):
    months = Partitions(every="month", start="2024-01-01", end=end)
    days = [*range(0, 100, 5), *((140, 175) if end else ())]
    made = split(
        examples([float(i) for i in range(len(days))], days=days),
        months,
        by="time",
        validation="1 month",
        test="1 month",
    )
    assert (made["test"].metadata["validation begins"][:10], made["test"].metadata["test begins"][:10]) == begins


def test_without_partitions_spans_and_shares_count_back_from_the_last_day():
    table = examples([float(i) for i in range(100)], days=[i + 0.5 for i in range(100)])
    assert sizes(split(table, by="time", validation="20 days", test="10 days")) == [70, 20, 10]
    assert sizes(split(table, by="time", validation=0.2, test=0.1)) == [70, 20, 10]


def test_where_there_is_no_time_the_cutoff_counts():
    table = examples([1.0, 2.0, 3.0, 4.0], days=[None, None, None, 3]).set_column(
        1, "cutoff", pa.array([at(0), at(1), at(2), at(0)], US)
    )
    made = split(table, by="time", validation=at(2).date(), test=at(3).date())
    assert ids(made) == {"train": {0, 1}, "validation": {2}, "test": {3}}


def test_people_see_what_is_in_a_split():
    metadata = split(examples(alternate(20)), by="stratified")["test"].metadata
    assert metadata == {
        "examples": 3,
        "share of positives": 0.3333,
        "first time": metadata["first time"],
        "last time": metadata["last time"],
        "checks": {
            NO_LEAK: {
                "passed": True,
                "description": "each example is in one split",
                "metadata": {"examples in two splits": 0, "examples lost or added": 0},
            }
        },
    }
    assert "2024-01-01 00:00:00+00:00" <= metadata["first time"] < metadata["last time"]


LATE = {"by": "time", "validation": "2025-01-01", "test": "2026-01-01"}
FAULTS = {
    "no examples": ([], {"by": "random"}, r"must be examples to split, at least one each, however there are 0"),
    "two examples": ([1.0, 2.0], {"by": "random"}, r"at least one each, however there are 2"),
    "one class": ([True] * 20, {"by": "random"}, r"examples.label must tell examples apart, however all 20 say True"),
    "a constant number": ([5.0] * 20, {"by": "random"}, r"must tell examples apart, however all 20 say 5\.0"),
    "one positive": (
        [True, *[False] * 19],
        {"by": "stratified"},
        r"labels of validation must differ, however all 3 are False; give larger shares",
    ),
    "an id for a label": (
        [str(i) for i in range(40)],
        {"by": "random"},
        r"classes must have several examples each, however there are 40 in 40 examples, e.g. '0'; is .* an id",
    ),
    "rare classes": (
        ["often"] * 25 + [str(i) for i in range(15)],
        {"by": "random"},
        r"classes of (validation|test) must be in train too, however .* split by stratified",
    ),
    "dates after the data": (
        alternate(20),
        LATE,
        r"validation, test holds none .* move 'splits\.validation' .*validation begins 2025-01-01T00",
    ),
    "dates in the wrong order": (
        alternate(20),
        {**LATE, "test": "2024-01-01"},
        r"validation must begin before the test, however: 2025-01-01 .*; change 'splits'",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_split_of_no_use_is_refused_with_what_to_do(fault):
    labels, fields, words = FAULTS[fault]
    with pytest.raises(DataError, match=words):
        split(examples(labels), **fields)


def test_a_class_that_only_the_test_has_is_named():
    days = [*range(20), 30, 31, 60, 61]
    with pytest.raises(
        DataError, match=r"classes of test must be in train too, however z is not, .* join rare classes"
    ):
        split(examples([*"ab" * 11, "z", "a"], days=days), by="time", validation=at(25).date(), test=at(55).date())


def test_a_key_that_stands_twice_is_named():
    with pytest.raises(DataError, match=r"1 keys stand in several rows, e\.g\. \{'id': 7\}, perhaps in two partitions"):
        split(examples(alternate(20), ids=[7, 7, *range(18, 36)]), by="random")


def test_an_example_without_time_is_not_guessed():
    with pytest.raises(
        DataError, match=r"however 1 of 4 have none; give examples a cutoff, or make .* 'required: true'"
    ):
        split(examples(alternate(4), days=[1, 2, None, 3]), by="time", validation="2024-01-03", test="2024-01-04")


@pytest.mark.parametrize(
    ("groups", "words"),
    [(["a"] * 10 + ["b"] * 10, "needs 3 groups or more, however there are 2"), (None, "needs examples with '_group'")],
)
def test_a_split_by_group_needs_groups(groups, words):
    with pytest.raises(DataError, match=words):
        split(examples(alternate(20), groups=groups), by="group", group="g")


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.floats(0.01, 0.9))
def test_seats_add_up_to_the_share_and_leave_rows_to_others(strata, share):
    given_ = seats(strata, share, leave=2)
    assert all(0 <= got <= max(0, size - 2) for got, size in zip(given_, strata, strict=True))
    room = sum(max(0, size - 2) for size in strata)
    assert sum(given_) == min(max(1, round(sum(strata) * share)), room)


def test_an_id_for_a_label_is_refused_in_no_time():
    with pytest.raises(DataError, match="classes must have several examples each"):
        split(examples([str(i) for i in range(50_000)], days=[0] * 50_000), by="stratified")


def test_as_many_classes_as_rows_are_divided_in_no_time():
    assert seats([1] * 300_000, 0.15, leave=2).sum() == 0
    assert seats([3] * 200_000, 0.15, leave=2).sum() == 90_000
