"""`python -m benchmarks [NAME ...]`: run the named benchmarks, or all; results go to `benchmarks/results/`."""

import importlib
import json
import os
import platform
import sys
from pathlib import Path

BENCHMARKS = ("demo", "lazy", "gpu", "gpu_ledger", "timeseries", "relational", "flights_script", "automl")
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> None:
    if unknown := [name for name in names if name not in BENCHMARKS]:
        sys.exit(f"benchmarks must be among {', '.join(BENCHMARKS)}, however: {', '.join(unknown)}")
    RESULTS.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    for name in names or BENCHMARKS:
        measured = importlib.import_module(f"benchmarks.{name}").measure()
        text = json.dumps({"benchmark": name, "on": machine, **measured}, indent=2)
        (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
