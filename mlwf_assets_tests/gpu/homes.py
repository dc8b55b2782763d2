"""Machines with declared devices in a folder of the test, and processes that hold leases there."""

import subprocess
import sys

from mlwf_assets.gpu.client import Client
from mlwf_assets.gpu.home import GpuHome
from mlwf_assets.gpu.leases import make_request
from mlwf_assets.gpu.processes import find_process

QUEUES = "  - {name: research, deserved: 2}\n  - {name: interns, deserved: 1}\n"


def make_home(folder, *, devices=3, queues=QUEUES, more=""):
    listed = "".join(f"  - {{name: fake-{n}, memory_mib: 24000}}\n" for n in range(devices))
    (folder / "gpu.yaml").write_text(f"devices:\n{listed}queues:\n{queues}{more}", encoding="utf-8")
    return GpuHome(folder)


class Processes:
    """Processes that do nothing, as holders; all of them are gone at the end."""

    def __init__(self):
        self.started = []

    def start(self, *command):
        process = subprocess.Popen(
            command or ("sleep", "1000"), process_group=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process

    def python(self, code, *args):
        return self.start(sys.executable, "-c", code, *map(str, args))

    def end(self):
        for process in self.started:
            process.kill()
            process.communicate()


def hold(client, processes, name, *, queue="research", gpus=1, **more):
    """Let a process of its own ask; it is the holder."""
    process = processes.start()
    request = make_request(queue=queue, gpus=None if "memory_mib" in more else gpus, name=name, **more)
    return process, client.ask(request, find_process(process.pid))


def state_of(client: Client, name):
    found = [entry for entry in client.view().entries if entry.request.name == name]
    return found[0].state if found else None


def devices_of(client: Client, name):
    return [device for entry in client.view().entries if entry.request.name == name for device in entry.devices]
