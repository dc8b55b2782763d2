import copy
import functools
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import optuna
import pandas as pd
import pytest
import rtdl_num_embeddings
import tabm
import torch
from torch.utils import deterministic

from mlwf_assets.models.families.base import Context, Problem, Rows, Stopped
from mlwf_assets.models.families.tabm import PREDICTED_ROWS, TabM, find_pace
from mlwf_assets.models.families.tabm_design import make_design
from mlwf_assets.models.families.tabm_learner import Learner, to_tensors
from mlwf_assets.models.families.tabm_network import Network, embed_numbers
from mlwf_assets.models.families.tabular_tensors import fit_encoder
from mlwf_assets.models.families.torch_settings import torch_settings
from mlwf_assets.models.metrics import find_metric
from mlwf_assets_tests.models import tabm_child
from mlwf_assets_tests.models.tabm_child import PARAMS, ROUNDS, fit, make_problem, make_rows

KINDS = ["binary", "multiclass", "regression"]


def written(model, folder):
    folder.mkdir()
    model.save(folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def score(model, kind, rows):
    metric = make_problem(kind).metric
    return float(metric.prepare(rows.y, model.predict(rows.frame), 0.5)(np.ones((1, len(rows.y))))[0])


@pytest.fixture(scope="module")
def early():
    """By kind: a model that early stopping made."""
    return functools.cache(lambda kind: fit(rounds=None, kind=kind))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The files of a training that nobody stopped."""
    return written(fit(), tmp_path_factory.mktemp("undisturbed") / "model")


def test_a_training_that_is_killed_again_and_again_ends_in_the_same_model(tmp_path, undisturbed, full):
    rng = np.random.default_rng(0)
    checkpoints, result = tmp_path / "checkpoints", tmp_path / "model"
    kills, deadline = 0, time.monotonic() + 240
    while time.monotonic() < deadline:
        command = [sys.executable, "-m", tabm_child.__name__, str(checkpoints), str(result)]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        before = read_all(checkpoints)
        if kills < (ROUNDS - 1 if full else 1):
            # Killed at any moment after at least one epoch more: sometimes while it writes.
            while child.poll() is None and read_all(checkpoints) == before:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.05))
            child.send_signal(signal.SIGKILL)
        if child.wait(timeout=120) == 0:
            break
        assert child.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 1
    assert {path.name: path.read_bytes() for path in sorted(result.iterdir())} == undisturbed
    assert list(checkpoints.iterdir()) == []


def read_all(folder):
    try:
        return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.checkpoint")}
    except FileNotFoundError:  # a training that ends removes its checkpoint
        return {}


def test_a_training_that_is_stopped_after_every_epoch_ends_in_the_same_model(tmp_path, undisturbed):
    stops = 0
    while True:
        try:
            model = fit(tmp_path / "checkpoints", should_stop=lambda: True)
        except Stopped:
            stops += 1
            continue
        break
    assert stops == ROUNDS
    assert written(model, tmp_path / "model") == undisturbed
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_early_stopping_is_resumed_with_its_history(tmp_path, early):
    whole, kind = early("multiclass"), "multiclass"
    asked = iter([False, False, True] * 200)
    while True:
        try:
            model = fit(tmp_path / "checkpoints", rounds=None, kind=kind, should_stop=lambda: next(asked))
        except Stopped:
            continue
        break
    assert model.rounds == whole.rounds
    assert written(model, tmp_path / "a") == written(whole, tmp_path / "b")


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_rounds_as_early_stopping_chose_give_the_same_model(tmp_path, early, kind):
    model = early(kind)
    assert model.rounds > 1
    assert written(model, tmp_path / "early") == written(fit(rounds=model.rounds, kind=kind), tmp_path / "fixed")


@pytest.mark.parametrize("change", [{"seed": 1}, {"params": PARAMS | {"weight_decay": 0.02}}, {"rounds": ROUNDS + 1}])
def test_a_checkpoint_of_another_training_is_left_alone(tmp_path, change, undisturbed):
    with pytest.raises(Stopped):
        fit(tmp_path / "checkpoints", should_stop=lambda: True, **change)
    (left,) = (tmp_path / "checkpoints").iterdir()
    assert written(fit(tmp_path / "checkpoints"), tmp_path / "model") == undisturbed
    assert list((tmp_path / "checkpoints").iterdir()) == [left]


def test_a_damaged_checkpoint_costs_time_and_changes_nothing(tmp_path, undisturbed, caplog):
    with pytest.raises(Stopped):
        fit(tmp_path / "checkpoints", should_stop=lambda: True)
    (path,) = (tmp_path / "checkpoints").iterdir()
    os.truncate(path, path.stat().st_size // 2)
    assert written(fit(tmp_path / "checkpoints"), tmp_path / "model") == undisturbed
    assert "starts again at the first epoch" in caplog.text


def test_the_order_of_parameters_changes_nothing(tmp_path, undisturbed):
    assert written(fit(params=dict(reversed(PARAMS.items()))), tmp_path / "model") == undisturbed


def test_torch_is_left_as_it_was(tmp_path):
    torch.set_num_threads(2)
    torch.manual_seed(5)

    def look():
        modes = torch.get_deterministic_debug_mode(), deterministic.fill_uninitialized_memory
        return torch.get_num_threads(), *modes, torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()  # noqa: NPY002 (that it is not touched)

    before = look()
    model = fit(rounds=2)
    model.predict(make_rows().frame)
    model.save(tmp_path)
    TabM().load(tmp_path)
    with pytest.raises(Stopped):
        fit(should_stop=lambda: True)
    assert look() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_predicted_alike_at_every_place_among_any_others(kind, full):
    model, frame = fit(rounds=2, kind=kind), make_rows(kind, 3 * PREDICTED_ROWS).frame
    whole = model.predict(frame)
    rng = np.random.default_rng(0)
    for _ in range(200 if full else 10):
        rows = rng.permutation(len(frame))[: rng.integers(1, len(frame))]
        assert np.array_equal(model.predict(frame.iloc[rows]), whole[rows])
    assert len(model.predict(frame.iloc[:0])) == 0


def test_it_learns_what_no_line_can_tell(early):
    assert score(early("binary"), "binary", make_rows(rows=1000, seed=9)) > 0.93
    rows = make_rows("regression", rows=1000, seed=9)
    assert score(early("regression"), "regression", rows) < 0.6 * rows.y.std()


def test_members_differ_and_are_averaged():
    model, frame = fit(rounds=2), make_rows().frame
    numbers, codes = (torch.from_numpy(each) for each in vars(model._encoder.encode(frame)).values())
    said = model._network(numbers, codes)[..., 0].double().sigmoid().numpy()
    assert said.shape == (PARAMS["k"], len(frame))
    assert said.std(axis=0).min() > 0
    assert np.allclose(said.mean(axis=0), model.predict(frame), atol=1e-6)


@pytest.mark.parametrize("members", [1, 5])
@pytest.mark.parametrize("blocks", [1, 3])
def test_the_network_says_what_the_authors_package_says(blocks, members):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    edges = [np.sort(rng.normal(size=size)).astype(np.float32) for size in (9, 4, 9)]
    network = Network(edges=edges, gaps=1, cardinalities=[4, 30], outputs=2, k=members, blocks=blocks, width=12,
                      embedding=3, own_codes=2)  # fmt: skip
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    lows, highs = (torch.tensor([each[place] for each in edges]) for place in (0, -1))
    numbers = torch.cat([lows + torch.rand(50, 3) * (highs - lows), torch.rand(50, 1).round()], dim=1)
    codes = torch.stack([torch.randint(4, (50,)), torch.randint(30, (50,))], dim=1)
    inputs = network.embed(numbers, codes)
    reference = tabm.TabM(n_num_features=inputs.shape[1], d_out=2, n_blocks=blocks, d_block=12, dropout=0.0,
                          activation="ReLU", k=members, arch_type="tabm", start_scaling_init="normal")  # fmt: skip
    ours = network.state_dict()
    reference.load_state_dict({name: ours[name] for name in reference.state_dict()})
    assert torch.allclose(network(numbers, codes), reference(inputs).transpose(0, 1), rtol=1e-4, atol=1e-3)
    embedded = network.number(numbers[:, :3])
    assert isinstance(network.number, rtdl_num_embeddings.PiecewiseLinearEmbeddings)
    assert torch.allclose(embed_numbers(network.number, numbers[:, :3]), embedded, rtol=1e-4, atol=1e-4)


def test_frames_without_anything_to_see_are_predicted_at_the_base_rate():
    frame = pd.DataFrame({"same": np.ones(200)})
    problem = Problem("binary", [{"name": "same", "kind": "numeric"}], 2, find_metric("log_loss"))
    y = (np.arange(200) % 4 == 0).astype(int)
    model = TabM().fit(PARAMS, Rows(frame, y), None, problem=problem, context=Context(threads=1), rounds=60)
    assert model.predict(frame[:3]) == pytest.approx([0.25] * 3, abs=0.05)


@pytest.mark.parametrize("rows", [30, 5_000, 300_000])
def test_defaults_lie_in_the_search_space(rows):
    problem = make_problem()
    for default in TabM().defaults(problem, rows=rows):
        assert json.loads(json.dumps(default)) == default
        trial = optuna.trial.FixedTrial(default)
        assert TabM().suggest(trial, problem, rows=rows) == default


@pytest.mark.parametrize("rows", [1, 2, 30, 999, 20_000, 10**6])
def test_a_pace_has_steps_and_an_end(rows):
    pace = find_pace(rows, most_batch_rows=1024)
    assert 64 <= pace.batch_rows <= 1024
    assert 1 <= pace.patience < pace.epochs <= 240
    assert rows / pace.batch_rows >= 100 or pace.batch_rows == 64


@pytest.mark.parametrize("slices", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_that_of_plain_autograd_and_adamw(kind, slices):
    """However a batch is sliced; a gradient that lies otherwise in memory than its weights once went astray."""
    problem, rows = make_problem(kind), make_rows(kind, 203)
    encoder = fit_encoder(rows.frame, problem.features)
    design = make_design(problem, PARAMS | {"averaging": 0.0, "weight_decay": 0.0}, rows.y)
    torch.manual_seed(0)
    network, inputs, target = design.network(encoder), to_tensors(encoder.encode(rows.frame)), design.target(rows.y)
    reference = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(reference.parameters(), lr=PARAMS["learning_rate"], weight_decay=0.0, fused=False)
    for _ in range(3):
        optimizer.zero_grad()
        design.loss(reference(*inputs), target).backward()
        torch.nn.utils.clip_grad_norm_(reference.parameters(), 1.0)
        optimizer.step()
    with ThreadPoolExecutor(2) as pool:
        learner = Learner(design, network, inputs, target, seed=0, batch_rows=203, slices=slices, pool=pool)
        for epoch in range(3):
            learner.run_epoch(epoch)
    for name, expected in reference.state_dict().items():
        assert torch.allclose(learner.state()["network"][name], expected, rtol=1e-2, atol=2e-3), name
        assert torch.equal(learner.weights()[name], learner.state()["network"][name])


def test_two_cores_give_the_same_bits_every_time():
    """A batch of 1,024 rows is cut in two; which half is ready first must make no difference."""
    rows, problem = make_rows(rows=2048), make_problem()
    encoder = fit_encoder(rows.frame, problem.features)
    design = make_design(problem, PARAMS, rows.y)
    inputs, target = to_tensors(encoder.encode(rows.frame)), design.target(rows.y)

    def learn(workers):
        with torch_settings(seed=0), ThreadPoolExecutor(workers) as pool:
            learner = Learner(design, design.network(encoder), inputs, target, seed=0, batch_rows=1024, slices=2,
                              pool=pool)  # fmt: skip
            for epoch in range(4):
                learner.run_epoch(epoch)
            return learner.weights()

    first, *others = [learn(workers) for workers in (1, 2, 2, 2)]
    for other in others:
        assert all(torch.equal(first[name], other[name]) for name in first)
