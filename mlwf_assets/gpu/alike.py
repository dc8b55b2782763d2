"""Jobs that wait and are alike: what holds for the first of them holds for all, so that only the first is looked at.

Alike are jobs of one queue that ask for the same under the same conditions; thousands of waiting jobs are a few kinds.
"""

from collections.abc import Iterable

from mlwf_assets.gpu.work import Work

Kind = tuple[object, ...]


class Alike:
    """Waiting jobs by kind, each kind in its order."""

    def __init__(self, works: Iterable[Work], keeper: str | None) -> None:
        self._keeper = keeper
        self._kinds: dict[Kind, list[Work]] = {}
        for work in works:
            self._kinds.setdefault(self._kind(work), []).append(work)
        for kind in self._kinds.values():
            kind.reverse()
        self._of = {kind[-1].place: kind for kind in self._kinds.values()}

    def first(self) -> list[Work]:
        """The first job of every kind."""
        return [kind[-1] for kind in self._kinds.values()]

    def after(self, work: Work) -> Work | None:
        """The next job of the kind of one that is served, if there is one."""
        kind = self._of.pop(work.place, None)
        if kind is None or len(kind) < 2:
            return None
        kind.pop()
        self._of[kind[-1].place] = kind
        return kind[-1]

    def all_of(self, work: Work) -> list[Work]:
        """A job and those of its kind behind it."""
        return self._of.get(work.place, [work])

    def _kind(self, work: Work) -> Kind:
        job = work.job
        return job.queue, job.size, work.chunk, work.active, job.priority, job.preemptible, job.name == self._keeper
