"""featuretools says what a feature is; its own calculation, run directly, is held against ours."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_assets.features import relational
from mlwf_assets.features.quiet import quiet_libraries
from mlwf_assets_tests.features.toy import START, at, make_workflow

TRANSFORMS = ["hour", "weekday", "is_weekend", "is_month_end", "absolute", "negate", "is_null", "num_words", "not"]
LINKS = ["parcels.courier -> couriers.courier", "parcels.depot -> depots.depot", "depots.region -> regions.region"]
COURIERS = {"courier": ["c1", "c2", "c3"], "grade": ["A", "B", None], "born": [1980.0, np.nan, 1990.0]}
DEPOTS = {"depot": ["d1", "d2"], "size": [10.0, np.nan], "region": ["r1", "r2"]}
REGIONS = {"region": ["r1", "r2"], "wealth": [1.0, 2.0]}

TYPES = {
    "parcels": {
        "id": "Integer", "courier": "Categorical", "depot": "Categorical", "weight": "Double",
        "fast": "BooleanNullable", "note": "NaturalLanguage", "sent": "Datetime",
    },
    "couriers": {"courier": "Categorical", "grade": "Categorical", "born": "Double"},
    "depots": {"depot": "Categorical", "size": "Double", "region": "Categorical"},
    "regions": {"region": "Categorical", "wealth": "Double"},
}  # fmt: skip
# A key that leads nowhere is missing for us, and a value of its own for featuretools.
OURS = {"courier", "depot", "depots.region", "IS_NULL(courier)", "IS_NULL(depot)"}

PARCEL = st.tuples(
    st.sampled_from(["c1", "c2", "c3", "c9", None]),
    st.sampled_from(["d1", "d2", "d9", None]),
    st.none() | st.floats(-1e6, 1e6),
    st.sampled_from([True, False, None]),
    st.sampled_from(["a b", "one", None]),
    st.integers(0, 10_000),
)
COLUMNS = ["courier", "depot", "weight", "fast", "note", "sent"]


def by_featuretools(parcels):
    """The matrix that a user of featuretools makes of the same tables, in the order of the parcels."""
    with quiet_libraries():
        import featuretools as ft

        frame = pd.DataFrame(parcels, columns=COLUMNS).assign(id=range(len(parcels)))
        hours = pd.to_datetime(START) + pd.to_timedelta(frame["sent"], "h")
        frame["sent"] = hours.dt.tz_convert("America/New_York").dt.tz_localize(None)
        frame = frame.astype({"weight": float, "fast": "boolean", "note": "string"})
        entityset = ft.EntitySet("parcels")
        others = {"couriers": COURIERS, "depots": DEPOTS, "regions": REGIONS}
        for name, data in {"parcels": frame, **{name: pd.DataFrame(data) for name, data in others.items()}}.items():
            index = "id" if name == "parcels" else name[:-1]
            entityset.add_dataframe(data, name, index, logical_types=TYPES[name])
        for link in LINKS:
            child, parent = (end.split(".") for end in link.split(" -> "))
            entityset.add_relationship(*parent, *child)
        matrix, _ = ft.dfs(
            entityset=entityset,
            target_dataframe_name="parcels",
            agg_primitives=[],
            trans_primitives=TRANSFORMS,
            max_depth=2,
            cutoff_time=pd.Timestamp("2000-01-01"),
        )
        return matrix.loc[range(len(frame))].reset_index(drop=True)


def by_us(parcels):
    kinds = [pa.string(), pa.string(), pa.float64(), pa.bool_(), pa.string()]
    columns = [list(values) for values in zip(*parcels, strict=True)]
    table = {name: pa.array(values, kind) for name, values, kind in zip(COLUMNS, columns, kinds, strict=False)}
    table |= {"id": [str(i) for i in range(len(parcels))], "sent": at(columns[-1]), "delay": [0.0] * len(parcels)}
    tables = {"parcels": table, "couriers": COURIERS, "depots": DEPOTS, "regions": REGIONS}
    tables = {name: pa.table(data) for name, data in tables.items()}
    workflow = make_workflow(relationships=LINKS, relational={"transforms": TRANSFORMS})
    examples = pa.table({"id": tables["parcels"]["id"], "cutoff": tables["parcels"]["sent"]})
    return relational.build(workflow, tables, examples)


def as_objects(values):
    return [None if pd.isna(value) else value for value in values]


@settings(max_examples=12)
@given(st.lists(PARCEL, min_size=1, max_size=12))
def test_values_are_featuretools_own(parcels):
    ours, theirs = by_us(parcels), by_featuretools(parcels)
    names = {feature["name"] for feature in json.loads(ours.files["features.json"])}
    assert names - set(theirs) <= OURS
    assert {name for name in set(theirs) - names if "id)" not in name} <= {
        "couriers.IS_NULL(courier)",
        "depots.IS_NULL(depot)",
    }
    for name in names - OURS:
        assert ours.table[name].to_pylist() == as_objects(theirs[name]), name


def test_the_same_features_come_out_whatever_the_rows():
    one, two = by_us([("c1", "d1", 1.0, True, "a", 0)]), by_us([(None, None, None, None, None, 5)] * 3)
    assert one.files == two.files
