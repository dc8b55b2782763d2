"""Features over history: what was known at each example's own cutoff, the same whoever asks, and for however many."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlwf_assets.features.quiet import quiet_libraries
from mlwf_assets.features.relational import History, build
from mlwf_assets.features.relational.definitions import EXAMPLES
from mlwf_assets.features.relational.star import LINK, Own
from mlwf_assets.features.times import read_times
from mlwf_assets_tests.features.toy import at, make_tables, make_workflow

with quiet_libraries():
    import featuretools as ft

N = 120
HISTORY = {
    "aggregations": ["count", "mean", "max", "percent_true", "std"],
    "history": [
        {"by": ["courier", "depot", ["courier", "depot"], []]},
        {"by": ["courier"], "windows": ["12 hours"], "aggregations": ["mean"]},
    ],
    "windows": ["all", "3 days", "20 hours"],
    "where": {"parcels.fast": [True]},
    "transforms": ["hour"],
}


def world(n=N, **relational):
    """n parcels, an hour apart; what became of them is known after 30 to 40 hours, of every 13th never."""
    workflow = make_workflow(relational={**HISTORY, **relational}, timeseries={})
    table = workflow.tables["parcels"]
    outcomes = [{"known_at": "arrived", "columns": ["delay", "lost"]}]
    workflow = workflow.model_copy(
        update={
            "tables": {
                **workflow.tables,
                "parcels": type(table).model_validate(table.model_dump() | {"outcomes": outcomes}),
            }
        }
    )
    tables = make_tables(n)
    rng = np.random.default_rng(0)
    parcels = tables["parcels"]
    known = [None if i % 13 == 5 else i + 30 + float(rng.integers(0, 10)) for i in range(n)]
    for name, values in {
        "delay": pa.array(rng.integers(-20, 200, n) * 1.0, mask=rng.random(n) < 0.1),
        "lost": pa.array(rng.random(n) < 0.2),
        "_known_at_OUTCOME_1": at(known),
    }.items():
        place = parcels.column_names.index(name) if name in parcels.column_names else parcels.num_columns
        parcels = (parcels.set_column if place < parcels.num_columns else parcels.add_column)(place, name, values)
    return workflow, {**tables, "parcels": parcels}


def examples_of(parcels):
    return pa.table({"id": parcels["id"], "cutoff": pc.cast(parcels["sent"], pa.timestamp("us", tz="UTC"))})


def make(workflow, tables, past=None, rows=slice(None)):
    """The result for some parcels, with all parcels, or others, for history."""
    history = History(workflow, {"parcels": tables["parcels"] if past is None else past})
    own = tables["parcels"].slice(rows.start or 0, (rows.stop or tables["parcels"].num_rows) - (rows.start or 0))
    try:
        return build(workflow, {**tables, "parcels": own}, examples_of(own), history=history)
    finally:
        history.close()


@pytest.fixture(scope="module")
def made():
    workflow, tables = world()
    return workflow, tables, make(workflow, tables)


def test_values_are_featuretools_own(made):
    workflow, tables, result = made
    history = History(workflow, {"parcels": tables["parcels"]})
    own = tables["parcels"]
    cutoffs = read_times(own["sent"], missing=0)
    history.calculate(own, cutoffs, tables)
    with quiet_libraries():
        filled = _fill(history, own)
        times = cutoffs.astype("datetime64[us]").astype("datetime64[ns]")
        frame = pd.DataFrame({"instance_id": np.arange(N), "time": times})
        asked = [_over(one, filled) for one in history.definitions.features]
        # featuretools takes its time for each cutoff.
        expected = ft.calculate_feature_matrix(asked, filled, cutoff_time=frame.iloc[::3])
    assert len(asked) > 100
    for name, feature in zip([one.get_name() for one in history.definitions.features], asked, strict=True):
        mine = result.table[name].to_pandas().to_numpy(dtype=float, na_value=np.nan)[::3]
        theirs = expected[feature.get_name()].to_numpy(dtype=float, na_value=np.nan)
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-5, err_msg=name)
    history.close()


def _over(feature, entityset):
    """The same definition over an entity set that holds rows."""
    copied = feature.copy()
    copied.entityset = entityset
    copied.base_features = [_over(one, entityset) for one in feature.base_features]
    if getattr(feature, "where", None) is not None:
        copied.where = _over(feature.where, entityset)
    return copied


def _fill(history, own):
    """An entity set with the rows that the engine has."""
    filled = ft.EntitySet("filled")
    data = dict(history._arrow.data)
    view = Own(own, np.zeros(own.num_rows, bool), {})
    codes = {way: find(view) for thing in history.star.things.values() for way, find in thing.ways.items()}
    data[EXAMPLES] = history._as_examples(codes, own.num_rows)
    for frame in history.definitions.entityset.dataframes:
        kinds = {name: type(kind).__name__ for name, kind in frame.ww.logical_types.items()}
        rows = data[frame.ww.name].select(list(kinds)).to_pandas()
        rows = rows.fillna({name: 10**6 for name in kinds if name.endswith(LINK)})  # the number of no thing
        filled.add_dataframe(
            dataframe_name=frame.ww.name, dataframe=rows, index=frame.ww.index, time_index=frame.ww.time_index,
            logical_types=kinds,
        )  # fmt: skip
    for link in history.definitions.entityset.relationships:
        filled.add_relationship(
            link._parent_dataframe_name, link._parent_column_name, link._child_dataframe_name, link._child_column_name
        )
    return filled


def test_nothing_that_is_known_after_the_cutoff_enters(made):
    workflow, tables, result = made
    parcels = tables["parcels"]
    last = read_times(parcels["sent"], missing=0)[60]
    later = read_times(parcels["_known_at_OUTCOME_1"], missing=2**62) > last
    absurd = parcels.set_column(
        parcels.column_names.index("delay"), "delay", pc.if_else(pa.array(later), pa.scalar(1e9), parcels["delay"])
    )
    assert later[:60].any()
    assert not later.all()
    again = make(workflow, {**tables, "parcels": absurd})
    assert again.table.slice(0, 61).equals(result.table.slice(0, 61))
    assert not again.table.equals(result.table)


def test_parts_one_by_one_over_their_prefixes_equal_the_whole(made):
    workflow, tables, result = made
    parts = [
        make(workflow, tables, tables["parcels"].slice(0, stop), slice(start, stop))
        for start, stop in ((0, 40), (40, 80), (80, N))
    ]
    assert pa.concat_tables([part.table for part in parts]).equals(result.table.combine_chunks())
    assert {part.files["features.json"] for part in parts} == {result.files["features.json"]}


def test_one_row_at_a_time_gets_what_it_gets_among_all(made):
    workflow, tables, result = made
    history = History(workflow, {"parcels": tables["parcels"]})
    for row in (0, 37, 64, 119):
        own = tables["parcels"].slice(row, 1)
        alone = build(workflow, {**tables, "parcels": own}, examples_of(own), history=history, alike=tables["parcels"])
        assert alone.table.equals(result.table.slice(row, 1))
    history.close()


def test_the_order_of_rows_changes_nothing(made):
    workflow, tables, result = made
    shuffled = tables["parcels"].take(pa.array(np.random.default_rng(1).permutation(N)))
    assert make(workflow, tables, shuffled).table.equals(result.table)


def test_a_missing_key_forms_no_group_and_looks_like_one_without_history(made):
    _, _, result = made
    names = [name for name in result.table.column_names if name.startswith("courier.")]
    missing = result.table.filter(pa.array([i % 4 == 3 for i in range(N)])).select(names)
    for name in names:
        values = set(missing[name].to_pylist())
        assert values == ({0.0} if "COUNT" in name else {None}), name


def test_blocks_have_windows_and_aggregations_of_their_own(made):
    _, _, result = made
    names = result.table.column_names
    assert "courier.MEAN(parcels.delay, Last 12 Hours)" in names
    assert "courier.MAX(parcels.delay, Last 3 Days)" in names
    assert "courier.MAX(parcels.delay, Last 12 Hours)" not in names
    assert "all.MEAN(parcels.delay, Last 12 Hours)" not in names
    assert "courier & depot.MEAN(parcels.delay WHERE fast = True, Last 20 Hours)" in names


def test_features_say_what_they_are_made_of(made):
    _, _, result = made
    listed = {one["name"]: one for one in json.loads(result.files["features.json"])}
    one = listed["courier.MEAN(parcels.delay WHERE fast = True, Last 20 Hours)"]
    assert one["columns"] == ["parcels.courier", "parcels.delay", "parcels.fast"]
    assert one["past"] == ["parcels.delay", "parcels.fast"]
    assert one["words"] == (
        "The average of the delay, of parcels of the same courier where fast = True, over the last 20 hours."
    )
    assert list(listed) == [name for name in result.table.column_names if name != "id"]


def test_the_number_of_features_is_capped(made):
    workflow, tables, _ = made
    spec = workflow.features.relational.model_copy(update={"max_features": 12})
    few = workflow.model_copy(update={"features": workflow.features.model_copy(update={"relational": spec})})
    assert make(few, tables).table.num_columns == 1 + 12


def test_rows_of_tables_that_refer_to_what_an_example_has():
    workflow, tables = world(
        40, history=[], where={}, aggregations=["count", "mean"], windows=["all", "10 hours"], transforms=[]
    )
    complaint = {"key": ["number"], "known_at": "said", "columns": {"anger": "number"}}
    table = type(workflow.tables["depots"]).model_validate(complaint)
    workflow = workflow.model_copy(
        update={
            "tables": {**workflow.tables, "complaints": table},
            "relationships": (*workflow.relationships, "complaints.courier -> couriers.courier"),
        }
    )
    hours = [1.0, 5.0, 20.0, 30.0]
    complaints = pa.table(
        {
            "number": [1, 2, 3, 4],
            "courier": ["c1", "c1", "c2", "c1"],
            "anger": [1.0, 3.0, 5.0, 7.0],
            "_known_at": at(hours),
        }
    )
    history = History(workflow, {"complaints": complaints})
    result = build(workflow, tables, examples_of(tables["parcels"]), history=history)
    history.close()
    counts, recent = (
        result.table[f"couriers.COUNT(complaints{window})"].to_pylist() for window in ("", ", Last 10 Hours")
    )
    mean = result.table["couriers.MEAN(complaints.anger)"].to_pylist()
    for row, courier in enumerate(tables["parcels"]["courier"].to_pylist()):
        seen = [
            a
            for a, c, h in zip([1, 3, 5, 7], ["c1", "c1", "c2", "c1"], hours, strict=True)
            if c == courier and h <= row
        ]
        assert counts[row] == len(seen)
        assert mean[row] == (pytest.approx(np.mean(seen)) if seen else None)
        assert recent[row] == sum(
            c == courier and row - 10 <= h <= row for c, h in zip(["c1", "c1", "c2", "c1"], hours, strict=True)
        )


def test_a_row_that_is_not_yet_known_shows_no_history():
    workflow, tables = world(40)
    hidden = tables["parcels"].set_column(
        tables["parcels"].column_names.index("_known_at"), "_known_at", at([i + 5 for i in range(40)])
    )
    result = make(workflow, {**tables, "parcels": hidden})
    assert set(result.table["depot.COUNT(parcels)"].to_pylist()) == {0.0}


def test_no_examples_give_the_same_columns(made):
    workflow, tables, result = made
    history = History(workflow, {"parcels": tables["parcels"]})
    own = tables["parcels"].slice(0, 0)
    empty = build(workflow, {**tables, "parcels": own}, examples_of(own), history=history, alike=tables["parcels"])
    history.close()
    assert empty.table.schema.names == result.table.schema.names
    assert [field.type for field in empty.table.schema] == [field.type for field in result.table.schema]
