"""What holds for every machine, whatever runs and waits on it."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlwf_assets.gpu.model import MILLI
from mlwf_assets.gpu.scheduler import schedule
from mlwf_assets.gpu.simulation import carry_out
from mlwf_assets_tests.gpu.machines import held, histories, machines, settled

_QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
_FEW, _MANY = 60, 1000


def _for_all(full, check, **given_by):
    """Run a check over many histories, few of them in `make test`."""
    count = _MANY if full else _FEW
    settings(max_examples=count, deadline=None, suppress_health_check=_QUIET)(given(**given_by)(check))()


def _rounds(history):
    return [one for turn in history for one in turn]


def moves(decisions):
    """The tasks that a round gives a place, some of them another than they had."""
    return {(promise.job, promise.task) for promise in decisions.promises}


@pytest.mark.soak
def test_no_device_is_held_twice_and_fractions_never_mix_with_whole_work(full):
    def check(history):
        for state, _ in _rounds(history):
            parts, whole = Counter(), Counter()
            for job in state.jobs:
                for task in job.tasks:
                    if task.state == "running":
                        assert len(set(task.devices)) == max(1, job.size // MILLI)
                        assert all(0 <= device < state.devices for device in task.devices)
                        parts.update(dict.fromkeys(task.devices, min(job.size, MILLI)))
                        whole.update(task.devices if job.size >= MILLI else ())
            assert all(amount <= MILLI for amount in parts.values())
            assert all(count == 1 and parts[device] == MILLI for device, count in whole.items())

    _for_all(full, check, history=histories())


@pytest.mark.soak
def test_limits_hold_at_every_level_and_firm_work_stays_within_deserved(full):
    def check(history):
        for state, _ in _rounds(history):
            for queue in state.queues:
                assert queue.limit is None or held(state, queue.name) <= queue.limit
                assert held(state, queue.name, firm=True) <= queue.deserved

    _for_all(full, check, history=histories())


@pytest.mark.soak
def test_work_in_quota_or_not_preemptible_is_never_a_victim(full):
    def check(history):
        for state, decisions in _rounds(history):
            jobs = {job.name: job for job in state.jobs}
            deserved = {queue.name: queue.deserved for queue in state.queues}
            # What starts in the same round counts: it may bring its queue above its quota.
            left = {name: held(state, name) for name in deserved}
            for start in decisions.starts:
                left[jobs[start.job].queue] += jobs[start.job].size
            for eviction in decisions.evictions:
                job = jobs[eviction.job]
                if eviction.action == "stale" or (eviction.job, eviction.task) in moves(decisions):
                    continue
                assert job.preemptible
                if eviction.action == "reclaim":
                    assert left[job.queue] > deserved[job.queue]
                if eviction.action == "preempt":
                    assert job.priority < jobs[eviction.claimer].priority
                    assert job.queue == jobs[eviction.claimer].queue

    _for_all(full, check, history=histories())


@pytest.mark.soak
def test_a_gang_is_whole_or_absent(full):
    def check(history):
        for state, _ in _rounds(history):
            for job in state.jobs:
                running = sum(task.state in ("running", "promised") for task in job.tasks)
                assert running == 0 or running >= job.minimum

    _for_all(full, check, history=histories())


@pytest.mark.soak
def test_five_more_rounds_change_nothing_and_no_two_jobs_evict_each_other_in_turn(full):
    def check(history):
        for turn in history:
            state = turn[-1][0]
            # A task that is moved at once goes on elsewhere: a job that had to give way may come back by moving others.
            pairs = {
                (one.claimer, one.job)
                for _, decisions in turn
                for one in decisions.evictions
                if one.claimer and (one.job, one.task) not in moves(decisions)
            }
            assert not {(job, claimer) for claimer, job in pairs} & pairs
            for _ in range(5):
                after = carry_out(state, schedule(state))
                assert after == state

    _for_all(full, check, history=histories())


@pytest.mark.soak
def test_the_order_in_which_queues_and_jobs_are_listed_changes_nothing(full):
    def check(state, random):
        queues, jobs = list(state.queues), list(state.jobs)
        random.shuffle(queues)
        random.shuffle(jobs)
        mixed = replace(state, queues=tuple(queues), jobs=tuple(jobs))
        ends = [settled(one)[-1][0] for one in (state, mixed)]
        assert {job.name: job for job in ends[0].jobs} == {job.name: job for job in ends[1].jobs}

    _for_all(full, check, state=machines(), random=st.randoms(use_true_random=False))
