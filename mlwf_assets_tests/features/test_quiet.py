import subprocess
import sys
import warnings

import pytest

from mlwf_assets.features.quiet import quiet_libraries


def test_featuretools_and_woodwork_are_imported_and_used_without_a_warning():
    # In a process of its own: most of the warnings come with the first import only.
    code = """
from mlwf_assets.features import relational
from mlwf_assets_tests.features.toy import make_examples, make_tables, make_workflow
tables = make_tables()
made = relational.build(make_workflow(), tables, make_examples(tables["parcels"]))
print(made.table.num_rows)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "6\n", "")


def test_other_warnings_are_still_heard():
    with pytest.warns(UserWarning, match="the disk is full"), quiet_libraries():
        warnings.warn("the disk is full", UserWarning, stacklevel=1)


def test_outside_nothing_is_silenced():
    message = "pkg_resources is deprecated as an API"
    with quiet_libraries():
        warnings.warn(message, UserWarning, stacklevel=1)
    with pytest.warns(UserWarning, match=message):
        warnings.warn(message, UserWarning, stacklevel=1)
