"""The workflow of docs/python.md, with data that it could be about."""

import csv
import datetime as dt
import re
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
_START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def blocks():
    """The page's defs.yaml and code.py."""
    found = dict(re.findall(r"```(yaml|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL))
    return found["yaml"], found["python"]


def write(folder, *, defs=None, code=None):
    """Write the page's workflow and 600 parcels: the far and the dense ones are late; one distance is nonsense."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "defs.yaml").write_text(defs or blocks()[0], encoding="utf-8")
    (folder / "code.py").write_text(code or blocks()[1], encoding="utf-8")
    with (folder / "parcels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows())
    return folder


def rows(n=600):
    rng = np.random.default_rng(3)
    km, weight, volume = rng.uniform(5, 300, n), rng.gamma(2, 3, n), rng.uniform(1, 40, n)
    delay_min = 0.2 * km + 30 * np.minimum(weight / volume, 2) + rng.normal(0, 15, n) - 30
    yield ["id", "distance", "weight_kg", "volume_l", "promised", "arrived"]
    for i in range(n):
        promised = _START + dt.timedelta(hours=i)
        arrived = promised + dt.timedelta(minutes=float(delay_min[i]))
        distance = f"{km[i]:.1f} km" if i % 3 else f"{km[i] / 1.609:.2f} mi"
        distance = "far" if i == 7 else distance
        yield [i, distance, f"{weight[i]:.2f}", f"{volume[i]:.2f}", f"{promised:%F %T}", f"{arrived:%F %T}"]
