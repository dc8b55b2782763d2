"""Dagster definitions that load at once: what `mlwf up` serves in the tests."""

import dagster as dg


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def numbers() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"report": dg.MetadataValue.url("/reports/tiny/report.html")})


defs = dg.Definitions(assets=[numbers], jobs=[dg.define_asset_job("tiny", "*")])
