import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_assets.models.epochs import Checkpoint, fingerprint_training, train
from mlwf_assets.models.families.base import Stopped


class Walk:
    """Learns nothing, but each epoch depends on all before it, like a real training."""

    def __init__(self):
        self.place = torch.zeros(3, dtype=torch.float64)
        self.epochs_run = []

    def run_epoch(self, epoch):
        self.epochs_run.append(epoch)
        self.place = torch.sin(self.place * 1.7 + epoch + 1)

    def weights(self):
        return {"place": self.place.clone()}

    def state(self):
        return {"place": self.place}

    def restore(self, state):
        self.place = state["place"]


def never():
    return False


def scores(*values):
    """Judge each epoch by a list."""
    left = iter(values)
    return lambda: next(left)


@pytest.mark.parametrize(
    ("values", "best", "run"),
    [
        ([0.1, 0.3, 0.2, 0.25, 0.9], 2, 4),
        ([0.5, 0.4, 0.3], 1, 3),
        ([0.1, 0.2, 0.3, 0.4, 0.5], 5, 5),
        ([0.3, 0.3, 0.3], 1, 3),
        ([float("nan"), 0.2, 0.1, float("nan")], 2, 4),
    ],
)
def test_training_ends_when_nothing_was_better_for_a_while(values, best, run):
    progress = train(Walk(), epochs=5, patience=2, judge=scores(*values), should_stop=never)
    assert (progress.best_epoch, progress.epochs) == (best, run)


def test_the_last_epoch_is_the_best_where_nothing_can_be_judged():
    judge = scores(*[float("nan")] * 4)
    assert train(Walk(), epochs=4, patience=2, judge=judge, should_stop=never).best_epoch == 4
    assert train(Walk(), epochs=4, patience=2, should_stop=never).best_epoch == 4


def test_weights_of_the_best_epoch_are_those_of_a_training_that_ends_there():
    early = train(Walk(), epochs=9, patience=3, judge=scores(1, 2, 5, 4, 3, 2), should_stop=never)
    fixed = train(Walk(), epochs=early.best_epoch, should_stop=never)
    assert torch.equal(early.weights["place"], fixed.weights["place"])


@settings(max_examples=25, deadline=None)
@given(stops=st.sets(st.integers(0, 9)), values=st.lists(st.floats(0, 1), min_size=10, max_size=10))
def test_a_training_that_is_stopped_gives_what_an_undisturbed_one_gives(tmp_path_factory, stops, values):
    checkpoint = Checkpoint(tmp_path_factory.mktemp("stops"), "walk")
    whole = train(Walk(), epochs=10, patience=4, judge=scores(*values), should_stop=never)
    ran = []
    while True:
        learner = Walk()
        judge = iter(values[len(ran) :])
        try:
            progress = train(
                learner,
                epochs=10,
                patience=4,
                judge=lambda judge=judge: next(judge),
                checkpoint=checkpoint,
                should_stop=lambda learner=learner: learner.epochs_run[-1] in stops,
            )
        except Stopped:
            ran += learner.epochs_run
            continue
        ran += learner.epochs_run
        break
    assert ran == list(range(whole.epochs))
    assert (progress.best_epoch, progress.scores) == (whole.best_epoch, whole.scores)
    assert torch.equal(progress.weights["place"], whole.weights["place"])
    assert list(checkpoint.folder.iterdir()) == []


def test_a_stop_after_the_last_epoch_loses_nothing(tmp_path):
    checkpoint = Checkpoint(tmp_path, "walk")
    learner = Walk()
    with pytest.raises(Stopped, match="after epoch 2 of at most 2"):
        train(learner, epochs=2, checkpoint=checkpoint, should_stop=lambda: len(learner.epochs_run) == 2)
    again = Walk()
    progress = train(again, epochs=2, checkpoint=checkpoint, should_stop=lambda: True)
    assert (again.epochs_run, progress.epochs) == ([], 2)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_damaged_checkpoint_is_not_taken_up(tmp_path_factory, data):
    checkpoint = Checkpoint(tmp_path_factory.mktemp("damaged"), "walk")
    checkpoint.write({"learner": Walk().state(), "progress": {"epochs": 1}})
    whole = bytearray(checkpoint.path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        checkpoint.path.write_bytes(whole[:place])
    else:
        whole[place] ^= 1
        checkpoint.path.write_bytes(whole)
    assert checkpoint.read() is None


def test_an_unfinished_write_changes_nothing(tmp_path):
    checkpoint = Checkpoint(tmp_path, "walk")
    checkpoint.write({"epochs": 3})
    checkpoint.path.with_suffix(".unfinished").write_bytes(b"half a")
    assert checkpoint.read() == {"epochs": 3}
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_checkpoint_of_another_training_is_left_alone(tmp_path):
    other = Checkpoint(tmp_path, "other")
    other.write({"learner": {"place": torch.ones(3)}, "progress": {"epochs": 7}})
    learner = Walk()
    train(learner, epochs=2, checkpoint=Checkpoint(tmp_path, "walk"), should_stop=never)
    assert learner.epochs_run == [0, 1]
    assert [path.name for path in tmp_path.iterdir()] == [other.path.name]


def test_every_setting_and_every_value_is_part_of_the_fingerprint():
    rows = torch.arange(6, dtype=torch.float32)
    changed = rows.clone()
    changed[3] = float(np.nextafter(np.float32(3), np.float32(4)))
    prints = [
        fingerprint_training([{"seed": 0}], [rows]),
        fingerprint_training([{"seed": 1}], [rows]),
        fingerprint_training([{"seed": 0}], [changed]),
        fingerprint_training([{"seed": 0}], [rows.reshape(2, 3)]),
        fingerprint_training([{"seed": 0}], [rows.to(torch.int32)]),
        fingerprint_training([{"seed": 0}], [rows, rows[:0]]),
    ]
    assert len(set(prints)) == len(prints)
    assert prints[0] == fingerprint_training([{"seed": 0}], [rows.clone()])
