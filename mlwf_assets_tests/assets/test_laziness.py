"""What runs again after a change, counted over whole runs of a small workflow."""

import shutil
import time

import dagster as dg
import pytest

from mlwf_assets.assets import stamps
from mlwf_assets.assets.component import workflow_definitions
from mlwf_assets.assets.execution import run_workflow
from mlwf_assets.assets.planning import Asked
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.assets.status import workflow_status
from mlwf_assets.errors import SpecError
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import load
from mlwf_assets_tests import small

# One worker for all: the run that they start from is made once.
pytestmark = pytest.mark.xdist_group("laziness")


def run(folder, home, **options):
    """Bring the workflow up to date; return what was computed, as 'asset' or 'asset@partition'."""
    outcome = run_workflow(load(folder), home, recorder=stamps.Recorder(), start_s=time.monotonic(), **options)
    assert not outcome.failures, outcome.failures
    return outcome


def computed(outcome):
    return {
        f"{made.output}@{made.partition}" if made.partition else made.output for made in outcome.done if not made.reused
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A workflow that was run, and its home."""
    base = tmp_path_factory.mktemp("finished")
    folder, home = small.write(base / "parcels"), base / "home"
    (home / "dagster").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        outcome = run(folder, home)
    return folder, home, outcome


@pytest.fixture
def copied(finished, home, tmp_path):
    """The same, to be changed at will."""
    shutil.copytree(finished[1], home, dirs_exist_ok=True)
    return shutil.copytree(finished[0], tmp_path / "parcels"), home


def test_a_first_run_computes_everything_once(finished):
    _, home, outcome = finished
    names = {output.name for step in outcome.steps for output in step.outputs}
    made = [(one.output, one.partition) for one in outcome.done]
    assert len(made) == len(set(made))
    assert {name for name, _ in made} == names
    assert not any(one.reused for one in outcome.done)
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        key = dg.AssetKey(["parcels", "clean", "parcels"])
        assert instance.get_materialized_partitions(key) == set(small.MONTHS)


def test_a_second_run_launches_nothing(copied):
    outcome = run(*copied)
    assert outcome.run_id is None
    assert not outcome.done
    assert all(one.state == "fresh" for one in outcome.fresh)


def test_a_comment_in_the_file_changes_nothing(copied):
    folder, home = copied
    text = (folder / "defs.yaml").read_text()
    (folder / "defs.yaml").write_text(f"# a comment\n{text}\n# and another\n")
    assert run(folder, home).run_id is None


def test_a_changed_row_recomputes_its_month_and_what_depends_on_it(copied):
    folder, home = copied
    lines = (folder / "parcels.csv").read_text().splitlines()
    cells = [line.split(",") for line in lines]
    number = next(i for i, line in enumerate(cells) if line[1].startswith("2024-03-1") and float(line[4]) < 30)
    fields = cells[number]
    lines[number] = ",".join([*fields[:-1], "999"])
    (folder / "parcels.csv").write_text("\n".join(lines) + "\n")
    made = computed(run(folder, home))
    assert {name for name in made if name.startswith("clean/")} == {"clean/parcels@2024-03"}
    assert {name for name in made if name.startswith("datasets/examples")} == {"datasets/examples@2024-03"}
    assert not any(name.startswith(("clean/weather", "features/timeseries@2024-01")) for name in made)
    assert "models/lightgbm" in made


def test_a_source_column_that_nobody_uses_stops_at_the_clean_table(copied):
    folder, home = copied
    changed = small.spec()
    changed["features"]["relational"]["ignore"] = ["code"]
    small.write_spec(folder, changed)
    run(folder, home)
    header, *lines = (folder / "parcels.csv").read_text().splitlines()
    wider = [f"{header},remark,code", *(f"{line},said of {line[:5]},{line[1:5]}" for line in lines)]
    (folder / "parcels.csv").write_text("\n".join(wider) + "\n")
    made = computed(run(folder, home))
    tables = ("raw/parcels", "clean/parcels", "quarantine/parcels")
    assert made == {f"{name}@{month}" for name in tables for month in small.MONTHS}
    assert "remark" in Lake(home / "lake").read("parcels/clean/parcels").column_names
    assert run(folder, home).run_id is None


def test_a_column_counts_for_its_readers_alone(copied):
    """Another size of a depot is a feature; no label and no reading hangs on it."""
    folder, home = copied
    text = (folder / "depots.jsonl").read_text()
    (folder / "depots.jsonl").write_text(text.replace('"size": 30', '"size": 31'))
    made = computed(run(folder, home))
    assert {f"features/relational@{month}" for month in small.MONTHS} <= made
    assert not any(name.startswith(("clean/parcels", "datasets/", "features/timeseries")) for name in made)


def test_a_change_that_cleaning_takes_back_stops_there(copied):
    folder, home = copied
    with (folder / "parcels.csv").open("a") as file:
        file.write((folder / "parcels.csv").read_text().splitlines()[5] + "\n")  # the same line once more
    made = computed(run(folder, home))
    assert any(name.startswith("clean/parcels@") for name in made)
    assert not any(name.startswith(("datasets/", "features/", "models/")) for name in made)


def test_another_label_recomputes_everything_from_the_examples_on(copied):
    folder, home = copied
    changed = small.spec()
    changed["examples"]["label"] = "minutes > 25"
    small.write_spec(folder, changed)
    made = computed(run(folder, home))
    assert not any(name.startswith(("raw/", "clean/", "quarantine/")) for name in made)
    assert {f"datasets/examples@{month}" for month in small.MONTHS} <= made
    assert "models/ensemble" in made


def test_going_back_to_an_older_setting_computes_nothing_but_deploys_again(copied):
    folder, home = copied
    changed = small.spec()
    changed["examples"]["label"] = "minutes > 25"
    small.write_spec(folder, changed)
    run(folder, home)
    small.write_spec(folder, small.spec())
    outcome = run(folder, home)
    assert computed(outcome) == {"deployment/model"}
    assert any(one.output == "models/lightgbm" and one.reused for one in outcome.done)


def test_a_changed_model_setting_leaves_data_and_features(copied):
    folder, home = copied
    changed = small.spec()
    changed["models"]["seed"] = 1
    small.write_spec(folder, changed)
    made = computed(run(folder, home))
    assert all(name.startswith(("models/", "evaluation/", "deployment/")) for name in made)


def test_force_computes_what_is_fresh_and_gives_the_same_content(copied):
    folder, home = copied
    lake = Lake(home / "lake")
    before = {name: lake.entry(f"parcels/{name}").fingerprint for name in ("models/linear", "models/ensemble")}
    outcome = run(folder, home, force=True)
    assert len(computed(outcome)) == len(outcome.done)
    assert {name: lake.entry(f"parcels/{name}").fingerprint for name in before} == before


def test_the_ui_is_lazy_too(copied):
    """What a click on Materialize does: the asset's own body decides."""
    folder, home = copied
    definitions = workflow_definitions(load(folder), MlwfHome(path=str(home)))
    key = dg.AssetKey(["parcels", "clean", "parcels"])
    both = [key, dg.AssetKey(["parcels", "quarantine", "parcels"])]
    with dg.DagsterInstance.get() as instance:
        job = definitions.resolve_job_def("parcels")
        result = job.execute_in_process(instance=instance, asset_selection=both, partition_key="2024-02")
        event = instance.fetch_materializations(key, limit=1).records[0].asset_materialization
    assert result.success
    assert event.partition == "2024-02"
    assert event.metadata["status"].value == "reused"
    assert (
        event.tags["dagster/data_version"] == Lake(home / "lake").entry("parcels/clean/parcels", "2024-02").fingerprint
    )


def test_an_asset_whose_inputs_are_missing_says_what_to_do(home, tmp_path):
    folder = small.write(tmp_path / "parcels")
    definitions = workflow_definitions(load(folder), MlwfHome(path=str(home)))
    keys = [dg.AssetKey(["parcels", group, "depots"]) for group in ("clean", "quarantine")]
    with dg.DagsterInstance.get() as instance, pytest.raises(Exception, match=r"needs its inputs first.*raw/depots"):
        definitions.resolve_job_def("parcels").execute_in_process(instance=instance, asset_selection=keys)


def test_every_partition_has_a_version_of_its_own_in_the_event_log(finished):
    _, home, _ = finished
    lake = Lake(home / "lake")
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        key = dg.AssetKey(["parcels", "features", "timeseries"])
        records = instance.fetch_materializations(key, limit=6).records
    seen = {r.partition_key: r.asset_materialization.tags["dagster/data_version"] for r in records}
    assert seen == {name: entry.fingerprint for name, entry in lake.entries("parcels/features/timeseries").items()}


def test_rows_that_break_the_contract_can_be_read_as_a_file(finished):
    _, home, _ = finished
    files = sorted((home / "reports" / "parcels" / "quarantine" / "parcels").iterdir())
    assert [file.stem for file in files] == small.MONTHS
    text = "".join(file.read_text() for file in files)
    assert "too heavy" in text
    assert "p0010" in text


def test_two_workflows_over_the_same_files_keep_to_their_own_tables(copied):
    folder, home = copied
    small.write_spec(folder, {**small.spec(), "name": "letters", "deployment": None})
    run(folder, home)
    lake = Lake(home / "lake")
    assert lake.read("letters/datasets/train") == lake.read("parcels/datasets/train")
    assert lake.entry("letters/evaluation/report") is not None


def states(folder, home):
    """How everything stands: 'asset' or 'asset@partition' -> (state, causes)."""
    return {
        f"{one.key}@{one.partition}" if one.partition else one.key: (one.state, list(one.because))
        for one in workflow_status(load(folder), home)
    }


def change_a_row_of_march(folder):
    lines = (folder / "parcels.csv").read_text().splitlines()
    cells = [line.split(",") for line in lines]
    number = next(i for i, line in enumerate(cells) if line[1].startswith("2024-03-1") and float(line[4]) < 30)
    lines[number] = ",".join([*cells[number][:-1], "999"])
    (folder / "parcels.csv").write_text("\n".join(lines) + "\n")


def test_the_status_names_the_change_and_the_way_from_it(copied):
    folder, home = copied
    assert {state for state, _ in states(folder, home).values()} == {"fresh"}
    change_a_row_of_march(folder)
    found = states(folder, home)
    assert found["raw/parcels@2024-03"] == ("stale", ["raw/parcels 2024-03: its files changed"])
    assert found["raw/weather@2024-03"][0] == found["clean/weather@2024-03"][0] == "fresh"
    way = "raw/parcels 2024-03: its files changed → clean/parcels 2024-03"
    assert found["datasets/examples@2024-03"] == ("stale", [way])
    run(folder, home, asked=Asked(select="raw/parcels"))
    found = states(folder, home)
    assert [name for name, (state, _) in found.items() if name.startswith("clean/") and state != "fresh"] == [
        "clean/parcels@2024-03"
    ]
    (cause,) = found["clean/parcels@2024-03"][1]
    assert cause.startswith("clean/parcels 2024-03: raw/parcels 2024-03 changed ")
    assert cause.endswith(" s ago")
    assert found["models/linear"][1][0].startswith(cause)
    assert found["features/timeseries@2024-02"] == ("fresh", [])


def test_the_status_tells_settings_from_what_was_never_computed(copied):
    folder, home = copied
    changed = small.spec()
    changed["models"] |= {"seed": 1, "families": ["linear"]}
    small.write_spec(folder, changed)
    found = states(folder, home)
    assert found["models/linear"] == ("stale", ["models/linear: its part of the workflow file changed"])
    assert "models/lightgbm" not in found
    fresh = states(folder, home / "elsewhere")
    assert fresh["models/linear"][0] == "missing"
    assert fresh["models/linear"][1][0].startswith("raw/parcels 2024-01: was never computed → clean/parcels 2024-01")
    assert fresh["models/linear"][1][-1] == "and others"


def test_a_failure_is_told_until_what_is_wanted_is_something_else(copied):
    folder, home = copied
    changed = small.spec()
    changed["tables"]["parcels"]["rules"] = [{"name": "light", "check": "weight < 1", "otherwise": "fail"}]
    small.write_spec(folder, changed)
    outcome = run_workflow(load(folder), home, recorder=stamps.Recorder(), start_s=time.monotonic())
    assert list(outcome.failures) == ["clean/parcels"]
    found = states(folder, home)
    state, because = found["clean/parcels@2024-01"]
    assert state == "failed"
    assert "DataError" in because[0]
    assert "'light'" in because[0]
    assert found["clean/parcels@2024-02"][0] == "stale"
    small.write_spec(folder, small.spec())
    assert {state for state, _ in states(folder, home).values()} == {"fresh"}


def test_a_run_keeps_to_the_assets_and_partitions_that_are_named(home, tmp_path):
    folder = small.write(tmp_path / "parcels")
    made = computed(run(folder, home, asked=Asked("+clean/parcels", "2024-02..2024-03")))
    assert made == {
        f"{name}@{month}"
        for name in ("raw/parcels", "clean/parcels", "quarantine/parcels")
        for month in ("2024-02", "2024-03")
    }
    with pytest.raises(SpecError, match=r"needs what is not there: raw/depots: was never .* '\+clean/depots'"):
        run(folder, home, asked=Asked("clean/depots"))
    made = computed(run(folder, home, asked=Asked(partitions="..2024-02")))
    assert "features/timeseries@2024-02" in made
    assert "clean/depots" in made
    assert not any("2024-03" in name or name.startswith("datasets/train") for name in made)
    assert not computed(run(folder, home, asked=Asked("clean/*", "2024-02")))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("clean/parcel"), "there must be an asset 'clean/parcel'. Did you mean 'clean/parcels'?"),
        (Asked("a b"), r"--select must be assets such as .*however: 'a b'"),
        (Asked(partitions="2024-2"), "there must be a partition '2024-2'"),
        (Asked(partitions="2024-03..2024-01"), "from an earlier to a later one"),
    ],
)
def test_what_cannot_be_asked_for_is_told(finished, asked, said):
    folder, home, _ = finished
    with pytest.raises(SpecError, match=said):
        run(folder, home, asked=asked)
