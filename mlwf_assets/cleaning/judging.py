"""Contracts and business rules, as stages that say of each row what is wrong with it.

Contracts come first, then rules in the order of the file; a rule that sets columns to null is seen by the
rules after it. Derived columns are made before all of this.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlwf_assets.cleaning.casting import SQL_TYPES, literal, quote
from mlwf_assets.cleaning.stages import Chain, broken
from mlwf_assets.spec.tables import Column, ColumnType, Rule


def judge_contract(
    chain: Chain, contract: Mapping[str, Column], types: Mapping[str, ColumnType], key: Sequence[str]
) -> None:
    """Append the reasons of rows that break the contract of a column, or that have no key."""
    conditions = [part for name, column in contract.items() for part in _conditions(chain, name, column, types)]
    for name in key:
        if name not in contract or not contract[name].required:
            reason = broken(f"{chain.name}.{name}", "must not be missing, for it is part of the key")
            conditions.append((f"{quote(name)} IS NULL", reason))
    chain.add_reasons(conditions, "checking the contract")


def _conditions(chain: Chain, name: str, column: Column, types: Mapping[str, ColumnType]) -> Iterator[tuple[str, str]]:
    own, full = quote(name), f"{chain.name}.{name}"
    # A value that could not be read has its reason already, and is not missing besides.
    if column.required:
        yield (
            f"{own} IS NULL AND NOT contains(coalesce(_reason_0, ''), {literal(full + ' ')})",
            broken(full, "must not be missing"),
        )
    type_ = column.type or types.get(name)
    if column.min is not None:
        bound = _constant(column.min, type_)
        yield f"{own} < {bound}", broken(full, f"must be at least {column.min}", own)
    if column.max is not None:
        bound = _constant(column.max, type_)
        yield f"{own} > {bound}", broken(full, f"must be at most {column.max}", own)
    if column.values is not None:
        allowed = ", ".join(_constant(value, type_) for value in column.values)
        words = ", ".join(str(value) for value in column.values[:8]) + (", ..." if len(column.values) > 8 else "")
        yield f"{own} NOT IN ({allowed})", broken(full, f"must be one of {words}", own)


def _constant(value: Any, type_: ColumnType | None) -> str:
    if type_ is not None:
        return f"CAST({literal(str(value))} AS {SQL_TYPES[type_]})"
    if isinstance(value, bool | int | float):
        return str(value)
    return literal(str(value))


def judge_rules(chain: Chain, rules: Sequence[Rule]) -> None:
    """Append a column `_rule_i` per rule (true where a row does not pass), the reasons, and the nulls."""
    for number, rule in enumerate(rules):
        fails = f"coalesce(NOT ({rule.check}\n), false)"
        chain.add(f"SELECT *, {fails} AS _rule_{number} FROM {chain.last}", f"checking the rule {rule.name!r}")
        if rule.otherwise == "quarantine":
            chain.add_reasons([(f"_rule_{number}", literal(rule.name))], f"checking the rule {rule.name!r}")
        elif rule.otherwise == "null":
            nulls = ", ".join(
                f"CASE WHEN NOT _rule_{number} THEN {quote(column)} END AS {quote(column)}" for column in rule.columns
            )
            chain.add(f"SELECT * REPLACE ({nulls}) FROM {chain.last}", f"applying the rule {rule.name!r}")
