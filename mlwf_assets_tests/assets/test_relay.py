"""What the process of a step sends reaches the recorder of its run."""

import os

import pytest

from mlwf_assets.assets import stamps
from mlwf_assets.assets.relay import Made, listening, recording_step
from mlwf_assets.errors import DataError


def test_what_a_step_records_elsewhere_reaches_the_run():
    heard = []
    recorder = stamps.Recorder(listen=lambda *event: heard.append(event))

    def work():
        with recording_step() as step, step.failing("clean/a"):
            step.listen("start", "clean/a", "")
            with step.working("clean/a"):
                step.done.append(Made("clean/a", None, reused=False))
            raise DataError("rows must be sound")

    with listening(recorder, take=lambda made: made), pytest.raises(DataError):
        work()
    assert "MLWF_RELAY" not in os.environ
    assert [event[0] for event in heard] == ["start", "failed"]
    assert [stamp.what for stamp in recorder.stamps] == ["clean/a"]
    assert recorder.done == [Made("clean/a", None, reused=False)]
    assert isinstance(recorder.failures["clean/a"], DataError)
