import json

import pyarrow as pa
import pytest

from mlwf_assets.errors import DataError, SchemaError, SpecError
from mlwf_assets.features import relational
from mlwf_assets.features.relational import plain, rowwise
from mlwf_assets_tests.features.toy import at, change, make_examples, make_tables, make_workflow


def build(tables=None, workflow=None, examples=None):
    tables = tables or make_tables()
    return relational.build(workflow or make_workflow(), tables, examples or make_examples(tables["parcels"]))


def features_of(result):
    return {feature["name"]: feature for feature in json.loads(result.files["features.json"])}


def test_columns_of_all_tables_on_the_way_become_features():
    result = build()
    assert result.table.column_names == ["id", *features_of(result)]
    assert set(features_of(result)) == {
        "courier", "depot", "weight", "fast", "HOUR(sent)", "WEEKDAY(sent)",
        "couriers.grade", "couriers.born", "depots.size", "depots.region",
    } - {"depots.region"}  # fmt: skip
    rows = result.table.to_pylist()
    assert rows[1]["couriers.born"] == 1990
    assert rows[1]["depots.size"] == 10
    assert rows[1]["couriers.grade"] == "B"
    assert rows[3]["fast"] is True


def test_kinds_follow_the_contracts():
    result = build()
    kinds = {name: feature["kind"] for name, feature in features_of(result).items()}
    assert kinds["HOUR(sent)"] == kinds["weight"] == kinds["couriers.born"] == "numeric"
    assert kinds["courier"] == kinds["couriers.grade"] == "categorical"
    assert kinds["fast"] == "boolean"
    types = {"numeric": pa.float64(), "categorical": pa.string(), "boolean": pa.bool_()}
    assert all(result.table.schema.field(name).type == types[kind] for name, kind in kinds.items())


def test_times_are_read_in_the_time_zone_of_the_partitions():
    # 2024-03-09 00:00 UTC is the evening of Friday the 8th in New York.
    first = build().table.to_pylist()[0]
    assert (first["HOUR(sent)"], first["WEEKDAY(sent)"]) == (19, 4)


def test_a_day_has_no_hour_in_any_table():
    tables = make_tables()
    born, day = pa.array([4000, 5000], pa.date32()), pa.array(range(19_000, 19_006), pa.date32())
    tables["couriers"] = tables["couriers"].append_column("since", born)
    tables["parcels"] = tables["parcels"].append_column("day", day)
    made = set(features_of(build(tables)))
    assert {"HOUR(sent)", "WEEKDAY(sent)", "WEEKDAY(day)", "couriers.WEEKDAY(since)"} <= made
    assert not {"HOUR(day)", "couriers.HOUR(since)"} & made


def test_a_missing_and_an_unknown_key_give_the_same_features():
    rows = build().table.to_pylist()
    keyed = {name for name in rows[0] if "courier" in name}
    unknown, missing = rows[2], rows[3]
    assert keyed == {"courier", "couriers.grade", "couriers.born"}
    assert all(unknown[name] is None and missing[name] is None for name in keyed)


def test_what_becomes_known_after_the_cutoff_changes_nothing():
    tables = make_tables()
    tables["couriers"] = change(tables["couriers"], "_known_at", at([3, None]))
    before = build(tables).table
    tables["couriers"] = change(tables["couriers"], "born", [-(10**9), 1990])
    tables["couriers"] = change(tables["couriers"], "grade", ["absurd", "B"])
    tables["parcels"] = change(tables["parcels"], "delay", [1e9] * 6)
    after = build(tables).table
    assert before.slice(0, 3).equals(after.slice(0, 3))
    assert before["courier"][0].as_py() is None
    assert before["courier"][4].as_py() == "c1"
    assert after["couriers.born"][4].as_py() == -(10**9)


def test_a_row_that_is_not_known_by_its_cutoff_shows_nothing():
    tables = make_tables()
    tables["parcels"] = change(tables["parcels"], "_known_at", at([1, -5, -5, -5, -5, -5]))
    hidden, shown = build(tables).table.to_pylist()[:2]
    assert {name for name, value in hidden.items() if value is not None} == {"id"}
    assert shown["weight"] == 1.5


def test_part_by_part_is_the_whole():
    tables = make_tables(40)
    whole = build(tables)
    parts = []
    for start in range(0, 40, 10):
        part = {**tables, "parcels": tables["parcels"].slice(start, 10)}
        parts.append(build(part))
    assert pa.concat_tables([part.table for part in parts]).equals(whole.table.combine_chunks())
    assert {part.files["features.json"] for part in parts} == {whole.files["features.json"]}
    assert {part.files["definitions.json"] for part in parts} == {whole.files["definitions.json"]}


def test_columns_do_not_depend_on_values():
    tables = make_tables()
    expected = build(tables)
    for name in ("courier", "depot", "weight", "fast", "note"):
        tables["parcels"] = change(tables["parcels"], name, [None] * 6)
    empty = build(tables)
    assert empty.table.schema == expected.table.schema
    assert empty.files == expected.files
    assert empty.table["weight"].null_count == empty.table["couriers.born"].null_count == 6


def test_a_partition_without_rows_has_the_same_columns():
    tables = make_tables()
    expected = build(tables)
    tables["parcels"] = tables["parcels"].slice(0, 0)
    result = build(tables)
    assert result.table.num_rows == 0
    assert result.table.schema == expected.table.schema
    assert result.files == expected.files


def test_rows_come_in_the_order_of_the_examples():
    tables = make_tables()
    examples = make_examples(tables["parcels"]).take([4, 0, 2])
    assert build(tables, examples=examples).table["weight"].to_pylist() == [6.0, 0.0, 3.0]


def test_each_feature_says_what_it_is():
    features = features_of(build())
    assert features["weight"]["words"] == "Weight of the parcel (kg)."
    assert features["HOUR(sent)"]["words"] == "The hour value of the time of sending."
    assert features["couriers.born"]["words"] == "Born, from couriers by courier."
    assert features["couriers.born"]["columns"] == ["couriers.born", "parcels.courier"]
    assert features["HOUR(sent)"]["columns"] == ["parcels.sent"]
    assert {feature["source"] for feature in features.values()} == {"relational"}


def test_two_ways_to_a_table_are_told_apart():
    tables = make_tables()
    tables["parcels"] = tables["parcels"].append_column("to", pa.array(["d2"] * 6))
    links = ["parcels.depot -> depots.depot", "parcels.to -> depots.depot"]
    result = build(tables, make_workflow(relationships=links))
    features = features_of(result)
    assert {"depots[depot].size", "depots[to].size"} <= set(features)
    assert features["depots[to].size"]["words"] == "Size, from depots by to."
    assert features["depots[to].size"]["columns"] == ["depots.size", "parcels.to"]
    assert result.table["depots[depot].size"].to_pylist()[1] == 10
    assert result.table["depots[to].size"].to_pylist()[1] is None


def test_grandparents_are_reached_at_depth_two():
    links = [*make_workflow().relationships, "depots.region -> regions.region"]
    result = build(workflow=make_workflow(relationships=links))
    assert result.table["depots.regions.wealth"].to_pylist()[:2] == [2, 1]
    assert features_of(result)["depots.regions.wealth"]["columns"] == [
        "depots.region", "parcels.depot", "regions.wealth",
    ]  # fmt: skip


def test_columns_called_as_the_matrix_calls_its_own_are_called_by_their_table():
    tables = make_tables()
    tables["parcels"] = tables["parcels"].append_column("time", pa.array([1.0] * 6))
    result = build(tables)
    assert result.table["parcels.time"].to_pylist() == [1.0] * 6
    assert features_of(result)["parcels.time"]["columns"] == ["parcels.time"]
    assert "time" not in features_of(result)


def test_a_category_that_is_part_of_the_key_is_a_feature_beside_the_key():
    spec = make_workflow().model_dump(exclude_unset=True)
    spec["tables"]["parcels"]["key"] = ["id", "depot"]
    spec["tables"]["parcels"]["columns"]["depot"] = "category"
    tables = make_tables()
    examples = make_examples(tables["parcels"]).append_column("depot", tables["parcels"]["depot"])
    result = build(tables, make_workflow(tables=spec["tables"]), examples)
    assert result.key == ("id", "depot")
    assert result.table.column_names[:2] == ["id", "depot"]
    assert result.table["depot"].to_pylist() == result.table["parcels.depot"].to_pylist() == ["d2", "d1"] * 3


def test_without_a_key_rows_are_named_by_their_place():
    spec = make_workflow().model_dump(exclude_unset=True)
    del spec["tables"]["parcels"]["key"]
    tables = make_tables()
    tables["parcels"] = tables["parcels"].append_column("_row_id", tables["parcels"]["id"])
    examples = make_examples(tables["parcels"]).rename_columns({"id": "_row_id"})
    result = build(tables, make_workflow(tables=spec["tables"]), examples)
    assert result.key == ("_row_id",)
    assert "_row_id" not in features_of(result)


def test_rows_may_be_named_by_other_columns_than_the_key_which_is_no_feature_then_either():
    tables = make_tables()
    place = pa.array([f"new.csv:{i}" for i in range(tables["parcels"].num_rows)])
    same = pa.array(["p0"] * len(place))
    twice = tables["parcels"].set_column(0, "id", same).append_column("_row_id", place)
    examples = make_examples(tables["parcels"]).append_column("_row_id", place)
    result = relational.build(make_workflow(), {**tables, "parcels": twice}, examples, key=["_row_id"])
    expected = build(tables)
    assert result.key == ("_row_id",)
    assert result.table.drop_columns(["_row_id"]).equals(expected.table.drop_columns(["id"]))


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        ("is_federal_holiday", "Whether the time of sending is a federal holiday."),
        ("season", "The season of the time of sending."),
        ("is_weekend", "Whether the time of sending occurred on a weekend."),
    ],
)
def test_transforms_are_put_into_words_with_and_without_a_template_of_featuretools(transform, words):
    features = features_of(build(workflow=make_workflow(relational={"transforms": [transform]})))
    assert features[f"{transform.upper()}(sent)"]["words"] == words


def test_saved_definitions_are_featuretools_own():
    import featuretools as ft

    result = build()
    loaded = ft.load_features(result.files["definitions.json"].decode())
    assert [definition.get_name() for definition in loaded] == list(features_of(result))


def test_transforms_of_text_apply_where_asked_for():
    result = build(workflow=make_workflow(relational={"transforms": ["num_words"]}))
    assert result.table["NUM_WORDS(note)"].to_pylist() == [3.0] * 6
    assert "note" not in features_of(result)


def test_no_transforms_means_none_and_nothing_said_means_the_usual_ones():
    def transformed(relational):
        return {name for name in features_of(build(workflow=make_workflow(relational=relational))) if "(" in name}

    assert transformed({"transforms": []}) == set()
    assert transformed({}) == {f"{name}(sent)" for name in ("MONTH", "WEEKDAY", "HOUR", "IS_WEEKEND")}


def test_infinite_values_are_missing():
    result = build(workflow=make_workflow(relational={"transforms": ["divide_numeric_scalar", "divide_by_feature"]}))
    assert result.table["1 / weight"].to_pylist()[:2] == [None, 1 / 1.5]


@pytest.mark.parametrize("name", ["cum_sum", "percentile", "time_since"])
def test_transforms_that_need_more_than_the_row_are_refused(name):
    with pytest.raises(SpecError, match=f"must be row-wise, however: '{name}'"):
        build(workflow=make_workflow(relational={"transforms": [name]}))


def test_an_unknown_transform_is_refused():
    with pytest.raises(SpecError, match="must name featuretools transform primitives, however: 'magic'"):
        build(workflow=make_workflow(relational={"transforms": ["magic"]}))


def test_an_example_without_its_row_is_an_error():
    tables = make_tables()
    with pytest.raises(DataError, match="clean/parcels must hold a row for each example"):
        build({**tables, "parcels": tables["parcels"].slice(1)}, examples=make_examples(tables["parcels"]))


def test_a_table_that_was_not_given_is_an_error():
    with pytest.raises(SchemaError, match="the clean table 'parcels' must be given"):
        relational.build(make_workflow(), {}, make_examples(make_tables()["parcels"]))


def test_columns_of_a_wide_table_that_no_transform_reads_say_the_same_without_featuretools(monkeypatch):
    usual = build()
    monkeypatch.setattr(plain, "_MANY", 1)
    wide = build()
    assert json.loads(usual.files["definitions.json"]) != json.loads(wide.files["definitions.json"])
    assert features_of(wide) == features_of(usual)
    assert wide.table.select(usual.table.column_names).equals(usual.table)


def test_of_a_wide_table_whose_numbers_are_transformed_nothing_goes_past_featuretools(monkeypatch):
    monkeypatch.setattr(plain, "_MANY", 1)
    workflow = make_workflow(relational={"transforms": ["absolute"]})
    assert "ABSOLUTE(weight)" in features_of(build(workflow=workflow))


def test_many_examples_are_made_some_at_a_time_and_come_out_the_same(monkeypatch):
    whole = build()
    monkeypatch.setattr(rowwise, "_ROWS_AT_ONCE", 4)
    some = build()
    assert some.table["id"].num_chunks == 2
    assert some.table.equals(whole.table)
    assert some.files == whole.files
