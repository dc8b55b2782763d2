import json

import pytest

from mlwf_assets.errors import ModelError
from mlwf_assets.models.search import is_behind
from mlwf_assets.models.trials import (
    Final,
    Trial,
    Tried,
    best_of,
    merge_trials,
    read_trials,
    refit_rounds,
    write_trials,
)


def trial(number, *scores, share=1.0, state="complete"):
    return Trial(number, {"depth": number}, share, state, scores, (10 * number,) * len(scores), (1.5,) * len(scores))


NAN = float("nan")


def test_the_best_is_the_best_mean_over_all_folds():
    trials = [trial(0, 0.6, 0.7), trial(1, 0.9, 0.5), trial(2, 0.99, state="pruned"), trial(3, NAN, 0.9)]
    assert best_of(trials, higher_is_better=True).number == 1
    assert best_of(trials, higher_is_better=False).number == 0


def test_more_rows_count_more_than_a_better_score():
    trials = [trial(0, 0.9, share=0.1), trial(1, 0.7), trial(2, 0.8, state="pruned")]
    assert best_of(trials, higher_is_better=True).number == 1


def test_of_equal_trials_the_earlier_is_the_best():
    assert best_of([trial(1, 0.5), trial(0, 0.5)], higher_is_better=True).number == 0


def test_without_a_complete_trial_there_is_no_best():
    with pytest.raises(ModelError, match="at least one trial must be scored on all folds, however: none of 2"):
        best_of([trial(0, 0.5, state="pruned"), trial(1, NAN)], higher_is_better=True)


def test_the_final_model_is_trained_for_the_mean_of_the_rounds():
    assert refit_rounds(Trial(0, {}, 1.0, "complete", (0.5,) * 3, (10, 20, 36))) == 22
    assert refit_rounds(Trial(0, {}, 1.0, "complete", (0.5,), (0,))) == 0


def test_a_trial_is_behind_when_it_is_worse_than_the_median_of_as_many_folds():
    others = [trial(0, 0.5, 0.9), trial(1, 0.6, 0.1), trial(2, 0.7, 0.5)]
    assert is_behind(trial(3, 0.55), others, higher_is_better=True)
    assert not is_behind(trial(3, 0.6), others, higher_is_better=True)
    assert not is_behind(trial(3, 0.55), others, higher_is_better=False)
    assert is_behind(trial(3, 0.65), others, higher_is_better=False)
    assert is_behind(trial(3, 0.9, 0.4), others, higher_is_better=True) is False


def test_a_trial_is_compared_with_its_like_only():
    elsewhere = [trial(n, 0.9, share=0.5) for n in range(5)]
    assert not is_behind(trial(9, 0.1), elsewhere, higher_is_better=True)
    assert not is_behind(trial(9, 0.1), [trial(0, 0.9), trial(1, 0.9)], higher_is_better=True)


def test_a_score_that_cannot_be_told_is_behind():
    assert is_behind(trial(9, NAN), [trial(n, 0.5) for n in range(3)], higher_is_better=True)


def test_what_is_written_is_read_again_and_holds_no_seconds():
    tried = Tried((trial(0, 0.5, NAN), trial(1, 0.7, share=0.25, state="pruned")), Final((0,), (7,), 0.5))
    content = write_trials({"lightgbm": tried})
    assert b"1.5" not in content
    assert write_trials({"lightgbm": read_trials(json.loads(content), "lightgbm")}) == content


def test_the_files_of_several_families_become_one():
    one, other = (write_trials({name: Tried((trial(0, 0.5),), Final((0,), (0,), 1.0))}) for name in ("tabm", "linear"))
    assert list(json.loads(merge_trials([one, other]))) == ["linear", "tabm"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"linear": {}}, "KeyError: 'lightgbm'"),
        ([1, 2], "TypeError"),
        ({"lightgbm": {"trials": [{"number": 0}], "final": {}}}, "KeyError: 'params'"),
        (
            {"lightgbm": {"trials": [], "final": {"trials": [4], "subsample": 1, "rounds": [1]}}},
            r"trials \(4,\), which are not listed",
        ),
    ],
)
def test_another_file_is_no_trials_file(content, words):
    with pytest.raises(ModelError, match=f"models.replay must be a trials file with trials of lightgbm.*{words}"):
        read_trials(content, "lightgbm")
