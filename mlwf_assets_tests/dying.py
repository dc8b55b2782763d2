"""A run that is killed with -9 at a named point: before or after the n-th call of one of the product's functions."""

import importlib
import os
import signal
import sys


def die(module: str, name: str, when: str, count: int) -> None:
    """Have the process killed at the count-th call of a function of a module, or of a class in it."""
    owner = importlib.import_module(module)
    *path, name = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    function, left = getattr(owner, name), [count]

    def dying(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        value = function(*args, **kwargs)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    setattr(owner, name, dying)


if __name__ == "__main__":
    _, module, name, when, count, *arguments = sys.argv
    die(module, name, when, int(count))
    from mlwf_assets.cli import main

    main(arguments, prog_name="mlwf")
