"""What is due, decided over plain values: when, how often, and until when."""

import pytest

from mlwf_assets.assets.automation.due import WAITS_S, Asked, Memory, choose, heed_tick
from mlwf_assets.assets.recipes import Planned
from mlwf_assets.assets.step import Output, Step

STEP = Step((Output("clean/trips", ""),), (), iter, workflow="w")


def stale(partition=None, recipe="r1", **more):
    return Planned(STEP, partition, "stale", recipe=recipe, **more)


def look(planned, memory=None, *, now_s=0.0, requested=(), failed=None, free=(None, "a", "b")):
    due, memory = choose(planned, memory or Memory(), free=free, requested=requested, failed=failed or {}, now_s=now_s)
    return [one.partition for one in due], memory


def times_until_rest(planned, memory=None, *, failed=None, every_s=30, look_s=86400):
    times = []
    for now_s in range(0, look_s, every_s):
        due, memory = look([planned], memory, now_s=float(now_s), failed=failed)
        times += [now_s] if due else []
    return times, memory


def test_what_is_up_to_date_is_never_due():
    assert look([Planned(STEP, None, "fresh", recipe="r1")]) == ([], Memory())


def test_what_is_in_vain_is_tried_again_after_longer_and_longer_waits_and_then_rests():
    times, _ = times_until_rest(stale())
    assert times == [0, 60, 660, 4260]
    assert len(times) == 1 + len(WAITS_S)


def test_another_recipe_is_tried_at_once_and_anew():
    _, memory = times_until_rest(stale())
    assert times_until_rest(stale(recipe="r2"), memory)[0] == [0, 60, 660, 4260]


def test_what_came_up_to_date_and_is_broken_again_in_the_same_way_is_tried_anew():
    _, memory = times_until_rest(stale())
    _, memory = look([Planned(STEP, None, "fresh", recipe="r1")], memory)
    assert times_until_rest(stale(), memory)[0] == [0, 60, 660, 4260]


def test_a_failure_as_part_of_a_larger_run_counts_as_the_first_attempt():
    assert times_until_rest(stale(), failed={"r1": -30.0})[0] == [30, 630, 4230]


def test_partitions_are_tried_each_by_itself():
    planned = [stale("a", "ra"), stale("b", "rb")]
    due, memory = look(planned)
    assert due == ["a", "b"]
    assert look([planned[0], stale("b", "rb2")], memory, now_s=5.0)[0] == ["b"]


def test_what_is_being_made_is_not_asked_for_and_its_attempts_are_not_forgotten():
    _, memory = look([stale("a", "ra")])
    due, memory = look([stale("a", "ra")], memory, now_s=120.0, free=())
    assert due == []
    assert memory.asked["a"] == Asked("ra", 1, 0.0)


@pytest.mark.parametrize(("requested", "due"), [((), []), ([("raw/trips", None)], [None])])
def test_what_reads_something_that_is_not_up_to_date_is_due_together_with_it_alone(requested, due):
    assert look([stale(recipe=None, waits=[[("raw/trips", None)]])], requested=requested)[0] == due


def test_what_lacks_an_input_is_never_due():
    assert look([stale(recipe=None, lacks=True)])[0] == []


def test_a_tick_of_the_schedule_opens_until_all_is_up_to_date_and_gives_new_attempts():
    memory = heed_tick(Memory(), 100.0)
    assert not memory.is_open  # the tick was before anybody looked
    memory = heed_tick(memory, 200.0)
    assert memory.is_open
    _, memory = look([stale()], memory, now_s=200.0)
    assert heed_tick(memory, 200.0).is_open
    assert memory.asked[""].times == 1
    assert heed_tick(memory, 300.0).asked == {}
    _, memory = look([Planned(STEP, None, "fresh", recipe="r1")], memory)
    assert not heed_tick(memory, 200.0).is_open


def test_what_is_remembered_can_be_written_and_read():
    memory = Memory({"2024-01": Asked("r", 2, 5.5)}, 3.0, is_open=True)
    assert Memory.read(memory.write()) == memory
    assert Memory.read(None) == Memory()
