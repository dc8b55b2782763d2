"""Our event log against Dagster's own: the same events leave the same rows in the same files."""

import sqlite3

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from mlwf_assets.assets.event_log import EventLog, together
from mlwf_assets.cli.home import prepare_home

WRITTEN = ("create_timestamp", "migration_completed")
DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-06")


@dg.asset(partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("sound", asset="first")])
def first(context):
    yield dg.MaterializeResult(data_version=dg.DataVersion("all"))
    yield dg.AssetCheckResult(passed=True, check_name="sound")
    with together(context.instance):
        for day in context.partition_keys:
            tags = {"dagster/data_version": day, "dagster/data_version_is_user_provided": "true"}
            context.log_event(dg.AssetMaterialization("first", partition=day, metadata={"rows": 1}, tags=tags))


@dg.asset(deps=[first])
def second(context):
    context.log_event(dg.AssetObservation("first", metadata={"seen": 1}))
    return dg.MaterializeResult(metadata={"rows": 2})


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """An instance as `mlwf` makes it, on which both assets were run."""
    folder = tmp_path_factory.mktemp("instance")
    ends = {"dagster/asset_partition_range_start": "2024-01-01", "dagster/asset_partition_range_end": "2024-01-05"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in prepare_home(folder / "home", project=folder).items():
            patch.setenv(name, value)
        with dg.DagsterInstance.get() as instance:
            dg.materialize([first, second], instance=instance, tags=ends)
            yield instance


@pytest.fixture
def events(instance):
    [run] = instance.get_runs()
    return [record.event_log_entry for record in instance.get_records_for_run(run.run_id).records]


def rows(folder):
    """All rows of all databases, but for when they were written."""
    found = {}
    for path in sorted(folder.rglob("*.db")):
        with sqlite3.connect(path) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                cursor = connection.execute(f"SELECT * FROM {table} ORDER BY 1")
                kept = [i for i, one in enumerate(cursor.description) if one[0] not in WRITTEN]
                found[path.name, table] = [[row[i] for i in kept] for row in cursor]
        connection.close()
    return found


@pytest.mark.parametrize("at_once", [7, 1000])
def test_it_keeps_what_dagsters_own_keeps(instance, events, tmp_path, at_once):
    assert isinstance(instance.event_log_storage, EventLog)
    assert sum(one.dagster_event is not None and one.dagster_event.is_step_materialization for one in events) == 11
    for name in ("theirs", "ours"):
        (tmp_path / name / "history" / "runs").mkdir(parents=True)
    theirs, ours = (
        SqliteEventLogStorage(str(tmp_path / "theirs" / "history" / "runs")),
        EventLog(str(tmp_path / "ours")),
    )
    for event in events:
        theirs.store_event(event)
    for start in range(0, len(events), at_once):
        ours.store_event_batch(events[start : start + at_once])
    found = rows(tmp_path / "ours")
    assert found == rows(tmp_path / "theirs")
    assert len(found["index.db", "asset_keys"]) == 2


def test_each_partition_has_the_version_that_was_reported_for_it(instance):
    records = instance.fetch_materializations(dg.AssetKey("first"), limit=5).records
    seen = {one.partition_key: one.asset_materialization.tags["dagster/data_version"] for one in records}
    assert seen == {day: day for day in DAYS.get_partition_keys()}


def test_what_fails_in_a_transaction_leaves_nothing_of_it_and_the_next_event_is_stored(events, tmp_path):
    log = EventLog(str(tmp_path))

    def store_and_fail():
        with log.held():
            log.store_event(events[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store_and_fail()
    assert not log.get_records_for_run(events[0].run_id).records
    log.store_event(events[0])
    assert len(log.get_records_for_run(events[0].run_id).records) == 1
