"""What Dagster is given for a workflow that runs by itself, and what its watch sees and tells."""

import dagster as dg
import pytest

from mlwf_assets.assets.automation.condition import WORKFLOW_TAG
from mlwf_assets.assets.automation.news import AUTOMATION_TAG
from mlwf_assets.assets.component import workflow_definitions
from mlwf_assets.assets.resources import MlwfHome
from mlwf_assets.spec.loader import load
from mlwf_assets.spec.sample import sampled
from mlwf_assets_tests.assets.automation import toy

TOLD = "sh -c 'cat >> told.txt; echo >> told.txt'"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def trips(tmp_path, home):
    def make(**automation):
        folder = toy.write(tmp_path / "trips", automation={"notify": {"command": TOLD}, **automation})
        return folder, workflow_definitions(load(folder), MlwfHome(path=str(home)))

    return make


def watch(definitions, instance):
    """Look once; return the observed assets and the words of the tick."""
    (sensor,) = (one for one in definitions.sensors if one.name == "trips_watch")
    seen = sensor(dg.build_sensor_context(instance=instance))
    return {event.asset_key.path[-1]: event for event in seen.asset_events}, seen.skip_reason.skip_message


def told(folder):
    file = folder / "told.txt"
    return file.read_text().splitlines() if file.exists() else []


def test_every_asset_has_the_condition_and_the_sources_stand_before_them(trips):
    _, definitions = trips(schedule="on_data")
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    assert all(graph.get(key).automation_condition is not None for key in graph.materializable_asset_keys)
    assert graph.get(dg.AssetKey(["trips", "raw", "trips"])).parent_keys == {dg.AssetKey(["trips", "files", "trips"])}
    assert {sensor.name: sensor.default_status.value for sensor in definitions.sensors} == {
        "trips_watch": "RUNNING", "trips_automation": "RUNNING",
    }  # fmt: skip


def test_without_a_schedule_nothing_runs_by_itself_and_people_are_told_all_the_same(trips):
    _, definitions = trips()
    graph = definitions.resolve_asset_graph()
    assert all(graph.get(key).automation_condition is None for key in graph.materializable_asset_keys)
    assert [sensor.name for sensor in definitions.sensors] == ["trips_watch"]


def test_a_sample_does_not_run_by_itself(trips, home):
    folder, _ = trips(schedule="on_data")
    definitions = workflow_definitions(sampled(load(folder), 0.5), MlwfHome(path=str(home)), alone=False)
    assert not definitions.sensors


def test_the_watch_reports_the_version_of_each_source_that_changed(trips, instance):
    folder, definitions = trips()
    seen, _ = watch(definitions, instance)
    assert set(seen) == {"trips", "buses"}
    toy.add_rows(folder, 1)
    again, words = watch(definitions, instance)
    assert set(again) == {"trips"}
    assert words == "Changed: trips."
    version = "dagster/data_version"
    assert again["trips"].tags[version] != seen["trips"].tags[version]


def test_a_stale_source_one_that_is_gone_and_a_mistake_in_the_file_are_told_once_each(trips, instance):
    folder, definitions = trips(stale_after={"buses": "0.001 s"})
    for _ in range(3):
        watch(definitions, instance)
    assert ['"kind": "stale source"' in line for line in told(folder)] == [True]
    (folder / "trips.csv").rename(folder / "away.txt")
    for _ in range(3):
        _, words = watch(definitions, instance)
    assert "trips cannot be read" in words
    assert len(told(folder)) == 2
    assert "must name a file" in told(folder)[-1]
    (folder / "away.txt").rename(folder / "trips.csv")
    watch(definitions, instance)
    (folder / "defs.yaml").write_text((folder / "defs.yaml").read_text().replace("label:", "lable:"))
    watch(definitions, instance)
    watch(definitions, instance)
    assert len(told(folder)) == 3
    assert "examples.lable: unknown field" in told(folder)[-1]


def test_a_failure_is_told_when_the_run_has_ended_and_once_for_all_its_attempts(trips, instance):
    folder, definitions = trips()
    watch(definitions, instance)
    job = definitions.resolve_job_def("trips")
    (folder / "trips.csv").write_text('id,km,late\nt1,2.5,yes\n"t2,3')
    going_on = instance.create_run_for_job(job, tags={WORKFLOW_TAG: "trips"}, status=dg.DagsterRunStatus.STARTED)
    for _ in range(2):
        job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(["trips", "raw", "trips"])], raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )  # fmt: skip
        watch(definitions, instance)
    assert told(folder) == []
    instance.report_run_canceled(going_on)
    watch(definitions, instance)
    watch(definitions, instance)
    (line,) = told(folder)
    assert "trips: raw/trips failed" in line
    assert "SourceError" in line


def test_a_run_whose_process_was_killed_is_told_once_for_all_its_attempts(trips, instance):
    folder, definitions = trips()
    watch(definitions, instance)
    job = definitions.resolve_job_def("trips")
    for _ in range(3):
        killed = instance.create_run_for_job(
            job, tags={WORKFLOW_TAG: "trips", AUTOMATION_TAG: "true"}, status=dg.DagsterRunStatus.STARTED
        )
        instance.report_run_failed(killed)
        watch(definitions, instance)
    (line,) = told(folder)
    assert "trips: a run failed" in line
