"""Each kind of problem, from dirty files to a registered model and a report, by the command."""

import datetime as dt
import json
import math

import pytest

from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.e2e.conftest import Installation
from mlwf_assets_tests.kinds import dirt

# One worker for all that look at one finished run: it is made once.
KINDS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("tumours", "diamonds", "penguins")]

PREDICT = """
import json, sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(f"models:/{sys.argv[1]}@champion")
print(json.dumps(model.predict(pd.read_parquet(sys.argv[2])).values.tolist()))
"""


class Run:
    """A workflow that was run once: what the dirt script made, the command's document, and what the lake holds."""

    def __init__(self, name, base):
        (base / "cwd").mkdir()
        self.name = name
        self.folder, self.account = dirt.write(name, base / name)
        self.installation = Installation(base / "home", base / "cwd")
        self.document = self.installation.run_json(self.folder)
        self.lake = Lake(base / "home" / "lake")

    def read(self, table):
        return self.lake.read(f"{self.name}/{table}").to_pandas()

    def metadata(self, table):
        return self.lake.entry(f"{self.name}/{table}").metadata

    @property
    def evaluation(self):
        entry = self.lake.entry(f"{self.name}/evaluation/report")
        return json.loads(self.lake.file_bytes(entry, "evaluation.json"))

    @property
    def page(self):
        path = self.installation.home / "reports" / self.name / "report.html"
        return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Name of a workflow -> its run, made when first asked for."""
    made = {}

    def run(name):
        if name not in made:
            made[name] = Run(name, tmp_path_factory.mktemp(name))
        return made[name]

    return run


@pytest.mark.parametrize("name", KINDS)
def test_every_row_is_accounted_for(runs, name):
    run = runs(name)
    account, found = run.account, run.metadata(f"clean/{name}")
    assert found["rows in"] == account.rows_in
    assert found["quarantined"] == account.quarantined == len(run.read(f"quarantine/{name}"))
    assert found["duplicates"] == account.duplicates
    assert found["contradictions"] == account.contradictions
    assert sum(found["dropped"].values()) == account.dropped
    assert sum(found["nulled"].values()) == account.nulled
    assert len(run.read(f"clean/{name}")) == account.rows_out
    assert len(run.read("datasets/examples")) == account.rows_out - account.unlabelled
    splits = [len(run.read(f"datasets/{split}")) for split in ("train", "validation", "test")]
    assert sum(splits) == account.rows_out - account.unlabelled


@pytest.mark.parametrize("name", KINDS)
def test_the_model_passes_its_gate_beats_today_and_is_registered(runs, name):
    document = runs(name).document
    assert document["failed"] == []
    assert document["gate"]["passed"]
    assert document["gate"]["version"] == 1
    by_model = {one["model"]: one for one in document["leaderboard"]}
    assert {"ensemble", "linear", "lightgbm", "base_rate", "process_today"} == set(by_model)


@pytest.mark.parametrize(
    ("name", "registered", "width"),
    [
        pytest.param("tumours", "tumour-malignant", 1, marks=pytest.mark.xdist_group("tumours")),
        pytest.param("diamonds", "diamond-price", 1, marks=pytest.mark.xdist_group("diamonds")),
        pytest.param("penguins", "penguin-species", 3, marks=pytest.mark.xdist_group("penguins")),
    ],
)
def test_the_registered_model_predicts_in_a_fresh_process(runs, name, registered, width, tmp_path):
    run = runs(name)
    test = run.read("features/test_matrix")
    test.to_parquet(tmp_path / "rows.parquet")
    uri = f"sqlite:///{run.installation.home}/mlflow/mlflow.db"
    said = run.installation.python(PREDICT, registered, tmp_path / "rows.parquet", MLFLOW_TRACKING_URI=uri)
    assert len(said) == len(test)
    print(said[:2])


@pytest.mark.xdist_group("tumours")
def test_a_binary_problem_has_what_a_decision_needs(runs):
    run = runs("tumours")
    assert {"roc_auc", "average_precision", "brier", "recall"} <= set(run.document["test_metrics"])
    assert run.evaluation["subject"]["class_words"] == ["benign", "malignant"]
    assert run.evaluation["regression"] is run.evaluation["multiclass"] is None
    for part in ("The decision, and what it costs", "Can its probabilities be trusted?", "How well it separates"):
        assert part in run.page


@pytest.mark.xdist_group("tumours")
def test_unknown_and_impossible_values_are_told_apart(runs):
    run = runs("tumours")
    clean = run.read("clean/tumours")
    assert clean["texture"].isna().sum() == 5
    assert clean["sample"].str.fullmatch(r"0\d{4}").all()
    assert run.metadata("quarantine/tumours")["reasons"] == {
        "tumours.area must be at least 0": 6,
        "tumours.radius must be number": 4,
    }


@pytest.mark.xdist_group("diamonds")
def test_a_regression_shows_how_large_errors_are(runs):
    run = runs("diamonds")
    metrics = run.document["test_metrics"]
    assert set(metrics) == {"rmse", "mae", "r2", "bias"}
    assert metrics["mae"]["value"] < 600
    view = run.evaluation["regression"]
    assert sum(map(sum, view["density"]["counts"])) == run.evaluation["rows"] == len(run.read("datasets/test"))
    assert [one["share"] for one in view["quantiles"]] == [0.5, 0.8, 0.9, 0.95]
    slices = {(one["column"], one["value"]) for one in run.evaluation["slices"]}
    assert {("cut", "Ideal"), ("color", "G")} <= slices
    for part in ("How large errors are", "Predicted against actual", "predicted minus actual (dollars)", "By cut: RMSE"):
        assert part in run.page
    for part in ("The decision, and what it costs", "evaluation.costs", "_row_id"):
        assert part not in run.page


@pytest.mark.xdist_group("diamonds")
def test_a_rule_makes_impossible_measures_missing_and_models_live_with_it(runs):
    clean = runs("diamonds").read("clean/diamonds")
    assert clean["x"].isna().sum() == runs("diamonds").account.nulled
    assert clean["x"].min() > 0
    assert clean["asked"].isna().sum() == runs("diamonds").account.unlabelled


@pytest.mark.xdist_group("penguins")
def test_the_more_trusted_source_is_believed_where_rows_contradict(runs):
    run = runs("penguins")
    clean = run.read("clean/penguins").set_index("penguin")
    assert len(run.account.kept) == run.account.contradictions == 25
    for penguin, row in run.account.kept.items():
        found = clean.loc[penguin]
        assert found["species"] == row["species"]
        assert found["mass_g"] == row["mass_g"] or math.isnan(row["mass_g"])
        assert found["egg"] == dt.datetime.strptime(row["egg"], "%d.%m.%Y").date()  # noqa: DTZ007


@pytest.mark.xdist_group("penguins")
def test_decimals_thousands_and_dates_are_read_as_they_were_meant(runs):
    clean = runs("penguins").read("clean/penguins")
    assert (clean["mass_g"].min(), clean["mass_g"].max()) == (2700, 6300)
    assert clean["culmen_mm"].between(32, 60).sum() == clean["culmen_mm"].notna().sum()
    assert {day.year for day in clean["egg"]} == {2007, 2008, 2009}
    assert {day.month for day in clean["egg"]} == {11, 12}
    assert set(clean["species"].dropna()) == {"Adélie", "Chinstrap", "Gentoo"}


@pytest.mark.xdist_group("penguins")
def test_several_classes_have_a_table_and_a_confusion(runs):
    run = runs("penguins")
    assert {"log_loss", "accuracy", "balanced_accuracy", "f1", "roc_auc"} == set(run.document["test_metrics"])
    view = run.evaluation["multiclass"]
    assert sorted(one["name"] for one in view["classes"]) == ["Adélie", "Chinstrap", "Gentoo"]
    assert sum(map(sum, view["confusion"])) == run.evaluation["rows"]
    for part in ("Class by class", "What is taken for what", "Adélie"):
        assert part in run.page
    assert "evaluation.costs" not in run.page


@pytest.mark.xdist_group("penguins")
def test_what_another_file_knows_of_the_nest_enters_the_model(runs):
    selection = runs("penguins").read("features/selection").set_index("name")
    assert selection.loc["nests.island", "kept"]
    # They give one species away, and are no leak: nature is not the label's copy.
    assert selection.loc[["flipper_mm", "culmen_mm"], "kept"].all()
