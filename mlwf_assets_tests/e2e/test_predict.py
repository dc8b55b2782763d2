"""New rows through the registered model: the command, and the pipeline behind it, on whole runs."""

import csv
import io
import json
import subprocess
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mlwf_assets.assets import stamps
from mlwf_assets.assets.execution import run_workflow
from mlwf_assets.cli.home import write_dagster_yaml
from mlwf_assets.deployment.batch import predict_rows, read_new_rows
from mlwf_assets.deployment.standing import load_champion
from mlwf_assets.errors import ModelError, SchemaError, SpecError
from mlwf_assets.lake.store import Lake
from mlwf_assets.models.predictor import loaded
from mlwf_assets.spec.loader import load
from mlwf_assets_tests import small
from mlwf_assets_tests.e2e.conftest import MLWF

# One worker for all that use the finished run: it is made once.
pytestmark = pytest.mark.xdist_group("parcels")

HEADER = "id,sent,depot,weight"
ROW = "x1,2024-06-20 10:00:00,north,3.5"
OUTPUTS = ["id", "prediction", "probability_false", "probability_true", "model_version", "problem"]


class Scorer:
    """A finished workflow, its champion, and what becomes of files."""

    def __init__(self, folder, home):
        self.workflow, self.lake = load(folder), Lake(home / "lake")
        self.champion = load_champion(home, self.workflow)

    def read(self, name):
        return self.lake.read(f"{self.workflow.name}/{name}")

    def predict(self, content, name="new.csv", **options):
        content = content.encode() if isinstance(content, str) else content
        rows = read_new_rows(self.workflow, name, content, **options)
        return predict_rows(self.workflow, self.champion, rows, self.lake)

    def test_split(self):
        """What the pipeline itself says of the test rows: key -> the predictor's numbers."""
        matrix = self.read("features/test_matrix")
        entry = self.lake.entry(f"{self.workflow.name}/models/ensemble")
        with loaded({name: self.lake.file_bytes(entry, name) for name in entry.files}) as predictor:
            scores = predictor.predict(matrix.to_pandas())
        [key] = self.workflow.tables[self.workflow.examples.table].key
        return dict(zip(matrix[key].to_pylist(), scores.tolist(), strict=True))


@pytest.fixture(scope="module")
def scorer(parcels):
    folder, installation, _ = parcels
    return Scorer(folder, installation.home)


def problems(made):
    return made.table["problem"].to_pylist()


def lines(*rows, header=HEADER):
    return "\n".join([header, *rows]) + "\n"


def as_csv(table):
    """Rows as a source writes them."""
    text = io.StringIO()
    csv.writer(text).writerows([table.column_names, *(row.values() for row in table.to_pylist())])
    return text.getvalue()


def raw_test_rows(scorer, *drop):
    """The raw rows of the test split's parcels, shuffled, without the columns that new rows have not."""
    raw = scorer.read("raw/parcels")
    raw = raw.filter(pc.is_in(raw["id"], scorer.read("datasets/test")["id"]))
    order = np.random.default_rng(0).permutation(raw.num_rows)
    return raw.drop_columns(["_file", "_row", *drop]).take(pa.array(order))


# What comes back for a row


def test_raw_rows_of_the_test_split_get_the_bits_that_the_pipeline_gives_in_their_own_order(scorer):
    rows = raw_test_rows(scorer, "minutes")
    made = scorer.predict(as_csv(rows)).table
    expected = scorer.test_split()
    assert made.column_names == OUTPUTS
    assert made["id"].to_pylist() == rows["id"].to_pylist()
    assert made["probability_true"].to_pylist() == [expected[name] for name in rows["id"].to_pylist()]
    assert len(expected) == len({*rows["id"].to_pylist()}) > 100
    threshold = scorer.champion.model.unwrap_python_model().predictor.threshold
    assert made["prediction"].to_pylist() == pc.greater_equal(made["probability_true"], threshold).to_pylist()
    assert set(made["model_version"].to_pylist()) == {1}
    assert made["problem"].null_count == made.num_rows


def test_outcomes_that_are_there_change_nothing_whatever_they_say(scorer):
    rows = raw_test_rows(scorer).slice(0, 20)
    broken = rows.set_column(rows.column_names.index("minutes"), "minutes", pa.array(["lost"] * len(rows)))
    plain = scorer.predict(as_csv(rows.drop_columns(["minutes"]))).table
    assert scorer.predict(as_csv(rows)).table.equals(plain)
    assert scorer.predict(as_csv(broken)).table.equals(plain)


def test_a_row_alone_gets_the_same_bits_as_among_others(scorer):
    rows = raw_test_rows(scorer, "minutes")
    whole = scorer.predict(as_csv(rows)).table
    assert scorer.predict(as_csv(rows.slice(7, 1))).table.equals(whole.slice(7, 1))


def test_rows_that_break_the_contract_come_back_in_place_with_the_reason(scorer):
    made = scorer.predict(
        lines(
            ROW,
            "x2,2024-06-20 10:00:00,north,heavy",
            "x3,2024-06-20 10:00:00,north,-1",
            "x4,2024-06-20 10:00:00,north,250",
            "x5,,north,3.5",
            ",2024-06-20 10:00:00,north,3.5",
            ROW.replace("x1", "x7"),
        )
    )
    assert problems(made) == [
        None,
        "parcels.weight must be number, however: 'heavy'",
        "parcels.weight must be at least 0, however: '-1'",
        "too heavy",
        "examples.cutoff must give the time of the prediction, however: none (sent - INTERVAL 1 HOUR)",
        "parcels.id must not be missing",
        None,
    ]
    scores = made.table["probability_true"].to_pylist()
    assert scores[0] == scores[6]
    assert scores[1:6] == made.table["prediction"].to_pylist()[1:6] == [None] * 5
    assert made.table["id"].to_pylist() == ["x1", "x2", "x3", "x4", "x5", None, "x7"]
    assert made.problems["too heavy"] == 1


def test_rows_with_the_same_key_are_each_scored_for_themselves(scorer):
    other = ROW.replace("3.5", "19")
    made = scorer.predict(lines(ROW, other, ROW)).table["probability_true"].to_pylist()
    alone = scorer.predict(lines(other)).table["probability_true"].to_pylist()
    assert made[0] == made[2] != made[1] == alone[0]


def test_categories_never_seen_times_to_come_and_missing_values_are_scored(scorer):
    made = scorer.predict(lines("x1,2031-01-01 10:00:00,west,3.5", "x2,2024-06-20 10:00:00,,"))
    assert problems(made) == [None, None]
    assert made.table["probability_true"].null_count == 0


def test_a_file_without_rows_or_without_a_good_one_has_the_same_columns(scorer):
    empty, broken = scorer.predict(lines()), scorer.predict(lines("x1,2024-06-20 10:00:00,north,250"))
    assert (empty.table.num_rows, broken.table.num_rows) == (0, 1)
    assert empty.table.schema == broken.table.schema == scorer.predict(lines(ROW)).table.schema


# What a file may look like


def test_a_missing_column_is_one_error_that_names_it(scorer):
    with pytest.raises(
        SchemaError, match=r"new.csv must have the columns sent and depot, .* however it has: id, weight\. Where"
    ):
        scorer.predict("id,weight\nx,1\n")
    with pytest.raises(SchemaError, match=r"the column depot, .*Did you mean 'deppot'\?"):
        scorer.predict(lines(ROW, header=HEADER.replace("depot", "deppot")))


def test_columns_that_the_workflow_does_not_know_are_left_out_and_told(scorer):
    made = scorer.predict(lines(f"{ROW},9", header=f"{HEADER},colour"))
    assert made.ignored == ("colour",)
    assert made.table.equals(scorer.predict(lines(ROW)).table)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_json_lines_and_parquet_with_types_of_their_own_say_the_same_as_csv(scorer, form):
    typed = pa.table(
        {
            "weight": pa.array([3.5, 12.0]),
            "id": ["x1", "x2"],
            "sent": pc.strptime(["2024-06-20 10:00:00"] * 2, "%Y-%m-%d %H:%M:%S", "us"),
            "depot": pa.array(["north", "south"]).dictionary_encode(),
        }
    )
    sink = io.BytesIO()
    pq.write_table(typed, sink)
    text = "".join(json.dumps(row, default=str) + "\n" for row in typed.to_pylist()).encode()
    made = scorer.predict(sink.getvalue() if form == "parquet" else text, name=f"new.{form}")
    assert made.table.equals(scorer.predict(lines(ROW, "x2,2024-06-20 10:00:00,south,12.0")).table)


def test_a_champion_whose_features_are_made_no_more_says_so(scorer, tmp_path):
    workflow = load(small.write(tmp_path / "parcels", features={"relational": {"transforms": ["hour"]}}))
    rows = read_new_rows(workflow, "new.csv", lines(ROW).encode())
    with pytest.raises(ModelError, match=r"parcel-late version 1 takes features .* does not make weather.rain__"):
        predict_rows(workflow, scorer.champion, rows, scorer.lake)


# The command


def test_the_command_goes_through_files_and_pipes_of_every_form(parcels, scorer, tmp_path):
    folder, installation, _ = parcels
    (tmp_path / "new.csv").write_text(lines(ROW, "x2,2024-06-20 10:00:00,north,heavy"))
    done = installation.mlwf("predict", folder, tmp_path / "new.csv", "-o", tmp_path / "out.parquet", "--json")
    document = json.loads(done.stdout)
    assert (document["model"], document["model_version"]) == ("parcel-late", 1)
    assert (document["rows"], document["predicted"]) == (2, 1)
    assert document["problems"] == {"parcels.weight must be number, however: 'heavy'": 1}
    assert "2 rows: 1 predicted by parcel-late version 1, 1 with a problem:" in done.stderr
    assert "Warning" not in done.stderr
    assert "WARNING" not in done.stderr
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.equals(scorer.predict((tmp_path / "new.csv").read_bytes()).table)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "out.parquet"]
    piped = subprocess.run(
        [MLWF, "predict", folder, "-", "--format", "jsonl"], cwd=installation.cwd, env=installation.environment,
        input=b'{"id": "x1", "sent": "2024-06-20 10:00:00", "depot": "north", "weight": 3.5}\n', capture_output=True,
        check=True,
    )  # fmt: skip
    assert json.loads(piped.stdout) == written.slice(0, 1).to_pylist()[0]


# Other kinds of workflows


def run(folder, home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(write_dagster_yaml(home)))
        outcome = run_workflow(load(folder), home, recorder=stamps.Recorder(), start_s=time.monotonic())
    assert not outcome.failures, outcome.failures
    return Scorer(folder, home)


QUICK = {
    "models": {"families": ["linear"], "budget": {"trials": 1}, "folds": 2},
    "evaluation": {"bootstrap": 20, "explain": 1},
}


@pytest.fixture(scope="module")
def fruits(tmp_path_factory):
    """One table without times: which fruit it is; that `colour` is a category is told from its values."""
    folder, clock = tmp_path_factory.mktemp("fruits"), np.random.default_rng(0)
    names = clock.choice(["apple", "lemon", "plum"], 240)
    colours = {"apple": "red", "lemon": "yellow", "plum": "blue"}
    rows = [
        [
            i,
            colours[name] if clock.random() < 0.4 else clock.choice(["red", "yellow", "blue", "green"]),
            f"{clock.normal(100 + 20 * len(name), 15):.1f}",
            name,
        ]
        for i, name in enumerate(names)
    ]
    with (folder / "fruits.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["fruit", "colour", "grams", "kind"], *rows])
    spec = {
        "name": "fruits",
        "project": {"question": "Which fruit is it?"},
        "sources": {"fruits": "fruits.csv"},
        "tables": {"fruits": {"key": ["fruit"], "columns": {"kind": {"type": "category", "required": True}}}},
        "examples": {"table": "fruits", "label": "kind"},
        "deployment": {"registered_model": "fruit-kind"},
        **QUICK,
    }
    small.write_spec(folder, spec)
    return run(folder, folder / "home")


@pytest.fixture(scope="module")
def rents(tmp_path_factory):
    """A value from two sources with a decimal comma; a key that is made, a lookup, rules, rows that do not count."""
    folder, clock = tmp_path_factory.mktemp("rents"), np.random.default_rng(1)
    for source, first in (("old", 0), ("new", 150)):
        rows = [["Straße", "nr", "qm", "gebaut", "miete"]]
        for i in range(first, first + 150):
            size = clock.uniform(20, 120)
            rent = f"{200 + 9 * size + clock.normal(0, 150):.2f}".replace(".", ",")
            rows.append([f"{'AB'[i % 2]}-Weg", i, f"{size:.1f}".replace(".", ","), f"{1 + i % 28}.03.1990", rent])
        text = "\n".join(";".join(map(str, row)) for row in rows) + "\n"
        (folder / f"{source}.csv").write_bytes(text.encode("latin-1"))
    source = {"csv": {"delimiter": ";", "decimal": ",", "encoding": "latin-1"}}
    spec = {
        "name": "rents",
        "project": {"question": "What will it cost?"},
        "sources": {
            "old": {"path": "old.csv", **source},
            "new": {"path": "new.csv", **source},
            "streets": {"rows": [{"name": "A-Weg", "area": "east"}, {"name": "B-Weg", "area": "west"}]},
        },
        "tables": {
            "flats": {
                "sources": ["new", "old"],
                "key": ["flat"],
                "lookups": {"area": "streets.area by Straße"},
                "columns": {
                    "area": "category",
                    "flat": {"sql": "\"Straße\" || ' ' || nr"},
                    "gebaut": {"type": "date", "format": "%d.%m.%Y"},
                    "per_qm": {"type": "number", "sql": "miete / qm"},
                },
                "rules": [
                    {"name": "no palaces", "check": "qm < 500", "otherwise": "drop"},
                    {"name": "not for nothing", "check": "miete > 0 AND miete IS NOT NULL"},
                ],
            },
            "streets": {"key": ["name"]},
        },
        "examples": {"table": "flats", "label": "miete", "where": "qm > 10"},
        "deployment": {"registered_model": "rent"},
        **QUICK,
    }
    small.write_spec(folder, spec)
    return run(folder, folder / "home")


def test_several_classes_of_one_table_have_a_probability_each(fruits):
    matrix = fruits.read("features/test_matrix")
    assert "colour" in matrix.column_names  # else the test would not notice that one row cannot tell
    expected = fruits.test_split()
    raw = fruits.read("raw/fruits").drop_columns(["_file", "_row", "kind"])
    for row in raw.filter(pc.is_in(raw["fruit"].cast(pa.int64()), matrix["fruit"])).slice(0, 3).to_pylist():
        [made] = fruits.predict(as_csv(pa.Table.from_pylist([row]))).table.to_pylist()
        scores = [made[f"probability_{name}"] for name in ("apple", "lemon", "plum")]
        assert scores == expected[int(row["fruit"])]
        assert made["prediction"] == ("apple", "lemon", "plum")[int(np.argmax(scores))]
        assert (made["fruit"], made["problem"]) == (row["fruit"], None)


def test_values_are_predicted_from_files_that_look_like_a_source(rents):
    expected = rents.test_split()
    raw = rents.read("raw/new").to_pylist()
    rows = [row for row in raw if f"{row['Straße']} {row['nr']}" in expected]
    text = "\n".join(["Straße;nr;qm;gebaut", *(";".join([r["Straße"], r["nr"], r["qm"], r["gebaut"]]) for r in rows)])
    made = rents.predict(
        f"{text}\nA-Weg;1;600,0;1.1.1990\nC-Weg;2;9,5;1.1.1990\nA-Weg;3;1.5;\n".encode("latin-1")
    ).table
    assert made.column_names == ["flat", "prediction", "model_version", "problem"]
    assert made["prediction"].to_pylist()[: len(rows)] == [expected[name] for name in made["flat"].to_pylist()[:-3]]
    assert made["problem"].to_pylist()[len(rows) - 1 :] == [
        None,
        "no palaces",
        "examples.where must hold for a row that is predicted, however: not so (qm > 10)",
        "flats.qm must be number, however: '1.5'",
    ]


def test_the_source_that_a_file_looks_like_can_be_named(rents):
    text = "Straße;nr;qm;gebaut\nA-Weg;1;60,5;1.1.1990\n".encode("latin-1")
    assert rents.predict(text, source="old").table.equals(rents.predict(text).table)
    with pytest.raises(SpecError, match=r"--source must be a source of flats. Did you mean 'old'\?"):
        rents.predict(text, source="olld")
