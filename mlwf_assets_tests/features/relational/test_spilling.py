"""What does not fit into memory goes to the disk, to a place of each calculation's own, and is gone at the end."""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlwf_assets.features.quiet import quiet_libraries

with quiet_libraries():
    from mlwf_assets.features.relational.engine.calculator import connect

_ROWS = 250_000
_SORTED = (
    f"SELECT SUM(i * n) FROM (SELECT i, ROW_NUMBER() OVER (ORDER BY MD5(i::VARCHAR)) AS n FROM range({_ROWS}) r(i))"
)
_SPILL = f"""
from mlwf_assets.features.relational.engine.calculator import connect
with connect(memory="30MB") as connection:
    print(connection.execute({_SORTED!r}).fetchone()[0])
"""


def _sort():
    with connect(memory="30MB") as connection:
        (total,) = connection.execute(_SORTED).fetchone()
        (place,) = connection.execute("SELECT current_setting('temp_directory')").fetchone()
        return int(total), Path(place), Path(place).exists()


def test_two_threads_and_two_processes_spill_side_by_side_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    command = [sys.executable, "-c", f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}\n{_SPILL}"]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with ThreadPoolExecutor(2) as pool:
        seen = [one.result() for one in [pool.submit(_sort) for _ in range(2)]]
    theirs, _ = other.communicate(timeout=120)

    assert all(spilled for _, _, spilled in seen)
    assert {total for total, _, _ in seen} == {int(theirs)}
    assert len({place for _, place, _ in seen}) == 2
    assert list(tmp_path.iterdir()) == []
