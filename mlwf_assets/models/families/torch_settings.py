"""How torch behaves while a family uses it, and that nobody else notices.

Threads, determinism and the generator that new layers draw from are global in torch: they are set for the length
of a block, and then what they were before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import deterministic

# Its attribute is a property of the module, which type checkers do not see.
_filling: Any = deterministic


@contextmanager
def torch_settings(*, seed: int | None = None) -> Iterator[None]:
    """Set torch for a block: deterministic, and one core per operation.

    What has work for several cores shares it out itself, in larger pieces.

    Args:
        seed: of the default generator; None: nothing is drawn from it.
    Example:
        >>> before = torch.get_rng_state()
        >>> with torch_settings(seed=0):
        ...     _ = torch.rand(3)
        >>> bool((torch.get_rng_state() == before).all())
        True
    """
    threads_before = torch.get_num_threads()
    mode_before = torch.get_deterministic_debug_mode()
    fill_before = _filling.fill_uninitialized_memory
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        try:
            if seed is not None:
                torch.default_generator.manual_seed(seed)
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
            # Filling memory that is overwritten anyway would only cost time.
            _filling.fill_uninitialized_memory = False
            yield
        finally:
            torch.set_num_threads(threads_before)
            torch.set_deterministic_debug_mode(mode_before)
            _filling.fill_uninitialized_memory = fill_before
