"""gpu/usage: what the ledger has noted, day by day."""

import datetime as dt
import time

import dagster as dg
import pytest

from mlwf_assets.assets.gpu_usage import read_day, usage_definitions
from mlwf_assets.gpu.client import Client
from mlwf_assets_tests.gpu.homes import Processes, hold, make_home

_DAY = dt.datetime(2026, 3, 14, tzinfo=dt.UTC)
_HOUR_S = 3600


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setenv("MLWF_GPU_HOME", str(tmp_path))
    return Client(make_home(tmp_path))


def note(client, *, begin_h, hours, queue="research", gpus=1, waited_s=30.0):
    """Note a use; `begin_h` in hours from the beginning of the day."""
    ended_at = _DAY.timestamp() + (begin_h + hours) * _HOUR_S
    with client.ledger.write() as connection:
        connection.execute(
            "INSERT INTO uses (job, queue, workflow, asset, user, devices, parts_milli, seconds, waited_s, ended_at, "
            "ended) VALUES ('fit', ?, 'flights', 'models/tabm', 'eva', '[]', ?, ?, ?, ?, 'released')",
            (queue, round(gpus * 1000), hours * _HOUR_S, waited_s, ended_at),
        )


def day(client, after=0):
    whole, _ = read_day(client, _DAY + dt.timedelta(days=after))
    return {one["queue"]: (one["gpu_seconds"], one["waited_s"], one["runs"]) for one in whole}


def test_a_use_over_midnight_counts_on_both_days_and_as_one_run(client):
    note(client, begin_h=22.5, hours=4, gpus=2)
    assert day(client) == {"research": (2 * 1.5 * _HOUR_S, 0, 0)}
    assert day(client, after=1) == {"research": (2 * 2.5 * _HOUR_S, 30, 1)}
    assert day(client, after=-1) == day(client, after=2) == {}


def test_hours_add_up_to_the_day(client):
    note(client, begin_h=2.25, hours=3, gpus=0.5)
    note(client, begin_h=3, hours=1, queue="interns")
    _, hours = read_day(client, _DAY)
    used = [{one["queue"]: one["gpu_seconds"] / _HOUR_S for one in groups} for groups in hours]
    assert used[2:6] == [{"research": 0.375}, {"interns": 1.0, "research": 0.5}, {"research": 0.5}, {"research": 0.125}]
    assert day(client) == {"research": (1.5 * _HOUR_S, 30, 1), "interns": (_HOUR_S, 30, 1)}


def test_what_still_runs_is_in_the_day_that_goes_on(client):
    processes = Processes()
    try:
        hold(client, processes, "fit", gpus=2)
        at = time.time()
        (before, now) = client.uses_between([at - 7200, at - 3600, at + 3600])
    finally:
        processes.end()
    assert before == []
    assert [(one["queue"], one["runs"]) for one in now] == [("research", 1)]


def materialize(partition):
    definitions = usage_definitions()
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def("gpu_usage")
        result = job.execute_in_process(instance=instance, partition_key=partition)
        (event,) = result.get_asset_materialization_events()
        return event.materialization.tags["dagster/data_version"], {
            name: value.value for name, value in event.materialization.metadata.items()
        }


def test_a_day_has_its_sums_a_plot_and_a_version_of_its_content(client):
    note(client, begin_h=6, hours=9, gpus=2)
    version, found = materialize("2026-03-14")
    assert found["gpu/gpu_seconds"] == 18 * _HOUR_S
    assert found["gpu/share_of_day"] == 0.25
    (group,) = found["gpu/groups"]
    assert (group["queue"], group["workflow"], group["asset"], group["user"]) == (
        "research", "flights", "models/tabm", "eva",
    )  # fmt: skip
    assert "| research | flights | models/tabm | eva |" in found["gpu/table"]
    assert found["gpu/plot"].startswith("![GPUs in use by hour](data:image/svg+xml;base64,")
    assert materialize("2026-03-14")[0] == version
    note(client, begin_h=20, hours=1)
    assert materialize("2026-03-14")[0] != version


def test_a_day_without_work_is_empty_and_valid(client):
    note(client, begin_h=1, hours=1)
    _, found = materialize("2026-03-15")
    assert (found["gpu/gpu_seconds"], found["gpu/groups"], found["dagster/row_count"]) == (0, [], 0)


def test_days_begin_with_the_first_use_and_the_schedule_asks_for_the_one_that_is_over(client):
    note(client, begin_h=23, hours=2)
    definitions = usage_definitions()
    days = definitions.resolve_asset_graph().get(dg.AssetKey(["gpu", "usage"])).partitions_def
    assert days.get_first_partition_key() == "2026-03-14"
    schedule = definitions.resolve_schedule_def("gpu_usage_daily")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    context = dg.build_schedule_context(
        scheduled_execution_time=_DAY + dt.timedelta(days=3, minutes=5),
        repository_def=definitions.get_repository_def(),
    )
    (asked,) = schedule.evaluate_tick(context).run_requests
    assert asked.partition_key == "2026-03-16"


def test_where_there_is_no_ledger_there_is_no_such_asset_and_none_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MLWF_GPU_HOME", str(tmp_path / "none"))
    assert not usage_definitions().resolve_asset_graph().get_all_asset_keys()
    assert not (tmp_path / "none").exists()


def test_a_ledger_that_cannot_be_read_keeps_nothing_else_from_loading(client):
    client.home.ledger_file.write_bytes(b"no database" * 100)
    assert not usage_definitions().resolve_asset_graph().get_all_asset_keys()
