"""One round's table: devices, accounts and jobs as they stand while decisions are tried, taken and taken back.

Whatever is tried is written down, so that it can be taken back; what is kept becomes the round's decisions. Which
decision is right is not known here.
"""

from collections.abc import Sequence

from mlwf_assets.gpu.board import Board, Devices
from mlwf_assets.gpu.books import Account, Books
from mlwf_assets.gpu.model import Action, Eviction, Placement, Reason, State, TaskState
from mlwf_assets.gpu.work import Work

Recalled = list[tuple[Work, list[int]]]


class Table:
    """The state of a round in the making.

    Attributes:
        works: all jobs, older ones first.
        running: those that held or were promised something when the round began.
        starts, promises, evictions, waiting: what has been decided so far.
        held: accounts below which nothing new starts, for a starving job of theirs waits for their limit.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.settings = state.settings
        self.board = Board(state.devices, state.unit)
        for device, parts in state.taken.items():
            self.board.take(parts, (device,))
        self.total = sum(self.board.later)
        self.books = Books(state.queues, self.total)
        jobs = sorted(state.jobs, key=lambda job: (job.created, job.name))
        self.works = [Work(job, self.books.accounts[job.queue], place) for place, job in enumerate(jobs)]
        self.starts: list[Placement] = []
        self.promises: list[Placement] = []
        self.evictions: list[Eviction] = []
        self.waiting: dict[str, Reason] = {}
        self.held: dict[Account, Reason] = {}
        self._tried: list[tuple[Work, int, TaskState, Devices]] = []
        for work in self.works:
            self._seat(work)
        self.running = [work for work in self.works if work.active]
        self.fair_shares = self.books.share_out(state.unit, state.settings)

    def _seat(self, work: Work) -> None:
        job, size = work.job, work.job.size
        for task in job.tasks:
            if task.state == "running":
                self.board.take(size, task.devices)
            elif task.state == "promised":
                self.board.take(size, task.devices, now=False)
            elif task.state == "releasing":
                self.board.release(size, task.devices)
        if work.active:
            self.books.add(job.queue, work.active * size, preemptible=job.preemptible)
        if asked := work.active + work.pending:
            self.books.ask(job.queue, asked * size)

    def redeem(self) -> None:
        """Start what was promised devices that are free by now; a gang only as a whole."""
        for work in self.works:
            tasks = [task for task, state in enumerate(work.states) if state == "promised"]
            done: list[int] = []
            for task in tasks:
                if not self.board.redeem(work.job.size, work.devices[task]):
                    break
                done.append(task)
            if len(done) == len(tasks):
                for task in tasks:
                    work.states[task] = "running"
                    work.fresh.add(task)
                    self.starts.append(Placement(work.job.name, task, work.devices[task]))
            else:
                for task in done:
                    self.board.give(work.job.size, work.devices[task], now=True)
                    self.board.take(work.job.size, work.devices[task], now=False)
                self.waiting[work.job.name] = "promised"

    def start(self, work: Work, *, later: bool = False) -> Reason | None:
        """Place the next chunk of a job: on what is free now, else as a promise (`later`: at once as a promise).

        Returns:
            None when it is placed, else why it is not.
        """
        tasks = work.next_pending()
        if not tasks:
            return "incomplete"
        job = work.job
        if reason := self.books.refuse(job.queue, work.request, preemptible=job.preemptible):
            return reason
        if self.held and self._is_held(work):
            return "reserved"
        if (not later and self._place(work, tasks, later=False)) or self._place(work, tasks, later=True):
            return None
        return "reserved" if self.board.kept and job.name != self.board.keeper else "no-room"

    def _is_held(self, work: Work) -> bool:
        return work.job.name != self.board.keeper and any(
            self.held[account] == "limit" or not work.job.preemptible
            for account in work.account.chain
            if account in self.held
        )

    def _place(self, work: Work, tasks: Sequence[int], *, later: bool) -> bool:
        mark = self.mark()
        for task in tasks:
            devices = self.board.find(work.job.size, work.job.name, later=later, own=work.devices[task])
            if devices is None:
                self.take_back(mark)
                return False
            self._tried.append((work, task, work.states[task], work.devices[task]))
            work.states[task], work.devices[task] = "promised" if later else "running", devices
            self._count(work, 1)
            self.board.take(work.job.size, devices, now=not later)
        return True

    def recall(self, work: Work, task: int) -> None:
        """Try to recall a task: its devices can be promised from now on."""
        self._tried.append((work, task, work.states[task], work.devices[task]))
        work.states[task] = "pending"
        self._count(work, -1)
        self.board.give(work.job.size, work.devices[task], now=False)

    def mark(self) -> int:
        """Remember this point, to come back to it."""
        return len(self._tried)

    def take_back(self, mark: int) -> None:
        """Take back what was tried since a mark."""
        while len(self._tried) > mark:
            work, task, state, devices = self._tried.pop()
            now_state, now_devices = work.states[task], work.devices[task]
            if now_state == "pending":
                self._count(work, 1)
                self.board.take(work.job.size, devices, now=False)
            else:
                self._count(work, -1)
                self.board.give(work.job.size, now_devices, now=now_state == "running")
            work.states[task], work.devices[task] = state, devices

    def keep(self, action: Action = "allocate", claimer: Work | None = None) -> None:
        """Make what was tried the round's decision."""
        first: dict[tuple[int, int], tuple[Work, int, TaskState, Devices]] = {}
        for entry in self._tried:
            first.setdefault((entry[0].place, entry[1]), entry)
        self._tried.clear()
        for work, task, state, devices in first.values():
            if state == "pending":
                self._keep_placed(work, task)
            else:
                self._keep_recalled(work, task, state, devices, action, claimer)

    def _keep_placed(self, work: Work, task: int) -> None:
        name, state = work.job.name, work.states[task]
        placement = Placement(name, task, work.devices[task])
        work.fresh.add(task)
        if state == "promised":
            self.promises.append(placement)
            self.waiting[name] = "promised"
        else:
            self.starts.append(placement)
            self.waiting.pop(name, None)

    def _keep_recalled(
        self, work: Work, task: int, state: TaskState, devices: Devices, action: Action, claimer: Work | None
    ) -> None:
        """A recalled task goes back where it was if there is room for it, else it moves or waits."""
        size, name = work.job.size, work.job.name
        if (found := work.devices[task]) != devices and work.states[task] == "promised":
            self.board.give(size, found, now=False)
            back = self.board.fits_on(size, devices)
            found = devices if back else found
            self.board.take(size, found, now=False)
            work.devices[task] = found
        if work.states[task] == "promised" and found == devices:
            work.states[task] = state
            return
        by = claimer.job.name if claimer else None
        self.evictions.append(Eviction(name, task, action, by))
        if work.states[task] == "promised":
            self._keep_placed(work, task)
            return
        work.states[task], work.devices[task] = "releasing", devices
        work.pending -= 1

    def _count(self, work: Work, tasks: int) -> None:
        work.active += tasks
        work.pending -= tasks
        self.books.add(work.job.queue, tasks * work.job.size, preemptible=work.job.preemptible)
