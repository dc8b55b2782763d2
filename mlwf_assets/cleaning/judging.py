"""Contracts and business rules, as columns that say of each row what is wrong with it.

Contracts come first, then rules in the order of the file; a rule that sets columns to null is seen by the
rules after it. Derived columns are made before all of this.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlwf_assets.cleaning.casting import SQL_TYPES, literal, quote
from mlwf_assets.cleaning.stages import BROKEN, NEXT, WRONG, Chain, broken
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.tables import Column, ColumnType, Rule

_NUMBERS = ("integer", "number")


def judge_contract(
    chain: Chain, contract: Mapping[str, Column], types: Mapping[str, ColumnType], key: Sequence[str]
) -> None:
    """Append a column with the reasons of rows that break the contract of a column, or that have no key, else null."""
    conditions = [(condition, chain.unread_reasons[name]) for name, condition in chain.unread.items()]
    conditions += [part for name, column in contract.items() for part in _conditions(chain, name, column, types)]
    for name in key:
        if name not in contract or not contract[name].required:
            reason = broken(f"{chain.name}.{name}", "must not be missing, for it is part of the key")
            conditions.append((_is_missing(chain, name), reason))
    place = ("tables", chain.name, "columns")
    # Reasons are put together only for the few rows that have any. CASE and two stages, for of what stands twice
    # in one stage, and outside of CASE, DuckDB computes all of it for all rows.
    any_holds = " OR ".join(f"({condition})" for condition, _ in conditions) or "false"
    chain.set(WRONG, f"CASE WHEN {any_holds} THEN true END", place, uses=[*contract, *key, *chain.unread])
    texts = "".join(f", CASE WHEN {condition} THEN {reason} END" for condition, reason in conditions)
    chain.set(BROKEN, f"CASE WHEN {WRONG} THEN concat_ws({literal(NEXT)}{texts or ', NULL'}) END", place, uses=[WRONG])


def _conditions(chain: Chain, name: str, column: Column, types: Mapping[str, ColumnType]) -> Iterator[tuple[str, str]]:
    own, full = quote(name), f"{chain.name}.{name}"
    if column.required:
        yield _is_missing(chain, name), broken(full, "must not be missing")
    type_, shown = column.type or types.get(name), chain.written.get(name, own)
    if column.min is not None:
        yield f"{own} < {_constant(column.min, type_)}", broken(full, f"must be at least {column.min}", shown)
    if column.max is not None:
        yield f"{own} > {_constant(column.max, type_)}", broken(full, f"must be at most {column.max}", shown)
    if column.values is not None:
        allowed = ", ".join(_constant(value, type_) for value in column.values)
        words = ", ".join(str(value) for value in column.values[:8]) + (", ..." if len(column.values) > 8 else "")
        yield f"{own} NOT IN ({allowed})", broken(full, f"must be one of {words}", shown)


def _is_missing(chain: Chain, name: str) -> str:
    """A value that could not be read has its reason already, and is not missing besides."""
    unread = f" AND NOT ({chain.unread[name]})" if name in chain.unread else ""
    return f"{quote(name)} IS NULL{unread}"


def _constant(value: Any, type_: ColumnType | None) -> str:
    if type_ in _NUMBERS or (type_ is None and isinstance(value, int | float)):
        return f"CAST({literal(str(value))} AS DOUBLE)"  # bounds of whole numbers need not be whole
    return literal(str(value)) if type_ is None else f"CAST({literal(str(value))} AS {SQL_TYPES[type_]})"


def judge_rules(chain: Chain, rules: Sequence[Rule]) -> None:
    """Append a column per rule (true where a row does not pass), the reasons, and the nulls."""
    for number, rule in enumerate(rules):
        place = ("tables", chain.name, "rules", number, "check")
        failed = rule_column(number)
        chain.set(failed, f"coalesce(NOT ({rule.check}\n), false)", place, uses=columns_of(rule.check))
        if rule.otherwise == "null":
            for column in rule.columns:
                value = f"CASE WHEN NOT {failed} THEN {quote(column)} END"
                chain.set(column, value, place, uses=[failed])


def rule_column(number: int) -> str:
    """Name the column that says whether a row fails the rule of that number."""
    return f"_mlwf_rule_{number}"


def all_reasons(rules: Sequence[Rule]) -> str:
    """Return the SQL of all that is wrong with a row, or null."""
    failed = [(rule_column(i), rule.name) for i, rule in enumerate(rules) if rule.otherwise == "quarantine"]
    texts = [BROKEN, *(f"CASE WHEN {column} THEN {literal(name)} END" for column, name in failed)]
    wrong = " OR ".join([f"{BROKEN} IS NOT NULL", *(column for column, _ in failed)])
    return f"CASE WHEN {wrong} THEN concat_ws({literal(NEXT)}, {', '.join(texts)}) END"


def first_drop(rules: Sequence[Rule]) -> str:
    """Return the SQL of the number of the first rule that drops a row, or null."""
    drops = [f"WHEN {rule_column(i)} THEN {i}" for i, rule in enumerate(rules) if rule.otherwise == "drop"]
    return f"CASE {' '.join(drops)} END" if drops else "CAST(NULL AS INTEGER)"
