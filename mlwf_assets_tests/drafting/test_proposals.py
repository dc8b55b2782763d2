"""What is concluded from files: keys, relations, targets, splits, and what must not be learned from."""

import datetime as dt

import pytest

from mlwf_assets.errors import SpecError
from mlwf_assets_tests.drafting.toy import proposed, write_csv, write_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return proposed(write_shop(tmp_path_factory.mktemp("shop") / "files"), "outcome", name="shop")


def trips(folder, label=lambda i: "yes" if i % 3 else "no", rows=90, name="trips.csv"):
    return write_csv(folder / name, "trip,km,late", [(i, i % 13, label(i)) for i in range(rows)])


def test_keys_are_unique_and_called_or_placed_as_keys(shop):
    made, workflow = shop
    assert {name: table.key for name, table in workflow.tables.items()} == {
        "orders": ("order_id",), "customers": ("id",), "products": ("sku",),
    }  # fmt: skip
    assert made.keys["orders"].repeated == 2


def test_an_id_and_a_time_may_be_a_key_together(tmp_path):
    rows = [(f"s{i % 3}", f"2024-01-{1 + i // 3:02}", i % 5, "ab"[i % 2]) for i in range(84)]
    made, _ = proposed(write_csv(tmp_path / "readings.csv", "station,day,rain,y", rows), "y")
    assert made.keys["readings"].columns == ("station", "day")


def test_a_first_column_names_rows_although_some_stand_in_the_file_twice(tmp_path):
    rows = [(f"H-{i:03}", i % 7, "ab"[i % 2]) for i in range(60)]
    made, _ = proposed(write_csv(tmp_path / "houses.csv", "offer,x,y", [*rows, rows[3], rows[9]]), "y")
    assert (made.keys["houses"].columns, made.keys["houses"].repeated) == (("offer",), 2)


def test_values_that_stand_twice_are_no_key_even_if_called_id(tmp_path):
    made, _ = proposed(write_csv(tmp_path / "t.csv", "id,x,y", [(i // 2, i, "ab"[i % 2]) for i in range(40)]), "y")
    assert made.keys["t"].columns == ()


def test_relations_are_found_by_values_and_names(shop):
    made, workflow = shop
    assert workflow.relationships == ("orders.customer_id -> customers.id", "orders.product -> products.sku")
    by_customer, by_product = made.relations
    assert (by_customer.values, by_customer.among) == (602, 602)
    assert (by_product.values, by_product.among) == (602, 601)


def test_whole_numbers_alone_relate_nothing_and_such_a_table_is_left_out(tmp_path):
    folder = tmp_path / "files"
    trips(folder)
    write_csv(folder / "towns.csv", "town,size", [(i, i * 3) for i in range(50)])
    made, workflow = proposed(folder, "late")
    assert workflow.relationships == ()
    assert set(workflow.sources) == {"trips"}
    assert "towns is left out: nothing relates it to trips" in made.notes


def test_an_event_time_gives_cutoff_and_split_and_later_times_are_not_learned_from(shop):
    made, workflow = shop
    assert (workflow.examples.cutoff, workflow.splits.by) == ("ordered", "time")
    assert dt.date(2023, 8, 1) < workflow.splits.validation < workflow.splits.test < dt.date(2023, 12, 1)
    assert set(made.left_out) == {"closed"}
    assert "later than ordered in 100 % of the rows" in made.left_out["closed"]


def test_a_birthday_is_no_event(tmp_path):
    rows = [(i, f"19{50 + i % 50}-01-01", "ab"[i % 2]) for i in range(90)]
    made, workflow = proposed(write_csv(tmp_path / "people.csv", "id,birth_date,y", rows), "y")
    assert (made.event, workflow.splits.by) == (None, "stratified")


def test_a_time_on_whose_sides_not_all_outcomes_stand_does_not_divide(tmp_path):
    rows = [(i, f"2024-{1 + i // 28:02}-{1 + i % 28:02}", "no" if i < 250 else "yes") for i in range(300)]
    made, workflow = proposed(write_csv(tmp_path / "t.csv", "id,day,y", rows), "y")
    assert (made.event, workflow.splits.by) == ("day", "stratified")
    assert "not all values of y stand before and after each day of day" in made.split.why


def test_who_stands_in_many_rows_stays_in_one_split(tmp_path):
    rows = [(i, i % 30, i % 7, "ab"[i % 2]) for i in range(150)]
    made, workflow = proposed(write_csv(tmp_path / "visits.csv", "visit,patient,x,y", rows), "y")
    assert (workflow.splits.by, workflow.splits.group) == ("group", "patient")
    assert made.left_out == {"patient": "who it is, not what it is like"}


@pytest.mark.parametrize(
    ("values", "kind", "label"),
    [
        (["yes", "no", "no"], "binary", "y = 'yes'"),
        (["true", "false", "true"], "binary", "y"),
        (["1", "0", "0"], "binary", "y = 1"),
        (["it's", "b", "b"], "binary", "y = 'it''s'"),
        (["red", "green", "blue"], "multiclass", "y"),
        (["1.5", "2.5", "4"], "regression", "y"),
        ([3, 5, 9], "regression", "y"),
        ([0, 1, 2], "multiclass", "y"),
    ],
)
def test_the_kind_of_problem_is_told_by_the_values(tmp_path, values, kind, label):
    rows = [(i, values[i % 3]) for i in range(120)]
    made, workflow = proposed(write_csv(tmp_path / "t.csv", "id,y", rows), "y")
    assert (made.target.kind, workflow.examples.label) == (kind, label)


def test_classes_of_a_few_rows_are_left_out(tmp_path):
    rows = [(i, "rare" if i == 7 else "ab c"[i % 4]) for i in range(120)]
    _, workflow = proposed(write_csv(tmp_path / "t.csv", "id,y", rows), "y")
    assert workflow.examples.where == "y NOT IN ('rare')"


def test_constants_ids_and_what_says_the_same_as_the_target_are_not_learned_from(tmp_path):
    rows = [(i, f"ticket {i}", "x", i % 5, 1 + i % 2, "ab"[i % 2]) for i in range(90)]
    made, workflow = proposed(write_csv(tmp_path / "t.csv", "id,ticket,site,x,y_code,y", rows), "y")
    assert made.left_out == {
        "ticket": "an id or free text: 90 different values in 90 rows",
        "site": "always x",
        "y_code": "says the same as y: each of its values goes with one of it",
    }
    assert workflow.features.relational.ignore == tuple(made.left_out)


def test_names_with_points_spaces_and_words_of_sql_are_written_so_that_they_are_read(tmp_path):
    rows = [(i, "k", i % 5, "ab"[i % 2]) for i in range(90)]
    made, workflow = proposed(write_csv(tmp_path / "My Trips.csv", "id,a.b,the x,order", rows), "order")
    assert made.name == "my_trips"
    assert workflow.features.relational.ignore == ("a.b",)
    assert workflow.examples.label == "\"order\" = 'b'"


@pytest.mark.parametrize(
    ("label", "target", "words"),
    [
        (lambda i: "no", "late", "all 90 values are 'no', and what never differs cannot be learned"),
        (lambda i: "yes" if i == 5 else "no", "late", "only 1 of 90 rows say 'yes', and each of train"),
        (lambda i: f"row {i}", "late", "it is text with 90 different values in 90 rows, too many for classes"),
        (lambda i: f"2024-01-{1 + i % 28:02}", "late", "it is a time; predict a number of days"),
        (lambda i: "", "late", "it has no values"),
        (lambda i: i % 2, "trip", "its values name the rows, no two are the same"),
        (lambda i: i % 2, "laet", "there is no 'laet'. Did you mean 'late'?"),
    ],
)
def test_targets_that_cannot_be_learned(tmp_path, label, target, words):
    with pytest.raises(SpecError) as caught:
        proposed(trips(tmp_path, label), target)
    assert words in str(caught.value)


def test_a_target_in_other_case_is_taken_and_one_of_two_tables_is_asked_for(tmp_path):
    made, _ = proposed(trips(tmp_path), "LATE")
    assert made.target.column == "late"
    folder = tmp_path / "both"
    trips(folder)
    write_csv(folder / "buses.csv", "bus,late", [(i, i % 2) for i in range(40)])
    with pytest.raises(SpecError, match=r"say --target buses\.late or --target trips\.late"):
        proposed(folder, "late")
    made, _ = proposed(folder, "trips.late")
    assert made.target.table == "trips"


def test_without_a_target_the_likely_ones_are_listed_and_the_way_to_ask_again(tmp_path):
    folder = write_shop(tmp_path / "files")
    with pytest.raises(SpecError, match="--target must name the column to predict, however none was named") as caught:
        proposed(folder, None)
    first, *others = str(caught.value).splitlines()[1:-1]
    assert first.split()[:2] == ["orders.outcome", "multiclass"]
    named = {line.split()[0] for line in others}
    assert "orders.total" in named
    assert not named & {"orders.order_id", "orders.customer_id", "orders.ordered", "customers.name", "products.sku"}
    assert str(caught.value).endswith(f"mlwf init {folder} --target orders.outcome")
