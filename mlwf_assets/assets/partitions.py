"""Dagster's partitions from the workflow file's, and how assets' partitions hang together."""

import dagster as dg

from mlwf_assets.assets.step import Input, Step
from mlwf_assets.spec.partitions import Cutting, NamedPartitions
from mlwf_assets.spec.timeline import partition_cron, partition_format


def partitions_definition(partitions: Cutting) -> dg.PartitionsDefinition[str]:
    """Make Dagster's definition of the same partitions, under the same names and in the same order."""
    if isinstance(partitions, NamedPartitions):
        return dg.StaticPartitionsDefinition(list(partitions.names))
    return dg.TimeWindowPartitionsDefinition(
        start=partitions.start.strftime(partition_format(partitions)),
        end=partitions.end.strftime(partition_format(partitions)) if partitions.end else None,
        fmt=partition_format(partitions),
        timezone=partitions.timezone,
        cron_schedule=partition_cron(partitions),
    )


def backfill_policy(partitions: Cutting) -> dg.BackfillPolicy:
    """Say how many partitions one run of a backfill takes."""
    if partitions.per_run is None:
        return dg.BackfillPolicy.single_run()
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=partitions.per_run)


def partition_mapping(reader: Step, source: Step, edge: Input) -> dg.PartitionMapping | None:
    """Say which partitions of `source` a partition of `reader` reads; None: Dagster's default is right."""
    if not source.partitioned:
        return None
    if not reader.partitioned or edge.back is None:
        return dg.AllPartitionMapping()
    return dg.TimeWindowPartitionMapping(start_offset=-edge.back) if edge.back else None
