"""Each kind of problem, from dirty files to a registered model and a report, by the command."""

import datetime as dt
import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.e2e.conftest import Installation
from mlwf_assets_tests.kinds import dirt

# One worker for all that look at the finished runs: they are made once.
pytestmark = pytest.mark.xdist_group("kinds")

MODELS = {"tumours": "tumour-malignant", "diamonds": "diamond-price", "penguins": "penguin-species"}
PREDICT = """
import json, sys
import mlflow, pandas as pd
said = {}
for name, model, rows in json.loads(sys.argv[1]):
    champion = mlflow.pyfunc.load_model(f"models:/{model}@champion")
    said[name] = champion.predict(pd.read_parquet(rows)).tolist()
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Run:
    """A workflow that was run once: what the dirt script made, the command's document, and where the results are."""

    name: str
    account: dirt.Account
    installation: Installation
    document: dict

    @property
    def lake(self):
        return Lake(self.installation.home / "lake")

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
    """Name of a workflow -> its run."""
    base = tmp_path_factory.mktemp("kinds")
    (base / "cwd").mkdir()
    installation = Installation(base / "home", base / "cwd")
    written = {name: dirt.write(name, base / name) for name in MODELS}
    done = installation.each(*(["run", folder, "--json"] for folder, _ in written.values()))
    assert [one.code for one in done] == [0, 0, 0], [one.stderr for one in done]
    return {
        name: Run(name, account, installation, json.loads(one.stdout))
        for (name, (_, account)), one in zip(written.items(), done, strict=True)
    }


@pytest.fixture(scope="module")
def predictions(runs, tmp_path_factory):
    """Name of a workflow -> what its registered model says of the test rows, in a fresh process."""
    base, asked = tmp_path_factory.mktemp("rows"), []
    for name, run in runs.items():
        run.read("features/test_matrix").to_parquet(base / f"{name}.parquet")
        asked.append([name, MODELS[name], str(base / f"{name}.parquet")])
    installation = runs["tumours"].installation
    uri = f"sqlite:///{installation.home}/mlflow/mlflow.db"
    return installation.python(PREDICT, json.dumps(asked), MLFLOW_TRACKING_URI=uri)


@pytest.mark.parametrize("name", MODELS)
def test_every_row_is_accounted_for(runs, name):
    run = runs[name]
    account, found = run.account, run.metadata(f"clean/{name}")
    assert found["rows_in"] == account.rows_in
    assert found["quarantined"] == account.quarantined == len(run.read(f"quarantine/{name}"))
    assert found["duplicates"] == account.duplicates
    assert found["contradictions"] == account.contradictions
    assert sum(found["dropped"].values()) == account.dropped
    assert sum(found["nulled"].values()) == account.nulled
    assert len(run.read(f"clean/{name}")) == account.rows_out
    assert len(run.read("datasets/examples")) == account.rows_out - account.unlabelled
    splits = [len(run.read(f"datasets/{split}")) for split in ("train", "validation", "test")]
    assert sum(splits) == account.rows_out - account.unlabelled


@pytest.mark.parametrize("name", MODELS)
def test_the_model_passes_its_gate_beats_today_and_is_registered(runs, name):
    document = runs[name].document
    assert document["failed"] == []
    assert document["gate"]["passed"]
    assert document["gate"]["version"] == 1
    by_model = {one["model"]: one for one in document["leaderboard"]}
    assert {"ensemble", "linear", "lightgbm", "base_rate", "process_today"} == set(by_model)


def test_the_registered_models_predict_in_a_fresh_process(runs, predictions):
    malignant, price, species = (np.array(predictions[name]) for name in MODELS)
    test = {name: run.read("features/test_matrix") for name, run in runs.items()}
    assert roc_auc_score(test["tumours"]["label"], malignant) > 0.95
    assert r2_score(test["diamonds"]["label"], price) > 0.9
    # Probabilities of the classes in their order.
    assert species.shape == (len(test["penguins"]), 3)
    said = np.array(["Adélie", "Chinstrap", "Gentoo"])[species.argmax(axis=1)]
    assert (said == test["penguins"]["label"]).mean() > 0.9


def test_a_binary_problem_has_what_a_decision_needs(runs):
    run = runs["tumours"]
    assert {"roc_auc", "average_precision", "brier", "recall"} <= set(run.document["test_metrics"])
    assert run.evaluation["subject"]["class_words"] == ["benign", "malignant"]
    assert run.evaluation["regression"] is run.evaluation["multiclass"] is None
    for part in ("The decision, and what it costs", "Can its probabilities be trusted?", "How well it separates"):
        assert part in run.page


def test_unknown_and_impossible_values_are_told_apart(runs):
    run = runs["tumours"]
    clean = run.read("clean/tumours")
    assert clean["texture"].isna().sum() == 5
    assert clean["sample"].str.fullmatch(r"0\d{4}").all()
    assert run.metadata("quarantine/tumours")["reasons"] == {
        "tumours.area must be at least 0": 6,
        "tumours.radius must be number": 4,
    }


def test_a_regression_shows_how_large_errors_are(runs):
    run = runs["diamonds"]
    metrics = run.document["test_metrics"]
    assert set(metrics) == {"rmse", "mae", "r2", "bias"}
    assert metrics["mae"]["value"] < 600
    view = run.evaluation["regression"]
    assert sum(map(sum, view["density"]["counts"])) == run.evaluation["rows"] == len(run.read("datasets/test"))
    assert [one["share"] for one in view["quantiles"]] == [0.5, 0.8, 0.9, 0.95]
    slices = {(one["column"], one["value"]) for one in run.evaluation["slices"]}
    assert {("cut", "Ideal"), ("color", "G")} <= slices
    for part in (
        "How large errors are",
        "Predicted against actual",
        "predicted minus actual (dollars)",
        "By cut: RMSE",
    ):
        assert part in run.page
    for part in ("The decision, and what it costs", "evaluation.costs", "<span>_row_id"):
        assert part not in run.page


def test_a_rule_makes_impossible_measures_missing_and_models_live_with_it(runs):
    clean = runs["diamonds"].read("clean/diamonds")
    assert clean["x"].isna().sum() == runs["diamonds"].account.nulled
    assert clean["x"].min() > 0
    assert clean["asked"].isna().sum() == runs["diamonds"].account.unlabelled


def test_the_more_trusted_source_is_believed_where_rows_contradict(runs):
    run = runs["penguins"]
    clean = run.read("clean/penguins").set_index("penguin")
    assert len(run.account.kept) == run.account.contradictions == 25
    for penguin, row in run.account.kept.items():
        found = clean.loc[penguin]
        assert found["species"] == row["species"]
        assert found["mass_g"] == row["mass_g"] or math.isnan(row["mass_g"])
        assert found["egg"] == dt.datetime.strptime(row["egg"], "%d.%m.%Y").date()  # noqa: DTZ007


def test_decimals_thousands_and_dates_are_read_as_they_were_meant(runs):
    clean = runs["penguins"].read("clean/penguins")
    assert (clean["mass_g"].min(), clean["mass_g"].max()) == (2700, 6300)
    assert clean["culmen_mm"].between(32, 60).sum() == clean["culmen_mm"].notna().sum()
    assert {day.year for day in clean["egg"]} == {2007, 2008, 2009}
    assert {day.month for day in clean["egg"]} == {11, 12}
    assert set(clean["species"].dropna()) == {"Adélie", "Chinstrap", "Gentoo"}


def test_several_classes_have_a_table_and_a_confusion(runs):
    run = runs["penguins"]
    assert {"log_loss", "accuracy", "balanced_accuracy", "f1", "roc_auc"} == set(run.document["test_metrics"])
    view = run.evaluation["multiclass"]
    assert sorted(one["name"] for one in view["classes"]) == ["Adélie", "Chinstrap", "Gentoo"]
    assert sum(map(sum, view["confusion"])) == run.evaluation["rows"]
    for part in ("Class by class", "What is taken for what", "Adélie"):
        assert part in run.page
    assert "evaluation.costs" not in run.page


def test_what_another_file_knows_of_the_nest_enters_the_model(runs):
    selection = runs["penguins"].read("features/selection").set_index("name")
    assert selection.loc["nests.island", "kept"]
    # They give one species away, and are no leak: nature is not the label's copy.
    assert selection.loc[["flipper_mm", "culmen_mm"], "kept"].all()
