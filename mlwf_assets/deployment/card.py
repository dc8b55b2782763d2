"""The model card: what a person reads on a model version's page in MLflow.

Markdown, from a candidate and a decision alone. Links are paths without host and port: they resolve below
the gateway of `mlwf up`, on whatever port it stands.
"""

from collections.abc import Iterable

from mlwf_assets.deployment.candidate import Candidate
from mlwf_assets.deployment.gate import Decision

# MLflow's column on databases that enforce lengths.
_MAX_CHARACTERS = 5000
_SHOWN_FEATURES = 12
_SPACE = "&emsp;"


def write_card(candidate: Candidate, decision: Decision) -> str:
    """The card, at most 5,000 characters."""
    parts = [
        f"# {candidate.registered_model}",
        candidate.question,
        "## How good it is on the test rows",
        _table(("metric", "value", "95 % interval"), _metric_rows(candidate)),
        "\n".join(f"- {reason}" for reason in decision.reasons),
        "## Where it comes from",
        "\n".join(f"- {line}" for line in _origin_lines(candidate)),
        "## What it takes and gives",
        _usage(candidate),
        _features(candidate),
    ]
    text = "\n\n".join(part for part in parts if part)
    return text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 2].rstrip() + " …"


def _metric_rows(candidate: Candidate) -> Iterable[tuple[str, ...]]:
    for name, value in candidate.metrics.items():
        low_high = candidate.intervals.get(name)
        yield name, f"{value:.4g}", f"{low_high[0]:.4g} to {low_high[1]:.4g}" if low_high else ""


def _origin_lines(candidate: Candidate) -> Iterable[str]:
    origin = candidate.origin
    if origin.run_id:
        yield f"[Dagster run {origin.run_id[:8]}]({origin.run_link()})"
    if origin.asset:
        yield f"[asset {origin.asset}]({origin.asset_link()})"
    if candidate.report_link:
        yield f"[report]({candidate.report_link})"
    if origin.partitions:
        yield f"partitions {origin.partitions_in_words()}"
    for table, version in origin.tables.items():
        yield f"table `{table}`: {version}"
    if candidate.owner:
        yield f"owner: {candidate.owner}"


def _usage(candidate: Candidate) -> str:
    gives = {
        "binary": f"the probability of *{candidate.positive}*, an array (rows,); "
        f"decisions are made at {candidate.threshold:.4g}",
        "multiclass": f"probabilities, an array (rows, {len(candidate.classes)}) in the order "
        + ", ".join(f"`{name}`" for name in candidate.classes),
        "regression": "the value, an array (rows,)",
    }[candidate.kind]
    uri = f"models:/{candidate.registered_model}@{candidate.alias}"
    return (
        f'```python\nmodel = mlflow.pyfunc.load_model("{uri}")\nmodel.predict(frame)\n```\n\n'
        f'gives {gives}. With `params={{"output": "label"}}` it gives classes, with `"table"` both.'
    )


def _features(candidate: Candidate) -> str:
    rows = [(f"`{f['name']}`", str(f.get("words", ""))) for f in candidate.features[:_SHOWN_FEATURES]]
    rest = len(candidate.features) - len(rows)
    more = f"\n\nand {rest} more: see features.json." if rest > 0 else ""
    return _table((f"{len(candidate.features)} features", "in words"), rows) + more


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    # MLflow draws tables without any space between columns: each cell brings its own.
    lines = [head, tuple("---" for _ in head), *rows]
    texts = [[cell.replace("|", "\\|") + (_SPACE if line is not lines[1] else "") for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in texts)
