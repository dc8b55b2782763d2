"""Days of a workflow that runs by itself, with a simulated clock: what is asked for is run, and runs are counted.

The tables alone are run here, for models take seconds; that nothing depends on which assets they are is the business
of `test_due.py`.
"""

import datetime as dt
from types import SimpleNamespace

import dagster as dg
import pytest

import mlwf_assets
from mlwf_assets.assets import failures
from mlwf_assets.assets.automation.condition import WORKFLOW_TAG
from mlwf_assets.assets.component import workflow_definitions
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.spec.loader import load
from mlwf_assets_tests.assets.automation import toy

pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
TABLES = ("raw", "clean", "quarantine", "datasets")
MIDNIGHT = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


class Days:
    """The daemon's part, with a clock of its own: asks the conditions, and runs what they ask for."""

    def __init__(self, folder, home):
        self.folder, self.home = folder, home
        self.instance = dg.DagsterInstance.ephemeral()
        self.definitions = workflow_definitions(load(folder), MlwfHome(path=str(home)))
        graph = self.definitions.resolve_asset_graph()
        self.tables = [key for key in graph.materializable_asset_keys if key.path[1] in TABLES]
        self.job = self.definitions.resolve_job_def("trips")
        self.now, self.cursor, self.runs = MIDNIGHT, None, []

    def clock(self):
        return self.now.timestamp()

    def look(self):
        """Ask the conditions once; return what is asked for."""
        found = dg.evaluate_automation_conditions(
            self.definitions, self.instance, evaluation_time=self.now, cursor=self.cursor,
            asset_selection=dg.AssetSelection.assets(*self.tables),
        )  # fmt: skip
        self.cursor = found.cursor
        asked = {key: found.get_requested_partitions(key) for key in self.tables}
        return {key: partitions for key, partitions in asked.items() if partitions}

    def next_look(self):
        """The same, half a minute later."""
        self.now += dt.timedelta(seconds=30)
        return self.look()

    def run(self, asked):
        """Run what is asked for as Dagster would: with partitions as one range, without as one run."""
        for names in {tuple(sorted(names, key=str)) for names in asked.values()}:
            keys = [key for key, own in asked.items() if tuple(sorted(own, key=str)) == names]
            tags = {} if names == (None,) else {
                "dagster/asset_partition_range_start": names[0], "dagster/asset_partition_range_end": names[-1],
            }  # fmt: skip
            done = self.job.execute_in_process(
                instance=self.instance, asset_selection=keys, tags=tags, raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )  # fmt: skip
            self.runs.append((self.now, {"/".join(key.path[1:]) for key in keys}, done.success))

    def until(self, day, hour=0.0, *, every_s=12 * 3600):
        """Look every twelve hours (or as often as is said) until then; return when there were runs, and these."""
        before, end = len(self.runs), MIDNIGHT + dt.timedelta(days=day, hours=hour)
        while self.now < end:
            self.now += dt.timedelta(seconds=every_s)
            if asked := self.look():
                self.run(asked)
        return self.runs[before:]


def when(runs):
    return [f"{at:%d %H:%M}" for at, _, _ in runs]


@pytest.fixture
def days(tmp_path, home, monkeypatch):
    made = []

    def begin(**changes):
        made.append(Days(toy.write(tmp_path / "trips", **changes), home))
        # Failures are noted by the same clock.
        monkeypatch.setattr(failures, "time", SimpleNamespace(time=made[0].clock))
        return made[0]

    yield begin
    made[0].instance.dispose()


def break_file(folder):
    (folder / "trips.csv").write_text('id,km,late\nt1,2.5,yes\n"t2,3')


def test_days_of_changes_failures_and_repairs_make_as_many_runs_as_there_is_reason_for(days):
    week = days()
    folder = week.folder
    # Day 1: everything is missing; one run makes it, and then there is quiet.
    first = week.until(1)
    assert when(first) == ["01 12:00"]
    assert {"raw/trips", "raw/buses", "clean/trips", "datasets/train"} <= first[0][1]
    # Day 2: new rows; all that reads them, and nothing else.
    toy.add_rows(folder, 5)
    (run,) = week.until(2)
    assert "datasets/examples" in run[1]
    assert not run[1] & {"raw/buses", "clean/buses"}
    # Day 3: a file is written again with what it held, and everything is materialized by hand: no reason to run.
    (folder / "trips.csv").write_text((folder / "trips.csv").read_text())
    week.run({key: {None} for key in week.tables})
    assert week.until(3) == []
    # Day 4: the file is broken; four attempts, and then rest.
    good = (folder / "trips.csv").read_text()
    break_file(folder)
    broken = week.until(3, 1.5, every_s=300)
    assert when(broken) == ["04 00:05", "04 00:10", "04 00:20", "04 01:20"]
    assert not any(success for _, _, success in broken)
    assert week.until(5) == []
    # Day 6: repaired as it was before: all of it is known, and nothing has to run.
    (folder / "trips.csv").write_text(good)
    assert week.until(6) == []
    # Day 7: broken in the same way once more; it is tried anew. Then other rows: one run, and quiet.
    break_file(folder)
    assert when(week.until(6, 3, every_s=600)) == ["07 01:40", "07 01:50", "07 02:50"]
    (folder / "trips.csv").write_text(good + "t99,1.5,no\n")
    (mended,) = week.until(8)
    assert mended[2]


def test_a_change_during_a_run_leads_to_one_more_run(days):
    week = days()
    asked = week.look()
    going_on = week.instance.create_run_for_job(
        week.job, tags={WORKFLOW_TAG: "trips"}, status=dg.DagsterRunStatus.STARTED
    )
    week.run(asked)
    toy.add_rows(week.folder, 1)
    assert week.until(0, 6, every_s=3600) == []  # held back as long as the run goes on
    week.instance.report_run_canceled(going_on)
    assert when(week.until(1)) == ["01 18:00"]


def test_a_schedule_waits_for_its_hour_and_runs_only_if_there_is_something_to_do(days):
    week = days(automation={"schedule": "0 3 * * *", "timezone": "Europe/Berlin"})
    every_s = 2 * 3600
    assert week.look() == {}  # the hour of this night was before anybody looked
    assert when(week.until(2, every_s=every_s)) == ["01 02:00"]
    toy.add_rows(week.folder, 1)
    assert when(week.until(3, every_s=every_s)) == ["03 02:00"]
    break_file(week.folder)
    # Each night is a reason to try again, and each time it is four times.
    assert when(week.until(3, 2, every_s=every_s)) == ["04 02:00"]
    assert when(week.until(3, 4, every_s=600)) == ["04 02:10", "04 02:20", "04 03:20"]
    assert when(week.until(4, 4, every_s=every_s)) == ["05 02:00", "05 04:00"]


def test_a_nightly_run_sees_the_new_day_and_the_test_moves_with_it(days):
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    names = [f"{today - dt.timedelta(days=back):%Y-%m-%d}" for back in range(6, 0, -1)]
    week = days(
        sources={"trips": {"path": "trips.csv", "time": "TRY_CAST(day AS TIMESTAMP)"}, "buses": "*buses.csv"},
        partitions={"every": "day", "start": names[0]},  # with an open end
        splits={"by": "time", "validation": "1 day", "test": "1 day"},
    )
    file = week.folder / "trips.csv"
    rows = [f"{n},{name},{'yes' if n % 3 else 'no'}\n" for n, name in enumerate(names[:4] * 3)]
    file.write_text("id,day,late\n" + "".join(rows))
    week.now = today
    asked = week.next_look()
    assert asked[dg.AssetKey(["trips", "raw", "trips"])] == set(names)
    week.run(asked)
    asked = week.next_look()  # what is made of all days comes after them
    assert {key.path[-1] for key in asked} == {"train", "validation", "test"}
    week.run(asked)
    assert week.next_look() == {}
    assert days_of_test(week.home) == {names[3]}
    with file.open("a") as stream:
        stream.writelines(f"{n},{names[4]},{late}\n" for n, late in ((97, "yes"), (98, "no")))
    week.run(week.next_look())
    week.run(week.next_look())
    assert week.next_look() == {}
    assert days_of_test(week.home) == {names[4]}


def days_of_test(home):
    return {f"{at:%Y-%m-%d}" for at in mlwf_assets.load("trips", "datasets/test", home=home)["time"]}
