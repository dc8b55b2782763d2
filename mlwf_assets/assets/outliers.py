"""outliers/TABLE: the odd training rows of a clean table, for people; nothing but the report reads them."""

import json
from collections.abc import Callable
from typing import Any

from mlwf_assets.assets.columns import of_use
from mlwf_assets.assets.markdown import as_table
from mlwf_assets.assets.published import as_csv
from mlwf_assets.assets.step import Input, Output, Results, Step, Work
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.workflow import Workflow

LISTED = "outliers.csv"
SUMMARY = "odd.json"
_TRAIN = "datasets/train"
_COLUMNS = {
    "_score": "how soon an isolation forest sets the row apart: 0.5 for one among the others, up to 1",
    "_why": "which of its values are rare",
}


def outlier_steps(workflow: Workflow) -> list[Step]:
    """Make a step for each table, after the split: training rows alone are looked at."""
    return [_outlier_step(workflow, name) for name in workflow.tables]


def _outlier_step(workflow: Workflow, name: str) -> Step:
    key = list(workflow.tables[name].key)
    return Step(
        outputs=(
            Output(
                f"outliers/{name}",
                f"The oddest training rows of {name}, by isolation forest, each with what is unusual about it. "
                "Nothing is taken away: a row that should not be learned needs a rule.",
                kinds=("sklearn", "csv"),
                columns=_COLUMNS,
                published={LISTED: f"outliers/{name}.csv"},
            ),
        ),
        inputs=(Input(f"clean/{name}", back=None, columns=of_use(workflow, name)), Input(_TRAIN)),
        compute=_finder(workflow, name),
        settings=[key, name == workflow.examples.table, workflow.splits.seed],
        libraries=("scikit-learn", "numpy", "pyarrow"),
        preload=("sklearn.ensemble",),
    )


def _finder(workflow: Workflow, name: str) -> Callable[[Work], Results]:
    def find(work: Work) -> Results:
        from mlwf_assets.cleaning.outliers import find_odd_rows, known_by
        from mlwf_assets.features.alignment import find_rows

        rows, train = work.read(f"clean/{name}"), work.read(_TRAIN)
        key = workflow.tables[name].key
        if name == workflow.examples.table:
            rows = rows.take(find_rows(rows, train, key=workflow.example_key, name=f"clean/{name}"))
            among = "the training examples"
        else:
            rows, among = known_by(rows, train)
        found = find_odd_rows(rows, key=key, among=among, seed=workflow.splits.seed)
        yield None, {f"outliers/{name}": _to_result(found.table, found.summary())}

    return find


def _to_result(rows: Any, summary: dict[str, Any]) -> Result:
    """The rows as a file for people, and the summary, which belongs to the content, for the report tells it."""
    oddest = [[one["row"], f"{one['score']:.3f}", one["why"]] for one in summary["oddest"]]
    shown = {
        "rows looked at": summary["looked_at"],
        "which": summary["among"],
        "odd rows": summary["listed"],
        "none, because": summary["because"],
        "the oddest": as_table(["row", "score", "why"], oddest) if oddest else "",
    }
    files = {LISTED: as_csv(rows), SUMMARY: json.dumps(summary, sort_keys=True).encode()}
    return Result(rows, metadata=shown, files=files)


def odd_rows(work: Work, workflow: Workflow) -> list[dict[str, Any]]:
    """Return what the report tells of each table's odd rows."""
    return [{"table": name, **json.loads(work.file(f"outliers/{name}", SUMMARY))} for name in workflow.tables]
