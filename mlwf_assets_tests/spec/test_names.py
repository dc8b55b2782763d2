"""The names that a workflow file may use, held against what the rooms and the libraries really have."""

import warnings

import numpy as np
import pandas as pd
import pytest

from mlwf_assets.features.quiet import quiet_libraries
from mlwf_assets.models.families.registry import family_names
from mlwf_assets.models.metrics import metrics_of
from mlwf_assets.spec.names import (
    AGGREGATIONS,
    AGGREGATIONS_ONE_BY_ONE,
    FAMILIES,
    KINDS,
    METRICS,
    ONLY_BOUNDS,
    TRANSFORMS,
    TRANSFORMS_AT_TIME,
    TRANSFORMS_OF_TEXT,
    TRANSFORMS_OVER_ROWS,
)


@pytest.fixture(scope="module")
def featuretools_transforms():
    with quiet_libraries():
        from featuretools.primitives.utils import get_transform_primitives

        return get_transform_primitives()


def test_transforms_are_all_that_featuretools_has(featuretools_transforms):
    groups = (*TRANSFORMS, *TRANSFORMS_OVER_ROWS, *TRANSFORMS_AT_TIME)
    assert sorted(groups) == sorted(featuretools_transforms)
    assert set(TRANSFORMS_AT_TIME) == {name for name, one in featuretools_transforms.items() if one.uses_calc_time}


def test_transforms_of_text_are_all_that_can_read_it(featuretools_transforms):
    from woodwork.logical_types import NaturalLanguage

    def reads_text(schema):
        return isinstance(schema.logical_type, NaturalLanguage) or not (schema.logical_type or schema.semantic_tags)

    inputs = {name: np.ravel(featuretools_transforms[name].input_types) for name in TRANSFORMS}
    assert {name for name, schemas in inputs.items() if any(map(reads_text, schemas))} == TRANSFORMS_OF_TEXT


def test_aggregations_are_all_that_featuretools_has():
    with quiet_libraries():
        from featuretools.primitives import get_aggregation_primitives

        assert sorted((*AGGREGATIONS, *AGGREGATIONS_ONE_BY_ONE)) == sorted(get_aggregation_primitives())


@pytest.mark.parametrize("window", [None, "3 hours"])
def test_aggregations_that_are_served_are_taken_from_all_rows_at_once(window):
    with quiet_libraries():
        import featuretools as ft
        from featuretools.utils.wrangle import _check_timedelta

        from mlwf_assets.features.relational.engine.events import EventGroups
        from mlwf_assets.features.relational.engine.tables import Tables
        from mlwf_assets.features.relational.engine.windows import Windows

        frame = pd.DataFrame(
            {"id": [1, 2], "of": [1, 1], "x": [1.0, 2.0], "b": pd.array([True, None], dtype="boolean")}
        )
        frame = frame.assign(at=pd.to_datetime(["2020-01-01"] * 2), c=pd.Categorical(["a", "b"]))
        kinds = {"x": "Double", "b": "BooleanNullable", "c": "Categorical"}
        entityset = ft.EntitySet("toy")
        entityset.add_dataframe(dataframe_name="p", dataframe=pd.DataFrame({"of": [1]}), index="of")
        entityset.add_dataframe(dataframe_name="c", dataframe=frame, index="id", time_index="at", logical_types=kinds)
        entityset.add_relationship("p", "of", "c", "of")
        definitions = ft.dfs(
            entityset=entityset, target_dataframe_name="p", agg_primitives=list(AGGREGATIONS), trans_primitives=[],
            max_depth=1, features_only=True,
        )  # fmt: skip
        assert {one.primitive.name for one in definitions} == set(AGGREGATIONS)
        for one in definitions:
            one.use_previous = _check_timedelta(window) if window else None
            groups = EventGroups(Tables(entityset, None), Windows(), include=True, training=False)
            assert groups.find(one) is not None, one.get_name()


ROWS = 12
WORDS = {
    "EmailAddress": lambda i: f"a@b{i}.com",
    "URL": lambda i: f"http://a{i}.com/x",
    "PersonFullName": lambda i: f"Mr. A{i} B",
    "Filepath": lambda i: f"/a/b.t{i}",
    "PostalCode": lambda i: f"1{i}234",
    "NaturalLanguage": lambda i: f"Hi @you #no{i}, bye.",
    "Categorical": lambda i: "abc"[i],
}


def values(schema, random):
    """A column that fits what a primitive takes, with repetitions."""
    kind = type(schema.logical_type).__name__
    small = random.integers(0, 3, ROWS)
    if kind == "Datetime":
        return pd.Series(pd.to_datetime(small * 10**6, unit="s"))
    if kind.startswith("Boolean"):
        return pd.Series(small == 1)
    if kind == "LatLong":
        return pd.Series([(float(i), float(i)) for i in small])
    if "numeric" in schema.semantic_tags or kind in ("NoneType", "Ordinal"):
        return pd.Series(small + 0.5)
    return pd.Series([WORDS[kind](i) for i in small], dtype="string")


def is_row_wise(primitive_class):
    """Whether a primitive gives for a row alone what it gives for it among others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of dividing by zero, of what is deprecated
        return _is_row_wise(primitive_class())


def _is_row_wise(primitive):
    taken = primitive.input_types[0] if isinstance(primitive.input_types[0], list) else primitive.input_types
    random = np.random.default_rng(0)
    columns = [values(schema, random) for schema in taken]
    function = primitive.get_function()
    whole = pd.Series(np.asarray(function(*columns)))
    single = [function(*(column.iloc[i : i + 1].reset_index(drop=True) for column in columns)) for i in range(ROWS)]
    return whole.equals(pd.Series([np.asarray(one)[0] for one in single], dtype=whole.dtype))


@pytest.mark.parametrize("name", sorted(set(TRANSFORMS) - {"geomidpoint"}))  # it stacks what it is given
def test_a_transform_that_is_served_looks_at_one_row_only(featuretools_transforms, name):
    assert is_row_wise(featuretools_transforms[name])


@pytest.mark.parametrize("name", sorted(set(TRANSFORMS_OVER_ROWS) - {"savgol_filter"}))  # unless told its window
def test_a_transform_that_is_not_served_looks_at_other_rows(featuretools_transforms, name):
    assert not is_row_wise(featuretools_transforms[name])


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_are_those_that_are_computed(kind):
    computed = {metric.name for metric in metrics_of(kind)}
    assert {name for name, kinds in METRICS.items() if kind in kinds} == computed - {"bias"}  # best at 0: no bound


def test_families_are_those_that_can_be_made():
    assert family_names() == FAMILIES


def test_what_is_a_bound_only_is_a_metric():
    assert set(ONLY_BOUNDS) <= set(METRICS)
