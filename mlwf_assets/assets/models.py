"""models/*: one asset per family, their blend, and all of them side by side."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from mlwf_assets.assets.own_code import own_code
from mlwf_assets.assets.step import Input, Output, Results, Step, Work
from mlwf_assets.lake.fingerprint import hash_bytes
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.extensions import Family, Metric
from mlwf_assets.spec.models import GpuRequest
from mlwf_assets.spec.workflow import Workflow

if TYPE_CHECKING:
    from mlwf_assets.gpu.entries import Request

NO_TEST = "test_rows_are_not_read"
_CHECK = {NO_TEST: "No model has test rows among its inputs."}
_SEEN = ("train", "validation")
_MATRIX = "features/matrix"
_PREDICTION_COLUMNS = {
    "fold": "the fold that judged the row",
    "prediction": "what was said without having seen the row",
}
_WEIGHT_COLUMN = {"weight": "the family's share of the blend"}
_MEMBER_COLUMNS = {
    "member": "the family",
    "words": "what it is",
    "score": "the metric on out-of-fold rows, mean over folds",
    **_WEIGHT_COLUMN,
}
_LEADERBOARD_COLUMNS = {
    "place": "1 is the best",
    "model": "a family, the blend, today's process, or the base rate",
    "words": "what it is",
    "score": "the metric on out-of-fold rows, mean over folds",
    "spread": "standard deviation over folds",
    "worst_fold": "the metric on the worst fold",
    "best_fold": "the metric on the best fold",
    "trials": "how many configurations were tried",
    "rounds": "how many rounds the model was trained for",
    **_WEIGHT_COLUMN,
}

_CURVE_COLUMNS = {
    "share": "of the rows that models learn from",
    "rows": "how many these are, on average over the folds",
    "score": "the metric on out-of-fold rows, mean over folds",
    "spread": "standard deviation over folds",
}


def model_steps(workflow: Workflow) -> list[Step]:
    """Make a step per family, then the blend and the leaderboard."""
    families = list(workflow.models.families)
    return [
        *(_family_step(workflow, name) for name in families),
        _ensemble_step(workflow, families),
        _leaderboard_step(workflow, families),
        *([_learning_curve_step(workflow, families)] if workflow.models.learning_curve else []),
    ]


def example_key(workflow: Workflow) -> list[str]:
    """Return the columns that name an example."""
    return list(workflow.example_key)


def problem_kind(workflow: Workflow, matrix: pa.Table) -> Any:
    """Return binary, multiclass or regression.

    Raises:
        SpecError: if the file names a metric that such a problem does not have.
    """
    from mlwf_assets.datasets.labels import label_kind
    from mlwf_assets.spec.metrics import check_metrics
    from mlwf_assets.spec.mistakes import error

    kind = label_kind(workflow.examples, matrix.schema.field("label").type)
    if mistakes := list(check_metrics(workflow, {kind})):
        raise error(workflow.file, workflow.lines, mistakes)
    return kind


def _family_step(workflow: Workflow, name: str) -> Step:
    from mlwf_assets.models.budget import budget_shares

    spec, known = workflow.models, _FAMILIES.get(name, _OWN)
    share = budget_shares(spec.families)[name]
    settings = spec.model_dump(mode="json", exclude={"families", "gpu", "replay", "learning_curve"})
    return Step(
        outputs=(
            Output(
                f"models/{name}",
                f"The {name} family, tuned: its best model, its trials, its out-of-fold predictions.",
                kinds=(known.kind, "mlflow"),
                checks=_CHECK,
                columns=_PREDICTION_COLUMNS,
                published={"trials.json": f"trials/{name}.json"},
            ),
        ),
        inputs=(Input(_MATRIX),),
        compute=_trainer(workflow, name, share),
        settings=[name, settings, share, workflow.examples.kind, example_key(workflow)],
        libraries=("numpy", "pandas", *known.libraries),
        # under which lease it was trained changes no result
        without=(*_modules(but=name), "mlwf_assets.assets.leased", "mlwf_assets.assets.gpu_pod", *_GPU),
        own=own_code(
            workflow, [*workflow.own.of(Metric), *(one for one in workflow.own.of(Family) if one.name == name)]
        ),
        preload=known.preload,
        pod=_pod(workflow, name),
        external=lambda _: _replay_fingerprint(workflow),
    )


class _Known(NamedTuple):
    """What is known of a family without importing it.

    Attributes:
        kind: its badge.
        libraries: distributions whose versions its results depend on.
        preload: modules that are imported before the clock of the work starts.
        module: where its code stands; the registry leads to all of them, and a result depends on its own.
        on_gpu: whether it trains under a lease where the workflow asks for one.
    """

    kind: str
    libraries: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    module: str = ""
    on_gpu: bool = False


_FAMILIES = {
    "base_rate": _Known("numpy", ("optuna",), ("optuna",), "mlwf_assets.models.families.base_rate"),
    "linear": _Known(
        "linear", ("scipy", "threadpoolctl", "optuna"), ("scipy.optimize", "scipy.sparse", "optuna"),
        "mlwf_assets.models.families.linear",
    ),
    "lightgbm": _Known(
        "lightgbm", ("lightgbm", "optuna"), ("lightgbm", "optuna"), "mlwf_assets.models.families.lightgbm"
    ),
    "extra_trees": _Known(
        "scikitlearn", ("scikit-learn", "optuna"), ("sklearn.ensemble", "optuna"),
        "mlwf_assets.models.families.extra_trees",
    ),
    "hist_gradient_boosting": _Known(
        "scikitlearn", ("scikit-learn", "scipy", "threadpoolctl", "optuna"), ("sklearn.ensemble", "optuna"),
        "mlwf_assets.models.families.hist_gradient_boosting",
    ),
    # Not imported ahead: it may be missing, and then the registry says what to do.
    "catboost": _Known("python", ("catboost", "optuna"), ("optuna",), "mlwf_assets.models.families.catboost"),
    "tabm": _Known(
        "pytorch", ("torch", "tabm", "rtdl_num_embeddings", "optuna"), ("torch", "tabm"),
        "mlwf_assets.models.families.tabm", on_gpu=True,
    ),
}  # fmt: skip
_GPU = ("mlwf_assets.gpu.client", "mlwf_assets.gpu.leases")
_OWN = _Known("python", ("optuna",), ("optuna",))


def _modules(but: str = "") -> tuple[str, ...]:
    return tuple(known.module for name, known in _FAMILIES.items() if name != but)


def _replay_file(workflow: Workflow) -> Path | None:
    return workflow.folder / workflow.models.replay if workflow.models.replay else None


def _replay_fingerprint(workflow: Workflow) -> str:
    file = _replay_file(workflow)
    return hash_bytes(file.read_bytes()) if file is not None else ""


def _trainer(workflow: Workflow, name: str, share: float) -> Callable[[Work], Results]:
    def train(work: Work) -> Results:
        from mlwf_assets.assets.tracking import log_trials
        from mlwf_assets.models.family import train_family
        from mlwf_assets.models.own_metrics import own_metrics

        matrix = work.read(_MATRIX)
        seconds = workflow.models.budget.seconds
        kind = problem_kind(workflow, matrix)
        replay = _replay_file(workflow)
        interrupted = work.home / "tuning" / workflow.name / name / work.recipes[None][:16]
        arguments = {
            "matrix": matrix,
            "features": json.loads(work.file(_MATRIX, "features.json")),
            "spec": workflow.models,
            "kind": kind,
            "key": example_key(workflow),
            "budget_s": seconds.total_seconds() * share if seconds is not None else None,
            "checkpoint_dir": interrupted,
            "replay": json.loads(replay.read_bytes()) if replay is not None else None,
            "own": workflow.own,
        }
        shown: Mapping[str, Any] = {}
        asked = workflow.models.gpu
        if asked is not None and _FAMILIES.get(name, _OWN).on_gpu:
            made, shown = _train_leased(work, workflow, asked, name, arguments)
        else:
            with own_metrics(workflow.own):
                made = train_family(name, report=work.report, **arguments)
        result = Result(made.table, files=made.files, metadata=made.metadata, key=made.key)
        link = log_trials(work, workflow, name, made)
        yield None, {f"models/{name}": _checked(result, matrix, {"trials in MLflow": link, **shown})}
        # Now that the result stands in the lake, nobody takes up the search again.
        shutil.rmtree(interrupted, ignore_errors=True)

    return train


def _train_leased(
    work: Work, workflow: Workflow, asked: GpuRequest, name: str, arguments: Mapping[str, Any]
) -> tuple[Any, Mapping[str, Any]]:
    """Train in a child process, under a lease of the quota's GPUs; and what is shown of it."""
    from mlwf_assets.assets.gpu_pod import run_in_pod
    from mlwf_assets.assets.leased import run_leased
    from mlwf_assets.gpu.client import Client

    request = _request(workflow, asked, name, work.run_id)
    function, arguments = "mlwf_assets.assets.leased:train_leased", {"name": name, **arguments}
    if asked.backend == "kubernetes":
        outcome = run_in_pod(request, function, arguments, log=work.report)
    else:
        outcome = run_leased(Client(), request, function, arguments, log=work.report)
    return outcome.value, outcome.metadata


def _request(workflow: Workflow, asked: GpuRequest, name: str, run_id: str = "") -> "Request":
    from mlwf_assets.gpu.leases import make_request

    return make_request(
        queue=asked.queue, gpus=asked.gpus, memory_mib=asked.memory_mib, requeue=True,
        priority=50 if asked.priority is None else asked.priority,
        name=f"{workflow.name}/models/{name}-{run_id[:8]}", workflow=workflow.name, asset=f"models/{name}",
    )  # fmt: skip


def _pod(workflow: Workflow, name: str) -> Mapping[str, Any] | None:
    """What the pod of a family's step asks for, where a cluster's scheduler is asked."""
    asked = workflow.models.gpu
    if asked is None or asked.backend != "kubernetes" or not _FAMILIES.get(name, _OWN).on_gpu:
        return None
    from mlwf_assets.assets.gpu_pod import pod_config

    return pod_config(_request(workflow, asked, name), grace_s=asked.grace_s)


def _checked(result: Result, matrix: pa.Table, shown: Mapping[str, Any] | None = None) -> Result:
    """Add the outcome of the check that all rows were there to be learned from."""
    splits = sorted(set(matrix["split"].unique().to_pylist()))
    outcome = {
        "passed": set(splits) <= set(_SEEN),
        "description": f"The matrix holds {matrix.num_rows:,} rows, all of {' and '.join(splits)}.",
        "metadata": {"inputs": _MATRIX, "splits": ", ".join(splits)},
    }
    return replace(result, metadata={**result.metadata, **(shown or {}), "checks": {NO_TEST: outcome}})


def _members(work: Work, families: Sequence[str]) -> dict[str, tuple[pa.Table, dict[str, bytes]]]:
    return {name: (work.read(f"models/{name}"), work.files(f"models/{name}")) for name in families}


def _ensemble_step(workflow: Workflow, families: Sequence[str]) -> Step:
    def blend_members(work: Work) -> Results:
        from mlwf_assets.models.ensemble import blend
        from mlwf_assets.models.own_metrics import own_metrics

        matrix = work.read(_MATRIX)
        with own_metrics(workflow.own):
            result = blend(
                _members(work, families),
                matrix,
                spec=workflow.models,
                costs=workflow.evaluation.costs,
                kind=problem_kind(workflow, matrix),
                key=example_key(workflow),
            )
        yield None, {"models/ensemble": _checked(result, matrix)}

    return Step(
        outputs=(
            Output(
                "models/ensemble",
                "The blend of the families, calibrated, with its threshold: what is evaluated and deployed.",
                kinds=("numpy",),
                checks=_CHECK,
                columns=_MEMBER_COLUMNS,
                published={"trials.json": "trials/all.json"},
            ),
        ),
        inputs=(Input(_MATRIX), *(Input(f"models/{name}") for name in families)),
        compute=blend_members,
        settings=[_judging(workflow), workflow.evaluation.costs.model_dump(mode="json")],
        libraries=("numpy", "scipy"),
        without=_modules(),
        own=own_code(workflow, workflow.own.of(Metric)),
    )


def _leaderboard_step(workflow: Workflow, families: Sequence[str]) -> Step:
    def compare(work: Work) -> Results:
        from mlwf_assets.assets.model_pictures import draw_leaderboard
        from mlwf_assets.models.family import PREDICT_SECONDS
        from mlwf_assets.models.leaderboard import leaderboard
        from mlwf_assets.models.own_metrics import own_metrics

        matrix = work.read(_MATRIX)
        with own_metrics(workflow.own):
            result = leaderboard(
                _members(work, families),
                (work.read("models/ensemble"), work.files("models/ensemble")),
                matrix,
                spec=workflow.models,
                kind=problem_kind(workflow, matrix),
                key=example_key(workflow),
            )
        seconds = {name: work.entries(f"models/{name}")[0].metadata.get(PREDICT_SECONDS) for name in families}
        picture = {"score against prediction time": draw_leaderboard(result.table, seconds)}
        yield None, {"models/leaderboard": _checked(result, matrix, picture)}

    return Step(
        outputs=(
            Output(
                "models/leaderboard",
                "Every model side by side on the out-of-fold rows, with today's process and the base rate.",
                kinds=("table",),
                checks=_CHECK,
                columns=_LEADERBOARD_COLUMNS,
            ),
        ),
        inputs=(Input(_MATRIX), *(Input(f"models/{name}") for name in families), Input("models/ensemble")),
        compute=compare,
        settings=[_judging(workflow)],
        libraries=("numpy",),
        without=(*_modules(), "mlwf_assets.assets.model_pictures"),
        own=own_code(workflow, workflow.own.of(Metric)),
    )


def _learning_curve_step(workflow: Workflow, families: Sequence[str]) -> Step:
    def draw_curve(work: Work) -> Results:
        from mlwf_assets.assets.model_pictures import draw_learning_curve
        from mlwf_assets.models.learning import curve_of_best
        from mlwf_assets.models.own_metrics import own_metrics

        matrix = work.read(_MATRIX)
        with own_metrics(workflow.own):
            result = curve_of_best(
                _members(work, families),
                matrix,
                spec=workflow.models,
                kind=problem_kind(workflow, matrix),
                key=example_key(workflow),
                report=work.report,
                own=workflow.own,
            )
        picture = {"picture": draw_learning_curve(result.table, metric=str(result.metadata["metric"]))}
        yield None, {"models/learning_curve": _checked(result, matrix, picture)}

    libraries = {library for name in families for library in _FAMILIES.get(name, _OWN).libraries}
    return Step(
        outputs=(
            Output(
                "models/learning_curve",
                "The best family by how many rows it learned from: whether more data would help.",
                kinds=("numpy",),
                checks=_CHECK,
                columns=_CURVE_COLUMNS,
            ),
        ),
        inputs=(Input(_MATRIX), *(Input(f"models/{name}") for name in families)),
        compute=draw_curve,
        settings=[_judging(workflow), workflow.models.folds],
        libraries=("numpy", "pandas", *sorted(libraries)),
        without=("mlwf_assets.assets.model_pictures",),
        own=own_code(workflow, [*workflow.own.of(Metric), *workflow.own.of(Family)]),
    )


def _judging(workflow: Workflow) -> list[Any]:
    return [workflow.models.metric, workflow.models.seed, workflow.examples.kind, example_key(workflow)]
