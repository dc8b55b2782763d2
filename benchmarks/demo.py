"""The main job: a year of flights from raw files to a registered model, twice."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.process import run

_COMMAND = (str(Path(sys.executable).with_name("mlwf")), "run", "flights", "--json")


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="mlwf-bench-") as home:
        environment = {**os.environ, "MLWF_HOME": home}
        first, second = (run(_COMMAND, environment) for _ in range(2))
        made, again = (json.loads(one.stdout) for one in (first, second))
    return {
        "seconds": first.seconds,
        "peak_pss_mib": first.peak_pss_mib,
        "orchestration_share": made["orchestration_share"],
        "computed": len(made["computed"]),
        "second_run_seconds": second.seconds,
        "second_run_computed": len(again["computed"]),
        "test_metrics": made["test_metrics"],
        "leaderboard": made["leaderboard"],
    }
