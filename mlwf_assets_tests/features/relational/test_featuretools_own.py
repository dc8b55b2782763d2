"""featuretools' own tests, which its wheel holds, with our calculation in the place of its own."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mlwf_assets_tests.features.relational import in_place

CALCULATES = re.compile(r"calculate_feature_matrix|dfs\(")
OWN = Path(find_spec("featuretools").origin).parent / "tests"  # not imported: the other process does
SMALL = [OWN / "synthesis" / "test_dfs_method.py"]
# Whatever calculates: the other tests are of definitions, and of primitives by themselves. Those of features in files
# and buckets want boto3, and calculate nothing.
FULL = [
    OWN / "computational_backend",
    *SMALL,
    OWN / "synthesis" / "test_encode_features.py",
    *(
        path
        for path in (OWN / "primitive_tests").rglob("test_*.py")
        if CALCULATES.search(path.read_text("utf-8")) and "serialization" not in path.name
    ),
]


@pytest.mark.soak
def test_featuretools_own_tests_pass_but_for_those_that_are_named(full, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", in_place.__name__, "-p", "no:cacheprovider", "-q",
         "-W", "ignore", "--tb=short", "--rootdir", tmp_path, *(FULL if full else SMALL)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert (f"{len(in_place.EXCEPTIONS)} xfailed" in done.stdout) == full
