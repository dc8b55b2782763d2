"""A draft as the text of a workflow file: short, in the order of the fields, with the evidence as comments.

What the defaults say already is not written. Sources are named by their paths from the workflow's folder. Nothing
is concluded here.
"""

import math
import os
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlwf_assets.cleaning.casting import literal
from mlwf_assets.drafting.draft import Draft
from mlwf_assets.drafting.keys import Key
from mlwf_assets.drafting.relations import Relation
from mlwf_assets.drafting.tables import Column, Table
from mlwf_assets.drafting.target import Target, as_sql, as_word, describe_values
from mlwf_assets.drafting.words import as_name, one_of
from mlwf_assets.spec.loader import loads
from mlwf_assets.spec.references import check
from mlwf_assets.spec.sources import CsvOptions
from mlwf_assets.spec.yaml_text import parse_yaml

_COMMENT_AT = 50
_WIDTH = 120
_MOST_STEPS_UP = 3  # beyond, a path from the root reads better than one full of '..'
_MOST_PATHS = 3
_MOST_NAMES = 15
_SHOWN = 40
_VALUES_SHOWN = 5
_PLAIN = re.compile(r"[\w./~][\w ./=<>'+()*-]*")
_TRUTHS_ELSEWHERE = ("yes", "no", "on", "off", "y", "n")  # of YAML 1.1, in other readers
_BUDGETS = ((2_000, "10s"), (50_000, "1min"))
_LONGEST_BUDGET = "4min"


def write(draft: Draft) -> str:
    """Write the text of the workflow file, and hold it against all rules, so that it runs as it is.

    Raises:
        SpecError: if the files hold what no workflow file can describe, e.g. a column with a name of ours.
    """
    lines = [
        "# Written by `mlwf init`: a first proposal that runs as it is. Change what you know better; all fields are",
        "# described in docs/workflow-file.md, and `mlwf check` says whether the file is sound.",
        "type: mlwf_assets.MLWorkflow",
        "attributes:",
        f"  name: {draft.name}",
        *_project(draft),
        *_sources(draft),
        *_tables(draft),
        *_relationships(draft.relations),
        *_examples(draft),
        *_splits(draft),
        *_features(draft),
        *_models(draft),
    ]
    text = "\n".join(lines) + "\n"
    check(loads(text, file=draft.file), {table.name: list(table.columns) for table in draft.tables})
    return text


def scalar(text: str) -> str:
    """Write a text so that YAML reads the same text, without quotes where it can be.

    Example:
        >>> [scalar(text) for text in ("a.csv", "late = 'yes'", "a, b", "yes", "007", "")]
        ['a.csv', "late = 'yes'", '"a, b"', '"yes"', '007', '""']
    """
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _TRUTHS_ELSEWHERE
    if plain and parse_yaml(f"[{text}]").data == [text]:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _line(text: str, comment: str = "") -> str:
    """A line with its comment, or the comment above it where there is no room."""
    if not comment:
        return text
    comment = "# " + "".join(c if c.isprintable() else " " for c in comment)
    if len(whole := f"{text:<{_COMMENT_AT}} {comment}") <= _WIDTH:
        return whole
    indent = text[: len(text) - len(text.lstrip())]
    if text.lstrip().startswith("- ") or len(comment) + len(indent) <= _WIDTH:
        return f"{indent}{comment}\n{text}"
    return "\n".join([*_wrapped(comment[2:], indent), text])


def _wrapped(text: str, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in textwrap.wrap(text, _WIDTH - len(indent) - 2)]


def _project(draft: Draft) -> Iterator[str]:
    question = _question(draft.target)
    yield _line(f"  project: {{question: {scalar(question)}}}", "say it in your own words")
    bound = {"binary": "roc_auc >= 0.70", "multiclass": "accuracy >= 0.80", "regression": "r2 >= 0.50"}
    yield f"  # A goal is a gate: 'success: {bound[draft.target.kind]} on test' in project lets no worse model through."


def _question(target: Target) -> str:
    row = f"this {one}" if (one := one_of(target.table)) else f"this row of {target.table}"
    if target.kind == "binary":
        if isinstance(target.positive, bool):
            return f"Is {target.column} true for {row}?"
        other = next(value for value, _ in target.values if value != target.positive)
        return f"Is {target.column} of {row} {as_word(target.positive)} or {as_word(other)}?"
    return (
        f"Which {target.column} has {row}?"
        if target.kind == "multiclass"
        else f"How large is {target.column} of {row}?"
    )


def _sources(draft: Draft) -> Iterator[str]:
    yield ""
    yield "  sources:"
    for table in draft.tables:
        rows = f"{table.rows:,} rows"
        path, options = _path(table, draft.folder), _csv(table.source.csv)
        if options:
            yield _line(f"    {table.name}:", rows)
            yield f"      path: {path}"
            yield f"      csv: {{{', '.join(options)}}}"
        else:
            yield _line(f"    {table.name}: {path}", rows)
        yield from _wrapped(_as_found(table), "      ")


def _path(table: Table, folder: Path) -> str:
    paths = [Path(path) for path in table.source.path]
    if len(paths) > _MOST_PATHS:
        base, _, form = paths[0].name.partition(".")
        pattern = f"{base.rstrip('0123456789')}*.{form}"
        if sorted(paths[0].parent.glob(pattern)) == sorted(paths):
            paths = [paths[0].parent / pattern]
    written = [scalar(_relative(path, folder)) for path in paths]
    return written[0] if len(written) == 1 else f"[{', '.join(written)}]"


def _relative(path: Path, folder: Path) -> str:
    relative = os.path.relpath(path, folder)
    return str(path) if relative.startswith("../" * (_MOST_STEPS_UP + 1)) else Path(relative).as_posix()


def _csv(options: CsvOptions) -> list[str]:
    """How CSV is written, as far as the defaults do not say it."""
    usual = CsvOptions()
    found = []
    if options.delimiter not in (None, ","):
        found.append('delimiter: "\\t"' if options.delimiter == "\t" else f'delimiter: "{options.delimiter}"')
    if options.decimal != usual.decimal:
        found.append(f'decimal: "{options.decimal}"')
    if options.encoding != usual.encoding:
        found.append(f"encoding: {options.encoding}")
    if options.null_values != usual.null_values:
        found.append(f"null_values: [{', '.join(map(scalar, options.null_values))}]")
    return found


def _as_found(table: Table) -> str:
    """The columns by type, in words."""
    by_type: dict[str, list[str]] = {}
    for column in table.columns.values():
        by_type.setdefault(column.reading.type, []).append(column.name)
    words = []
    for kind, names in by_type.items():
        more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
        words.append(f"{kind}: {', '.join(map(_short, names[:_MOST_NAMES]))}{more}")
    return "; ".join(words)


def _tables(draft: Draft) -> Iterator[str]:
    written = [(table, list(_table(table, draft.keys[table.name]))) for table in draft.tables]
    if not any(lines for _, lines in written):
        return
    yield ""
    yield "  tables:"
    for table, lines in written:
        if lines:
            yield f"    {table.name}:"
            yield from lines


def _table(table: Table, key: Key) -> Iterator[str]:
    if key.columns:
        yield _line(f"      key: [{', '.join(map(scalar, key.columns))}]", _describe_key(table, key))
    said = [column for column in table.columns.values() if not column.reading.found]
    if said:
        yield "      columns:"
    for column in said:
        reading = column.reading
        form = f"{{type: {reading.type}, format: {scalar(reading.format)}}}" if reading.format else reading.type
        yield _line(f"        {scalar(column.name)}: {form}", _describe_column(column))


def _describe_key(table: Table, key: Key) -> str:
    column = table.columns[key.columns[0]]
    words = f"{column.distinct:,} values, no two the same" if len(key.columns) == 1 else "no two rows have the same"
    if key.repeated:
        words = f"{key.repeated:,} {_plural('row', key.repeated)} repeat others, and are taken once"
    if key.without:
        go = "go" if key.without > 1 else "goes"
        words += f"; {key.without:,} {_plural('row', key.without)} without it {go} to quarantine"
    return words


def _describe_column(column: Column) -> str:
    words = [] if column.low is None else [f"{_short(column.low)} to {_short(column.high or '')}"]
    if column.unreadable:
        be, go = ("are", "their rows go") if column.unreadable > 1 else ("is", "its row goes")
        words.append(
            f"{column.unreadable:,} {_plural('value', column.unreadable)} {be} no {column.reading.type}, e.g. "
            f"{_short(column.example or '')!r}: {go} to quarantine"
        )
    if column.reading.doubt:
        words.append(f"all could be read as {column.reading.doubt}, too")
    return "; ".join(words)


def _relationships(relations: Sequence[Relation]) -> Iterator[str]:
    if not relations:
        return
    yield ""
    yield "  relationships:"
    for relation in relations:
        share = math.floor(1000 * relation.among / relation.values) / 10  # 99.99 % is not all
        evidence = f"{share:g} % of {relation.values:,} values are among {relation.parent}.{relation.parent_column}"
        yield _line(f"    - {scalar(str(relation))}", evidence)


def _examples(draft: Draft) -> Iterator[str]:
    target, table = draft.target, draft.tables[0]
    yield ""
    yield "  examples:"
    yield f"    table: {target.table}"
    yield _line(f"    label: {scalar(target.label)}", _describe_label(target, table))
    if target.kind == "multiclass" and table.columns[target.column].reading.type != "string":
        yield _line("    kind: multiclass", "for numbers that mean more and less: regression")
    if target.kind == "binary":
        yes, no = _class_names(target)
        yield f'    classes: {{"true": {scalar(yes)}, "false": {scalar(no)}}}'
    if target.rare:
        rare = ", ".join(literal(value) if isinstance(value, str) else str(value) for value in target.rare)
        where = f"{as_sql(target.column)} NOT IN ({rare})"
        yield _line(f"    where: {scalar(where)}", "classes of fewer than 10 rows: too few to learn and to judge")
    if draft.event is not None:
        time = table.columns[draft.event]
        span = f"the moment of the prediction; {_short(time.low or '')} to {_short(time.high or '')}"
        yield _line(f"    cutoff: {scalar(as_sql(draft.event))}", span)


def _class_names(target: Target) -> tuple[str, str]:
    values = [value for value, _ in target.values]
    if isinstance(target.positive, bool) or sorted(map(str, values)) in (["0", "1"], ["0.0", "1.0"]):
        return target.column, f"not {target.column}"
    return as_word(target.positive), next(as_word(value) for value in values if value != target.positive)


def _describe_label(target: Target, table: Table) -> str:
    column = table.columns[target.column]
    rows = table.rows - column.missing
    missing = f"; {column.missing:,} rows without it are no examples" if column.missing else ""
    if target.kind == "regression":
        classes = "; few whole numbers: are they classes, write 'kind: multiclass'" if target.can_be_classes else ""
        return f"{column.low} to {column.high}{classes}{missing}"
    shown = target.values[:_VALUES_SHOWN]
    return _short(describe_values(shown, rows, more=column.distinct - len(shown)), 100) + missing


def _splits(draft: Draft) -> Iterator[str]:
    split = draft.split
    fields = [f"by: {split.by}"]
    if split.group is not None:
        fields.append(f"group: {scalar(split.group)}")
    if split.validation is not None and split.test is not None:
        fields += [f"validation: {split.validation}", f"test: {split.test}"]
    yield ""
    yield _line(f"  splits: {{{', '.join(fields)}}}", split.why)


def _features(draft: Draft) -> Iterator[str]:
    yield ""
    yield "  # What is known only after the prediction must not be learned from: name such columns under 'ignore'."
    if not draft.left_out:
        yield "  # features: {relational: {ignore: [COLUMN, TABLE.COLUMN]}}"
        return
    yield "  features:"
    yield "    relational:"
    yield "      ignore:"
    for name, why in draft.left_out.items():
        yield _line(f"        - {scalar(name)}", why)


def _models(draft: Draft) -> Iterator[str]:
    budget = next((words for rows, words in _BUDGETS if draft.tables[0].rows <= rows), _LONGEST_BUDGET)
    families = "tabm, a neural network, is the third family"
    yield ""
    yield _line(f"  models: {{families: [linear, lightgbm], budget: {budget}}}", families)
    model = f"{draft.name}-{as_name(draft.target.column)}".replace("_", "-")
    yield f"  deployment: {{registered_model: {model}}}"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _short(text: Any, most: int = _SHOWN) -> str:
    words = " ".join(str(text).split()).replace(" 00:00:00+00", "").replace("+00", "")
    return words if len(words) <= most else f"{words[: most - 3]}..."
