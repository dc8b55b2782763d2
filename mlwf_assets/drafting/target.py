"""What can be predicted: the kind of problem that a column makes, its label, and candidates where none was named.

Two values make a yes-or-no problem, text or few codes classes, numbers a regression. A column that names rows,
says always the same or is a time cannot be learned, and is refused with a word on why.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from mlwf_assets.cleaning.casting import literal, quote
from mlwf_assets.drafting.tables import Column, Database, Table
from mlwf_assets.drafting.words import is_id, is_own_id, words_of
from mlwf_assets.errors import SpecError
from mlwf_assets.spec.mistakes import suggestion
from mlwf_assets.spec.names import Kind, words
from mlwf_assets.spec.sql import columns_of

MOST_CLASSES = 50
_FEWEST_ROWS = 3  # of the rarer outcome: one for each split
_RARE = 10  # rows below which a class can be neither learned nor judged
_YES = words("yes y true t 1 ja j si oui positive pos late bad churn fraud")
_LIKELY = frozenset(
    words("""
    target label class y outcome response result survived churn churned default fraud delay late price species diagnosis
    status returned quality
""")
)
_CLASS_WORDS = frozenset(words("class label type category group species target cluster digit"))
_CANDIDATES = 10


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Attributes:
        table: whose rows are predicted.
        column: the column, as it is called there.
        kind: of the problem.
        label: SQL of it.
        values: the most frequent values, with their rows.
        positive: the outcome that is asked for, the first of `values` being the other or this; None unless binary.
        rare: classes of too few rows, which are left out.
        can_be_classes: whether numbers may be meant as classes.
    """

    table: str
    column: str
    kind: Kind
    label: str
    values: tuple[tuple[Any, int], ...]
    positive: Any = None
    rare: tuple[Any, ...] = ()
    can_be_classes: bool = False


def find_column(tables: Sequence[Table], wanted: str) -> tuple[Table, str]:
    """Find the column that is meant by COLUMN or TABLE.COLUMN.

    Raises:
        SpecError: if there is none, or several tables have it.
    """
    matches = [(table, name) for table in tables for name in table.columns if wanted in (name, f"{table.name}.{name}")]
    if not matches:
        low = wanted.lower()
        matches = [(t, n) for t in tables for n in t.columns if low in (n.lower(), f"{t.name}.{n}".lower())]
    if len(matches) == 1:
        return matches[0]
    if matches:
        where = " or ".join(f"--target {table.name}.{name}" for table, name in matches)
        raise SpecError(f"--target must name one column, however {len(matches)} tables have {wanted!r}: say {where}")
    near = suggestion(wanted, [name for table in tables for name in table.columns])
    raise SpecError(f"--target must name a column, however there is no {wanted!r}.{near}")


def make_target(database: Database, table: Table, name: str) -> Target:
    """Say what kind of problem a column makes.

    Raises:
        SpecError: if it cannot be learned.
    """
    column = table.columns[name]
    if (why := _why_not(column, table)) is not None:
        raise SpecError(f"--target {name} cannot be predicted: {why}; name another column")
    values = tuple(database.top(table.name, name, most=MOST_CLASSES + 1))
    kind = _kind(column, table)
    if kind == "binary":
        return _binary(table, name, values)
    if kind == "multiclass":
        rare = tuple(value for value, rows in values if rows < _RARE)
        rare = rare if len(values) - len(rare) > 1 else ()
        return Target(table.name, name, kind, as_sql(name), values, rare=rare)
    few = column.reading.type == "integer" and column.distinct <= _RARE
    return Target(table.name, name, kind, as_sql(name), (), can_be_classes=few)


def list_candidates(
    database: Database, tables: Sequence[Table], barred: Collection[tuple[str, str]], parents: Collection[str]
) -> list[str]:
    """Say which columns could be predicted, the likeliest first, a line each.

    Args:
        barred: (table, column) of keys and of what leads to other tables.
        parents: tables that others lead to; they describe what happens elsewhere.
    """
    found = [
        (_likelihood(column, table) - 2 * (table.name in parents), table, column)
        for table in tables
        for column in table.columns.values()
        if (table.name, column.name) not in barred and _why_not(column, table) is None and not is_id(column.name)
    ]
    found = sorted(found, key=lambda one: -one[0])[:_CANDIDATES]
    names = [f"{table.name}.{column.name}" if len(tables) > 1 else column.name for _, table, column in found]
    width = max(map(len, names), default=0)
    return [
        f"{name:<{width}}  {_kind(column, table):<10}  {_describe(database, table, column)}"
        for name, (_, table, column) in zip(names, found, strict=True)
    ]


def as_sql(name: str) -> str:
    """Write a column as SQL does, in quotes where it must be.

    Example:
        >>> as_sql("late"), as_sql("Petal.Width"), as_sql("order")
        ('late', '"Petal.Width"', '"order"')
    """
    try:
        return name if columns_of(name) == {name} and name.isidentifier() else quote(name)
    except SpecError:
        return quote(name)


def _why_not(column: Column, table: Table) -> str | None:
    """Say why a column cannot be predicted; None where it can."""
    present = table.rows - column.missing
    if not present:
        return "it has no values"
    if column.distinct < 2:
        return f"all {present:,} values are {column.low!r}, and what never differs cannot be learned"
    if column.is_time:
        return "it is a time; predict a number of days or hours, made with 'sql:' in the workflow file"
    return _why_no_classes(column, present) if column.reading.type == "string" else _why_no_number(column, table)


def _why_no_classes(column: Column, present: int) -> str | None:
    if column.distinct > MOST_CLASSES:
        return f"it is text with {column.distinct:,} different values in {present:,} rows, too many for classes"
    if 2 * column.distinct > present:
        return f"its values name rows ({column.distinct:,} different ones in {present:,} rows)"
    return None


def _why_no_number(column: Column, table: Table) -> str | None:
    if column.distinct == table.rows and (is_own_id(column.name, table.name) or is_id(column.name)):
        return "its values name the rows, no two are the same"
    return None


def _kind(column: Column, table: Table) -> Kind:
    if column.distinct == 2 or column.reading.type == "boolean":
        return "binary"
    if column.reading.type == "string":
        return "multiclass"
    is_code = column.reading.type == "integer" and column.distinct <= _RARE and column.low in ("0", "1")
    if is_code and column.high is not None and column.low is not None:
        counts_up = int(column.high) - int(column.low) + 1 == column.distinct
        if counts_up and (_CLASS_WORDS & set(words_of(column.name)) or (column.low == "0" and table.rows > 10 * _RARE)):
            return "multiclass"
    return "regression"


def _binary(table: Table, name: str, values: Sequence[tuple[Any, int]]) -> Target:
    positive = next((value for value, _ in values if str(value).lower() in _YES), values[-1][0])
    rows = min(count for _, count in values)
    if rows < _FEWEST_ROWS:
        raise SpecError(
            f"--target {name} cannot be predicted: only {rows} of {table.rows:,} rows say {values[-1][0]!r}, and each "
            f"of train, validation and test needs one; add rows, or name another column"
        )
    if isinstance(positive, bool):
        label = as_sql(name)
    else:
        label = f"{as_sql(name)} = {literal(positive) if isinstance(positive, str) else positive}"
    return Target(table.name, name, "binary", label, tuple(values), positive=positive)


def _likelihood(column: Column, table: Table) -> float:
    """The larger, the likelier: by its name, its place, and how few values it has."""
    is_last = list(table.columns)[-1] == column.name
    full = 1 - column.missing / table.rows
    few = {2: 1.5}.get(column.distinct, 0.7 if column.distinct <= MOST_CLASSES else 0.0)
    return 3 * bool(_LIKELY & set(words_of(column.name))) + 2 * is_last + few + full


def _describe(database: Database, table: Table, column: Column) -> str:
    if _kind(column, table) == "regression":
        return f"numbers from {column.low} to {column.high}"
    top = database.top(table.name, column.name, most=3)
    return describe_values(top, table.rows - column.missing, more=column.distinct - len(top))


def describe_values(values: Sequence[tuple[Any, int]], rows: int, *, more: int = 0) -> str:
    """Say which values there are, with their shares.

    Example:
        >>> describe_values([("no", 6), ("yes", 4)], 10)
        'no 60 %, yes 40 %'
    """
    shares = [f"{as_word(value)} {round(100 * count / rows, 1):g} %" for value, count in values]
    return ", ".join([*shares, *([f"{more} more"] if more > 0 else [])])


def as_word(value: Any) -> str:
    """Write a value as workflow files do.

    Example:
        >>> as_word(True), as_word(2.0), as_word("a")
        ('true', '2', 'a')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
