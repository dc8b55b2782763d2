"""Assets that work under a lease: child processes, waiting without a slot, recall and going on."""

import os

import dagster as dg
import pytest

from mlwf_assets.assets.gpu_quota import GpuQuota
from mlwf_assets.assets.leased import train_leased
from mlwf_assets.gpu.call import Recall, Recalled
from mlwf_assets.gpu.client import Client
from mlwf_assets.models.epochs import Checkpoint
from mlwf_assets.spec.extensions import NO_CODE
from mlwf_assets.spec.models import Models
from mlwf_assets_tests.assets import trainings
from mlwf_assets_tests.gpu.homes import Processes, hold, make_home, state_of
from mlwf_assets_tests.models.battery import FEATURES, make_matrix

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
        outcome = quota.run(context, function if ":" in function else f"{_HERE}:{function}", arguments, **asked)
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


def claim(processes, folder):
    """Let a process want two devices once the training has started; it leaves as soon as it has them."""
    return processes.python(
        "import sys, time; from pathlib import Path\n"
        "from mlwf_assets.gpu import lease; from mlwf_assets.gpu.client import Client\n"
        "from mlwf_assets.gpu.home import GpuHome\n"
        "folder = Path(sys.argv[1])\n"
        "while not (folder / 'starts').exists() and folder.exists(): time.sleep(0.02)\n"
        "with lease(queue='research', gpus=2, client=Client(GpuHome(folder / 'gpus'))): (folder / 'ready').touch()\n",
        folder,
    )


def run_recalled(function, arguments, client, processes, folder):
    """Run with all devices until they are called back, and to the end; the materialization and the log."""
    claimer = claim(processes, folder)
    with dg.DagsterInstance.ephemeral() as instance:
        asked = training(function, arguments, queue="interns", gpus=3)
        result = run(asked, client, instance, retry_s=1)
        log = "\n".join(record.user_message for record in instance.all_logs(result.run_id))
    assert claimer.communicate(timeout=20)[1] == ""
    assert "called back (reclaim for" in log
    assert "the grace is over" not in log
    assert "Traceback" not in log
    assert result.success, log
    return metadata(result)


def test_a_recalled_training_goes_on_after_its_epoch_and_comes_to_the_same_weights(client, processes, tmp_path):
    straight = tmp_path / "straight"
    straight.mkdir()
    expected = trainings.train(folder=straight, epochs=6, recall=Recall())
    arguments = {"folder": str(tmp_path), "epochs": 6, "recalled_in": 3}
    found = run_recalled("train", arguments, client, processes, tmp_path)
    assert [int(line) for line in (tmp_path / "starts").read_text().split()] == [0, 4]
    assert found["value"] == expected
    assert found["gpu/reason"].startswith("called back: reclaim for ")
    assert [row["queue"] for row in client.uses(600) if row["runs"] == 2] == ["interns"]


def test_a_recall_while_libraries_are_imported_is_obeyed_at_once(client, processes, tmp_path, monkeypatch):
    monkeypatch.setenv("MLWF_TEST_FOLDER", str(tmp_path))
    function = "mlwf_assets_tests.assets.slow_import:answer"
    assert run_recalled(function, {}, client, processes, tmp_path)["value"] == [False]


def test_a_recalled_function_keeps_its_workers_until_it_has_saved(client, processes, tmp_path):
    found = run_recalled("load", {"folder": str(tmp_path)}, client, processes, tmp_path)
    assert found["value"] == ["one more"]


def test_a_recalled_tabm_leaves_after_its_epoch_with_a_checkpoint(tmp_path):
    with pytest.raises(Recalled):
        train_leased(
            "tabm", own=NO_CODE, recall=RecalledAt(3), matrix=make_matrix("binary"), features=FEATURES,
            spec=Models.model_validate({"budget": {"trials": 1}}), kind="binary", key=["id"], budget_s=None,
            checkpoint_dir=tmp_path,
        )  # fmt: skip
    (file,) = tmp_path.rglob("*.checkpoint")
    kept = Checkpoint(file.parent, file.stem).read()
    assert kept["progress"]["epochs"] == 3


class RecalledAt(Recall):
    """One that comes when it is looked at for the n-th time."""

    def __init__(self, number):
        super().__init__()
        self.number, self.looked = number, 0

    def __bool__(self):
        self.looked += 1
        return self.looked >= self.number
