"""Functions that run under a lease in tests: in a process of their own, called back in the middle or not."""

import os
import time
from pathlib import Path


def look(*, recall):
    """What a child sees."""
    print("a line of the child")
    return {"visible": os.environ["CUDA_VISIBLE_DEVICES"], "pid": os.getpid(), "recalled": bool(recall)}


def fail(*, recall):
    raise ValueError("the loss is not finite")


def train(*, folder, epochs, epoch_s, recall):
    """A small network, with a checkpoint at the end of an epoch in which it was called back."""
    import torch

    torch.set_num_threads(1)
    folder = Path(folder)
    checkpoint = folder / "checkpoint.pt"
    torch.manual_seed(7)
    network = torch.nn.Sequential(
        torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(16, 1)
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    rows, target = torch.randn(256, 8), torch.randn(256, 1)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        first = state["epoch"] + 1
    with (folder / "starts").open("a") as file:
        file.write(f"{first}\n")
    for epoch in range(first, epochs):
        for batch in torch.randperm(256).split(32):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(rows[batch]), target[batch]).backward()
            optimizer.step()
        time.sleep(epoch_s)

        def save(epoch=epoch):
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
            torch.save({**state, "random": torch.get_rng_state()}, checkpoint)

        recall.check(save)
    return [parameter.tolist() for parameter in network.parameters()]
