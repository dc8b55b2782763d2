"""What is news of a model: the gate's refusal, and another version behind the alias."""

import sqlite3
from contextlib import closing

import pyarrow as pa
import pytest

from mlwf_assets.assets.automation.news import news_of_deployment
from mlwf_assets.assets.deployment import GATE
from mlwf_assets.lake.result import Result
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import load
from mlwf_assets_tests.assets.automation import toy


@pytest.fixture
def trips(tmp_path):
    return load(toy.write(tmp_path / "trips"))


def judge(home, recipe, *, passed, verdict):
    """Put the gate's verdict where the asset puts it."""
    metadata = {"verdict": verdict, "checks": {GATE: {"passed": passed, "description": verdict, "metadata": {}}}}
    result = Result(pa.table({"passed": [passed]}), metadata=metadata)
    Lake(home / "lake").write(
        "trips/deployment/model", None, result, recipe=recipe, run_id="r", seconds=1.0, made_from={}
    )


def move_alias(home, version):
    """Let the alias point to a version, in the tables of MLflow's that are read."""
    (home / "mlflow").mkdir(exist_ok=True)
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS registered_model_aliases (name, alias, version)")
        database.execute("CREATE TABLE IF NOT EXISTS model_versions (name, version, source)")
        database.execute("DELETE FROM registered_model_aliases")
        database.execute("INSERT INTO registered_model_aliases VALUES ('trip-late', 'champion', ?)", (version,))
        database.execute("INSERT INTO model_versions VALUES ('trip-late', ?, '/models')", (version,))


def test_before_there_is_a_model_there_is_no_news(trips, home):
    assert list(news_of_deployment(trips, home)) == []


def test_a_new_champion_is_told_with_what_the_gate_said(trips, home):
    judge(home, "r1", passed=True, verdict="roc_auc on test is 0.8, as required.")
    move_alias(home, 1)
    (one,) = news_of_deployment(trips, home)
    assert one.kind == "new champion"
    assert one.subject == "trips: trip-late version 1 is the new champion"
    assert "roc_auc on test is 0.8" in one.text


def test_a_refusal_is_another_piece_of_news_for_each_model_and_the_champion_stays_the_same(trips, home):
    move_alias(home, 1)
    names = []
    for recipe in ("r1", "r2"):
        judge(home, recipe, passed=False, verdict="roc_auc on test is 0.5, but 0.6 is required.")
        refused, champion = news_of_deployment(trips, home)
        assert refused.kind == "gate refused"
        assert "0.5, but 0.6 is required" in refused.text
        names.append((refused.name, champion.name))
    assert names[0][0] != names[1][0]
    assert names[0][1] == names[1][1]


def test_an_alias_that_is_moved_is_news(trips, home):
    judge(home, "r1", passed=True, verdict="fine")
    move_alias(home, 1)
    first = [one.name for one in news_of_deployment(trips, home)]
    move_alias(home, 2)
    assert [one.name for one in news_of_deployment(trips, home)] != first
