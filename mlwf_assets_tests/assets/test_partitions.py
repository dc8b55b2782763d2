"""Dagster's partitions are the workflow's own: the same stretches under the same names."""

import datetime as dt

import pytest

from mlwf_assets.assets.partitions import backfill_policy, partitions_definition
from mlwf_assets.spec.partitions import NamedPartitions, Partitions
from mlwf_assets.spec.timeline import partition_names

NOW = dt.datetime(2024, 3, 14, 15, tzinfo=dt.UTC)


@pytest.mark.parametrize("every", ["month", "week", "day", "hour"])
@pytest.mark.parametrize("end", [None, "2024-03-13"])
def test_dagster_has_the_partitions_of_the_workflow_file(every, end):
    start = "2024-02-01" if every == "month" else "2024-02-28"  # a Wednesday
    if every == "month" and end:
        end = "2024-03-01"
    partitions = Partitions(every=every, start=start, end=end, timezone="America/New_York")
    definition = partitions_definition(partitions)
    assert definition.get_partition_keys(current_time=NOW) == partition_names(partitions, now=NOW)


@pytest.mark.parametrize("per_run", [None, 1, 30])
def test_a_backfill_takes_all_partitions_in_one_run_or_as_many_as_the_file_says(per_run):
    by_time = Partitions(every="day", start="2024-02-01", per_run=per_run)
    by_name = NamedPartitions(names=("EWR", "JFK"), per_run=per_run)
    assert {backfill_policy(cut).max_partitions_per_run for cut in (by_time, by_name)} == {per_run}


def test_names_keep_their_order():
    assert partitions_definition(NamedPartitions(names=("LGA", "EWR"))).get_partition_keys() == ["LGA", "EWR"]
