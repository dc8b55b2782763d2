"""The devices while a round is being worked out: what is free now, and what will be free once recalled work has left.

A task below one unit shares a device, on the fullest one where it fits; larger ones take whole devices. The two never
share a device: a device that holds whole work has nothing free.
"""

from collections.abc import Collection, Iterable

Devices = tuple[int, ...]


class Board:
    """Free parts per device.

    Attributes:
        now: free parts per device.
        later: free parts per device once all that is being released has gone; promises take from these alone.
        kept: devices that are reserved.
        keeper: the job that they are reserved for.
    """

    def __init__(self, devices: int, unit: int) -> None:
        self.unit = unit
        self.now = [unit] * devices
        self.later = [unit] * devices
        self.kept: frozenset[int] = frozenset()
        self.keeper: str | None = None

    def find(self, size: int, job: str, *, later: bool, own: Devices = ()) -> Devices | None:
        """Find devices for one task.

        Args:
            size: parts that it wants.
            job: the name of its job: reserved devices are found for their keeper alone.
            later: whether devices count that are still being released.
            own: where it ran before, taken among equals, so that nothing moves without need.
        """
        free = self.later if later else self.now
        whole = size // self.unit
        least = self.unit if whole else size
        fits = [
            device
            for device in range(len(free))
            if free[device] >= least and self.later[device] >= least and (device in own or self._may_use(device, job))
        ]
        if whole:
            if len(fits) < whole:
                return None
            fits.sort(key=lambda device: (device not in own, self.now[device] < self.unit, device))
            return tuple(sorted(fits[:whole]))
        if not fits:
            return None
        return (min(fits, key=lambda device: (free[device], self.now[device] < size, device not in own, device)),)

    def fits_on(self, size: int, devices: Devices) -> bool:
        """Whether these very devices will have room."""
        part = min(size, self.unit)
        return all(self.later[device] >= part for device in devices)

    def room(self, size: int, job: str) -> int:
        """How many tasks of a size fit once all that is being released has gone."""
        free = [self.later[device] for device in range(len(self.later)) if self._may_use(device, job)]
        if size >= self.unit:
            return sum(parts == self.unit for parts in free) // (size // self.unit)
        return sum(parts // size for parts in free)

    def take(self, size: int, devices: Iterable[int], *, now: bool = True) -> None:
        """Hold devices; not `now`: promise them."""
        part = min(size, self.unit)
        for device in devices:
            self.later[device] -= part
            if now:
                self.now[device] -= part

    def give(self, size: int, devices: Iterable[int], *, now: bool) -> None:
        """Undo `take`; not `now`: what holds them has been recalled, and is still there."""
        part = min(size, self.unit)
        for device in devices:
            self.later[device] += part
            if now:
                self.now[device] += part

    def release(self, size: int, devices: Iterable[int]) -> None:
        """Count what is on its way out: its devices are free later, not now."""
        part = min(size, self.unit)
        for device in devices:
            self.now[device] -= part

    def redeem(self, size: int, devices: Collection[int]) -> bool:
        """Turn a promise into a hold, if its devices are free by now."""
        part = min(size, self.unit)
        if any(self.now[device] < part for device in devices):
            return False
        self.release(size, devices)
        return True

    def _may_use(self, device: int, job: str) -> bool:
        return device not in self.kept or job == self.keeper
