"""Assets that work under a lease: child processes, waiting without a slot, recall and going on."""

import os

import dagster as dg
import pytest

from mlwf_assets.assets.gpu_quota import GpuQuota
from mlwf_assets.gpu.client import Client
from mlwf_assets_tests.assets import trainings
from mlwf_assets_tests.gpu.homes import Processes, hold, make_home, state_of

_HERE = "mlwf_assets_tests.assets.trainings"


@pytest.fixture
def processes():
    own = Processes()
    yield own
    own.end()


@pytest.fixture
def client(tmp_path):
    (tmp_path / "gpus").mkdir()
    return Client(make_home(tmp_path / "gpus", more="grace_s: 20\n"))


def training(function, arguments=None, **asked):
    @dg.asset(key=["flights", "fit"])
    def fit(context: dg.AssetExecutionContext, quota: GpuQuota) -> dg.MaterializeResult:
        outcome = quota.run(context, f"{_HERE}:{function}", arguments, **asked)
        return dg.MaterializeResult(metadata={**outcome.metadata, "value": dg.MetadataValue.json(outcome.value)})

    return fit


def run(asset, client, instance, **settings):
    quota = GpuQuota(queue="research", folder=str(client.home.folder), **settings)
    return dg.materialize([asset], resources={"quota": quota}, instance=instance, raise_on_error=False)


def metadata(result):
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_the_function_runs_in_a_child_that_sees_its_devices_and_the_figures_stand_in_the_materialization(client):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(training("look", gpus=2), client, instance)
        found = metadata(result)
        log = [record.user_message for record in instance.all_logs(result.run_id)]
    assert found["value"]["visible"] == "0,1"
    assert found["value"]["pid"] != os.getpid()
    assert (found["gpu/devices"], found["gpu/queue"], found["gpu/reason"]) == (
        "fake-0, fake-1",
        "research",
        "did not wait",
    )
    assert found["gpu/waited_s"] < 5
    assert found["gpu/gpu_seconds"] > 0
    assert "a line of the child" in log
    (row,) = client.uses(600)
    assert (row["workflow"], row["asset"], row["queue"]) == ("flights", "flights/fit", "research")


def test_a_function_that_fails_fails_the_step_and_its_words_are_in_the_log(client):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(training("fail"), client, instance)
        log = "\n".join(record.user_message for record in instance.all_logs(result.run_id))
    assert not result.success
    assert "ValueError: the loss is not finite" in log
    assert client.view().entries == []


def test_a_step_that_waits_gives_its_slot_back_and_keeps_its_place(client, processes):
    holder, _ = hold(client, processes, "first", gpus=3)
    asset = training("look", gpus=3)
    seen = []

    @dg.asset
    def other() -> None:
        found = client.view().entries
        seen.extend((entry.request.name, entry.state) for entry in found)
        hold(client, processes, "newer", gpus=3)
        holder.kill()
        holder.wait()

    quota = GpuQuota(queue="research", folder=str(client.home.folder), patience_s=0, retry_s=1)
    with dg.DagsterInstance.ephemeral() as instance:
        # one slot: the other asset runs although the first, which came before it, waits
        result = dg.materialize([asset, other], resources={"quota": quota}, instance=instance)
        retries = [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert retries
    assert [state for _, state in seen] == ["running", "waiting"]
    (event,) = [one for one in result.get_asset_materialization_events() if one.asset_key.path == ["flights", "fit"]]
    assert event.materialization.metadata["gpu/reason"].value == "no-room"
    assert state_of(client, "newer") == "running"


def test_a_recalled_training_goes_on_where_it_was_and_comes_to_the_same_weights(client, processes, tmp_path):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    straight.mkdir()
    broken.mkdir()

    class Never:
        def check(self, save):
            return None

    expected = trainings.train(folder=straight, epochs=12, epoch_s=0, recall=Never())
    pid = processes.python(
        "import sys, time; from pathlib import Path\n"
        "from mlwf_assets.gpu import lease; from mlwf_assets.gpu.client import Client\n"
        "from mlwf_assets.gpu.home import GpuHome\n"
        "folder = Path(sys.argv[1])\n"
        "while not (folder / 'broken' / 'starts').exists() and folder.exists(): time.sleep(0.05)\n"
        "time.sleep(0.5)\n"
        "with lease(queue='research', gpus=2, client=Client(GpuHome(folder / 'gpus'))): time.sleep(0.5)\n",
        tmp_path,
    )
    arguments = {"folder": str(broken), "epochs": 12, "epoch_s": 0.3}
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(training("train", arguments, queue="interns", gpus=3), client, instance, retry_s=1)
    assert pid.communicate(timeout=20)[1] == ""
    starts = [int(line) for line in (broken / "starts").read_text().split()]
    assert len(starts) == 2
    assert 0 < starts[1] < 12
    found = metadata(result)
    assert found["value"] == expected
    assert found["gpu/reason"].startswith("called back: reclaim for ")
    assert [row["queue"] for row in client.uses(600) if row["runs"] == 2] == ["interns"]
