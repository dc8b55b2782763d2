"""A process of the soak test: takes a lease, marks its devices as its own while it works, gives back, again and again.

A mark is an exclusive lock on a file of the device, which the kernel lets go when the process dies: two owners at one
instant cannot both have it, and a killed owner leaves none.
"""

import fcntl
import os
import random
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from mlwf_assets.gpu.client import Client
from mlwf_assets.gpu.home import GpuHome
from mlwf_assets.gpu.leases import acquire, make_request


def main(folder, queue, seed):
    draw, client, turn = random.Random(seed), Client(GpuHome(folder)), 0
    while True:
        request = make_request(queue=queue, gpus=draw.choice((1, 1, 2)), name=f"{os.getpid()}-{turn}")
        held = acquire(client, request)
        with ExitStack() as stack:
            for device in held.devices:
                file = stack.enter_context((folder / f"on-{device}").open("a"))
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    (folder / f"doubled-{os.getpid()}-{turn}").write_text(f"{device} {held.entry}")
                    raise
            held.wait_for_recall(draw.uniform(0, 0.15))
            time.sleep(0.001)
        held.release()
        with (folder / "served").open("a") as file:
            file.write(f"{os.getpid()}-{turn}\n")
        turn += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
