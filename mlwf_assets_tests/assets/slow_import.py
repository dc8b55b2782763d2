"""A library that takes long to import: as long as there is no file `ready`."""

import os
import time
from pathlib import Path

if _FOLDER := os.environ.get("MLWF_TEST_FOLDER"):  # not where tests are only gathered
    (Path(_FOLDER) / "starts").touch()
    while not (Path(_FOLDER) / "ready").exists():
        time.sleep(0.01)


def answer(*, recall):
    return [bool(recall)]
