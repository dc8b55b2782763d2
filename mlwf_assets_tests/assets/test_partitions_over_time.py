"""What time does to partitions: months are over, hours come twice, files come late, nothing happens."""

import datetime as dt

import pytest

from mlwf_assets.assets.planning import Asked
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec import timeline
from mlwf_assets_tests import small
from mlwf_assets_tests.assets.test_laziness import computed, run

pytestmark = pytest.mark.xdist_group("laziness")

ASKED = Asked(select="+datasets/examples")
NEW_YORK = "America/New_York"


def write(folder, days, **partitions):
    """A workflow over a file with a row at each of these times, in UTC."""
    folder.mkdir()
    add(folder / "trips.csv", days)
    attributes = {
        "name": "trips",
        "project": {"question": "Will this trip be late?"},
        "partitions": partitions,
        "sources": {"trips": {"path": "trips*.csv", "time": "TRY_CAST(start AS TIMESTAMP)"}},
        "tables": {"trips": {"key": ["start"], "known_at": "start", "columns": {"start": "timestamp"}}},
        "examples": {"table": "trips", "cutoff": "start", "label": "late"},
        "splits": {"by": "random"},
    }
    small.write_spec(folder, attributes)
    return folder


def add(file, times):
    file.write_text("".join(["start,late\n", *(f"{time},{i % 2}\n" for i, time in enumerate(times))]))


def rows(home):
    return {name: entry.rows for name, entry in Lake(home / "lake").entries("trips/datasets/examples").items()}


@pytest.fixture
def clock(monkeypatch):
    """Sets the time up to which partitions without an end are complete."""

    def at(year, month, day):
        now = dt.datetime(year, month, day, tzinfo=dt.UTC)
        monkeypatch.setattr(timeline, "_end", lambda partitions, given: given or now)

    return at


def test_without_an_end_a_month_is_made_when_it_is_over_and_a_late_file_redoes_its_own(home, tmp_path, clock):
    days = ["2024-01-05", "2024-01-20", "2024-03-07", "2024-04-09"]
    folder = write(tmp_path / "trips", days, every="month", start="2024-01-01")
    clock(2024, 4, 20)
    run(folder, home, asked=ASKED)
    assert rows(home) == {"2024-01": 2, "2024-02": 0, "2024-03": 1}
    clock(2024, 5, 1)
    names = ("raw/trips", "clean/trips", "quarantine/trips", "datasets/examples")
    assert computed(run(folder, home, asked=ASKED)) == {f"{name}@2024-04" for name in names}
    add(folder / "trips_late.csv", ["2024-02-11"])
    made = computed(run(folder, home, asked=ASKED))
    assert {name for name in made if not name.startswith("raw/")} == {f"{name}@2024-02" for name in names[1:]}
    assert rows(home) == {"2024-01": 2, "2024-02": 1, "2024-03": 1, "2024-04": 1}


@pytest.mark.parametrize(
    ("first", "end", "found"),
    [
        ("2024-03-09", "2024-03-12", {"2024-03-09": 24, "2024-03-10": 23, "2024-03-11": 24}),
        ("2024-11-02", "2024-11-05", {"2024-11-02": 24, "2024-11-03": 25, "2024-11-04": 24}),
    ],
)
def test_days_on_which_clocks_are_turned_have_their_hours(home, tmp_path, first, end, found):
    hours = [dt.datetime.fromisoformat(first) + dt.timedelta(hours=hour) for hour in range(24 * 5)]
    folder = write(tmp_path / "trips", hours, every="day", start=first, end=end, timezone=NEW_YORK)
    run(folder, home, asked=ASKED)
    assert rows(home) == found


def test_the_hour_that_comes_twice_is_two_partitions(home, tmp_path):
    night = [f"2024-11-03 {hour:02}:30:00" for hour in range(4, 8)]
    folder = write(tmp_path / "trips", night, every="hour", start="2024-11-03", end="2024-11-04", timezone=NEW_YORK)
    run(folder, home, asked=ASKED)
    made = {name: count for name, count in rows(home).items() if count}
    assert list(made) == ["2024-11-03-00:00", "2024-11-03-01:00", "2024-11-03-01:00-0500", "2024-11-03-02:00"]
    assert len(rows(home)) == 25
