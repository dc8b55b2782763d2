"""Dagster's partitions are the workflow's own: the same stretches under the same names."""

import datetime as dt

import pytest

from mlwf_assets.assets.partitions import partitions_definition
from mlwf_assets.spec.partitions import Partitions
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
