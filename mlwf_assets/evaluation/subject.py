"""What the workflow's file says about the model, in the words that a report needs; and its condition for success.

No numbers are computed here: the verdict takes metrics that are known already.
"""

import math
import re
from collections.abc import Mapping, Sequence

from mlwf_assets.evaluation.record import Subject, UsedDefault, Verdict
from mlwf_assets.models.metrics import default_metric, find_metric
from mlwf_assets.spec.defaults import used_defaults
from mlwf_assets.spec.names import Kind
from mlwf_assets.spec.project import Success
from mlwf_assets.spec.tables import Column, Table
from mlwf_assets.spec.workflow import Workflow


def describe_subject(workflow: Workflow, *, kind: Kind, class_words: Sequence[str]) -> Subject:
    """Put together what the model is about.

    Example:
        >>> w = Workflow.model_validate({"name": "w", "project": {"question": "?"}, "sources": {"sales": "s.csv"},
        ...     "tables": {"sales": {"columns": {"eur": {"unit": "EUR", "description": "the price"}}}},
        ...     "examples": {"table": "sales", "label": "eur"}})
        >>> subject = describe_subject(w, kind="regression", class_words=())
        >>> subject.label, subject.unit, subject.noun, subject.metric
        ('the price', 'EUR', 'sales', 'rmse')
    """
    project, examples = workflow.project, workflow.examples
    label = workflow.tables.get(examples.table, Table()).columns.get(examples.label, Column())
    name = examples.table.replace("_", " ")
    return Subject(
        workflow=workflow.name,
        description=workflow.description,
        question=project.question,
        owner=project.owner,
        process_today=project.process_today.description if project.process_today else "",
        label=label.description or examples.label,
        label_is_sql=not label.description,
        cutoff=examples.cutoff or "",
        noun=name if name.endswith("s") else f"rows of {name}",
        kind=kind,
        metric=workflow.models.metric or default_metric(kind),
        class_words=tuple(class_words),
        unit=label.unit,
        costs="costs" in workflow.evaluation.model_fields_set,
        registered_model=workflow.deployment.registered_model if workflow.deployment else "",
    )


def judge(
    success: Success | None, test: Mapping[str, float], validation: Mapping[str, float], *, kind: Kind
) -> Verdict:
    """Hold the condition for success against the metrics.

    Args:
        success: the condition; None: there is none.
        test: metric -> value on the test rows.
        validation: metric -> value before the test.
        kind: of the problem.
    Example:
        >>> bound = Success(metric="roc_auc", comparison=">=", bound=0.7)
        >>> judge(bound, {"roc_auc": 0.72}, {}, kind="binary").words
        'ROC AUC on test must be at least 0.7; it is 0.720.'
    """
    if success is None:
        return Verdict(None, "The workflow states no condition for success (project.success).")
    words = {">=": "at least", ">": "above", "<=": "at most", "<": "below"}[success.comparison]
    metric = find_metric(success.metric, kind)
    must = f"{metric.label} on {success.split} must be {words} {success.bound:g}"
    value = (test if success.split == "test" else validation).get(success.metric)
    if value is None:
        return Verdict(None, f"{must}; it is not known on these rows.", success.metric, success.bound)
    if math.isnan(value):
        return Verdict(False, f"{must}; it cannot be told on these rows.", success.metric, success.bound)
    return Verdict(success.holds(value), f"{must}; it is {value:,.3f}.", success.metric, success.bound)


def list_defaults(workflow: Workflow, *, kind: Kind) -> tuple[UsedDefault, ...]:
    """List what the file does not say and this kind of problem asks for, in words.

    The same field of several list entries stands there once, at [*].
    """
    listed = [
        UsedDefault(re.sub(r"\[\d+\]", "[*]", one.path), _value(one.value), one.description)
        for one in used_defaults(workflow)
        if kind == "binary" or not one.path.startswith("evaluation.costs")
    ]
    return tuple(dict.fromkeys(listed))


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return str(value)
