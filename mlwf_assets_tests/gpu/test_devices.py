"""What devices are doing, declared or from the driver, and what follows: foreign processes, draining, idle holders."""

import sys
import types

import pytest

from mlwf_assets.errors import DataError, SourceError
from mlwf_assets.gpu.devices import NvmlDevices
from mlwf_assets.gpu.leases import make_request
from mlwf_assets.gpu.processes import find_process
from mlwf_assets_tests.gpu.homes import devices_of, hold, make_home, state_of


def tell(client, text):
    client.home.told_file.write_text(text, encoding="utf-8")


def test_a_device_with_a_foreign_process_counts_as_taken(client, processes):
    tell(client, f"fake-0: {{processes: [{processes.start().pid}], used_mib: 500, utilization: 90}}\n")
    hold(client, processes, "fit", gpus=2)
    assert devices_of(client, "fit") == ["fake-1", "fake-2"]
    hold(client, processes, "more")
    assert state_of(client, "more") == "waiting"
    tell(client, "fake-0: {processes: []}\n")
    assert devices_of(client, "more") == ["fake-0"]


def test_processes_of_a_lease_are_no_foreign_ones_and_neither_are_their_children(client, processes):
    parent = processes.python("import subprocess; subprocess.run(['sleep', '1000'])")
    number = client.ask(
        make_request(queue="research", gpus=0.5, name="half"),
        find_process(parent.pid),
    )
    tell(client, f"fake-0: {{processes: [{parent.pid}]}}\n")
    hold(client, processes, "other-half", gpus=0.5)
    assert client.look(number).devices == ("fake-0",)
    assert devices_of(client, "other-half") == ["fake-0"]


def test_nothing_new_starts_on_a_drained_device_and_what_runs_there_goes_on(client, processes):
    _, number = hold(client, processes, "first")
    client.drain("fake-0")
    client.drain("fake-1")
    hold(client, processes, "second")
    assert (devices_of(client, "first"), devices_of(client, "second")) == (["fake-0"], ["fake-2"])
    client.give_back(number)
    hold(client, processes, "third")
    assert state_of(client, "third") == "waiting"
    client.drain("fake-0", undo=True)
    assert devices_of(client, "third") == ["fake-0"]
    with pytest.raises(DataError, match="however: 'fake-9'"):
        client.drain("fake-9")


def test_who_does_nothing_on_its_device_is_warned_then_gives_way(tmp_path, processes):
    import time

    from mlwf_assets.gpu.client import Client
    from mlwf_assets.gpu.explain import explain

    client = Client(make_home(tmp_path, more="idle_warn_s: 1\nidle_reclaim_s: 2\n"))
    hold(client, processes, "busy", gpus=1)
    hold(client, processes, "sleeper", gpus=2, preemptible=False)
    tell(client, "fake-0: {utilization: 80}\nfake-1: {utilization: 0}\nfake-2: {utilization: 0}\n")
    client.round()
    time.sleep(1.2)
    view = client.view()
    assert "does nothing there for" in explain(view, view.entries[1]).words
    assert state_of(client, "sleeper") == "running"
    time.sleep(1)
    hold(client, processes, "eager", queue="interns")
    assert (state_of(client, "busy"), state_of(client, "sleeper")) == ("running", "releasing")
    assert state_of(client, "eager") == "promised"


def test_fractions_and_memory_share_a_device(client, processes):
    hold(client, processes, "half", gpus=0.5)
    hold(client, processes, "some", memory_mib=8000)
    hold(client, processes, "much", memory_mib=8000)
    assert devices_of(client, "half") == devices_of(client, "some") == ["fake-0"]
    assert devices_of(client, "much") != ["fake-0"]


@pytest.mark.parametrize(
    "text", ["fake-0: 3\n", "- a\n", "fake-0: {util: 3}\n", "fake-0: {processes: [x]}\n", "a: [\n"]
)
def test_a_told_file_of_another_form_is_refused(client, text):
    tell(client, text)
    with pytest.raises(SourceError, match="utilization: 0 to 100"):
        client.view()


def driver(**more):
    """The names of nvidia-ml-py that are used, answering as its documentation says."""
    error = type("NVMLError", (Exception,), {})
    module = types.SimpleNamespace(
        NVMLError=error,
        NVMLError_NotSupported=type("NVMLError_NotSupported", (error,), {}),
        NVMLError_NoPermission=type("NVMLError_NoPermission", (error,), {}),
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetUUID=lambda number: f"GPU-{number}",
        nvmlDeviceGetMemoryInfo=lambda number: types.SimpleNamespace(total=24 << 30, used=1 << 30),
        nvmlDeviceGetUtilizationRates=lambda number: types.SimpleNamespace(gpu=37, memory=3),
        nvmlDeviceGetComputeRunningProcesses=lambda number: [types.SimpleNamespace(pid=4711, usedGpuMemory=None)],
    )
    for name, value in more.items():
        setattr(module, name, value)
    return module


def test_what_the_driver_tells_is_read(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", driver())
    first, second = NvmlDevices().read()
    assert (first.name, first.visible_as, first.memory_mib, first.used_mib) == ("0", "GPU-0", 24576, 1024)
    assert (second.utilization, second.processes, second.is_idle) == (37, (4711,), False)


def test_what_the_driver_does_not_tell_is_not_known(monkeypatch):
    module = driver()

    def refuse(number):
        raise module.NVMLError_NotSupported

    module.nvmlDeviceGetUtilizationRates = module.nvmlDeviceGetComputeRunningProcesses = refuse
    monkeypatch.setitem(sys.modules, "pynvml", module)
    assert [(one.utilization, one.processes, one.is_idle) for one in NvmlDevices().read()] == [(None, None, False)] * 2


def test_without_the_driver_or_its_library_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(SourceError, match=r"pip install 'mlwf_assets\[gpu\]'"):
        NvmlDevices().read()
    module = driver()

    def fail():
        raise module.NVMLError("Driver Not Loaded")

    module.nvmlInit = fail
    monkeypatch.setitem(sys.modules, "pynvml", module)
    with pytest.raises(SourceError, match="however: Driver Not Loaded"):
        NvmlDevices().read()
