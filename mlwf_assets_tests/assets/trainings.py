"""Functions that run under a lease in tests: in a process of their own, called back in the middle or not."""

import json
import math
import multiprocessing
import os
import random
import time
from contextlib import suppress
from pathlib import Path


def look(*, recall):
    """What a child sees."""
    print("a line of the child")
    return {"visible": os.environ["CUDA_VISIBLE_DEVICES"], "pid": os.getpid(), "recalled": bool(recall)}


def fail(*, recall):
    raise ValueError("the loss is not finite")


def load(*, folder, recall):
    """One whose data come from a worker, which knows nothing of a recall; it is called back while it works."""
    folder = Path(folder)
    pipe, end = multiprocessing.get_context("spawn").Pipe()
    worker = multiprocessing.get_context("spawn").Process(target=_serve, args=(end,), daemon=True)
    worker.start()
    pipe.recv()
    if not (folder / "saved").exists():
        (folder / "starts").touch()
        while not recall:
            time.sleep(0.01)
        pipe.send("one more")
        recall.check(lambda: (folder / "saved").write_text(pipe.recv()))
    return [(folder / "saved").read_text()]


def _serve(pipe):
    with suppress(EOFError):  # whom it serves has ended
        pipe.send("ready")
        pipe.send(pipe.recv())
        pipe.recv()


def train(*, folder, epochs, recalled_in=None, recall):
    """A walk whose every step hangs on chance, with a checkpoint at the end of an epoch in which it was called back.

    Args:
        recalled_in: the epoch that lasts until it is called back, the first time; None: there is no such epoch.
    """
    folder = Path(folder)
    checkpoint = folder / "checkpoint.json"
    chance, weights, first = random.Random(7), [0.0] * 8, 0
    if checkpoint.exists():
        first, weights, (version, state, gauss) = json.loads(checkpoint.read_text())
        chance.setstate((version, tuple(state), gauss))
    with (folder / "starts").open("a") as file:
        file.write(f"{first}\n")
    for epoch in range(first, epochs):
        weights = [math.sin(1.7 * weight + chance.gauss()) for weight in weights]
        while epoch == recalled_in and first == 0 and not recall:
            time.sleep(0.01)
        state = [epoch + 1, weights, chance.getstate()]
        recall.check(lambda state=state: checkpoint.write_text(json.dumps(state)))
    return weights
