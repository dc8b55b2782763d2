"""Dagster's partitions from the workflow file's, and how assets' partitions hang together."""

import dagster as dg

from mlwf_assets.assets.step import Input, Step
from mlwf_assets.spec.partitions import Partitions
from mlwf_assets.spec.timeline import partition_cron, partition_format


def partitions_definition(partitions: Partitions) -> dg.TimeWindowPartitionsDefinition:
    """Make Dagster's definition of the same stretches of time, under the same names."""
    return dg.TimeWindowPartitionsDefinition(
        start=partitions.start.strftime(partition_format(partitions)),
        end=partitions.end.strftime(partition_format(partitions)) if partitions.end else None,
        fmt=partition_format(partitions),
        timezone=partitions.timezone,
        cron_schedule=partition_cron(partitions),
    )


def partition_mapping(reader: Step, source: Step, edge: Input) -> dg.PartitionMapping | None:
    """Say which partitions of `source` a partition of `reader` reads; None: Dagster's default is right."""
    if not source.partitioned:
        return None
    if not reader.partitioned or edge.back is None:
        return dg.AllPartitionMapping()
    return dg.TimeWindowPartitionMapping(start_offset=-edge.back) if edge.back else None
