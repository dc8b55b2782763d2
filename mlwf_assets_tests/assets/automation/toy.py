"""A small workflow that runs by itself: trips and buses, cut by nothing or by day."""

from pathlib import Path

from mlwf_assets_tests import small


def spec(**changes):
    return {
        "name": "trips",
        "project": {"question": "Is the trip late?"},
        "sources": {"trips": "trips.csv", "buses": "*buses.csv"},
        "tables": {"trips": {"key": ["id"]}, "buses": {"key": ["bus"]}},
        "examples": {"table": "trips", "label": "late = 'yes'"},
        "deployment": {"registered_model": "trip-late"},
        "automation": {"schedule": "on_data"},
        **changes,
    }


def write(folder, **changes):
    """Write the workflow into a folder, with 40 trips, and return the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trips.csv").write_text("id,km,late\n")
    add_rows(folder, 40)
    (folder / "buses.csv").write_text("bus,seats\nb1,20\nb2,50\n")
    small.write_spec(folder, spec(**changes))
    return folder


def add_rows(folder, count):
    file = folder / "trips.csv"
    first = len(file.read_text().splitlines())
    with file.open("a") as stream:
        stream.writelines(f"t{n},{n % 17}.5,{'yes' if n % 3 else 'no'}\n" for n in range(first, first + count))
