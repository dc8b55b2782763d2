"""Numbers in, a number out, row by row: sums, products, roots, angles. Division by nought gives infinity."""

from collections.abc import Callable
from typing import Any

from mlwf_assets.features.relational.engine.layers import NotServed, Scope
from mlwf_assets.features.relational.engine.transforms.registry import simple, transform
from mlwf_assets.features.relational.engine.values import Value, any_masked, literal, without_nan

simple(
    {
        "NaturalLogarithm": "CASE WHEN {n} > 0 THEN LN({n}) WHEN {n} = 0 THEN '-inf'::DOUBLE END",
        "SquareRoot": "CASE WHEN {n} >= 0 THEN SQRT({n}) END",
        "Sine": "CASE WHEN NOT ISINF({n}) THEN SIN({n}) END",
        "Cosine": "CASE WHEN NOT ISINF({n}) THEN COS({n}) END",
        "Tangent": "CASE WHEN NOT ISINF({n}) THEN TAN({n}) END",
    }
)


@transform("Absolute", strict=True)
def _absolute(primitive: Any, args: list[Value], scope: Scope) -> Value:
    return args[0].at(f"ABS({args[0].sql})")


@transform("Negate", strict=True)
def _negate(primitive: Any, args: list[Value], scope: Scope) -> Value:
    return args[0].at(f"-{args[0].sql}")


def _scalar(value: Any) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotServed(f"the value {value!r} is no number")
    return Value(literal(value), "int" if isinstance(value, int) else "float")


def _add(left: Value, right: Value) -> str:
    return f"{left.sql} + {right.sql}"


def _subtract(left: Value, right: Value) -> str:
    return f"{left.sql} - {right.sql}"


def _multiply(left: Value, right: Value) -> str:
    return f"{left.sql} * {right.sql}"


def _divide(left: Value, right: Value) -> str:
    return f"{left.number} / {right.number}"


def _modulo(left: Value, right: Value) -> str:
    return f"FMOD({left.number}, {right.number})"


_Operation = Callable[[Value, Value], str]


def _calculate(operation: _Operation, left: Value, right: Value) -> Value:
    whole = left.kind == right.kind == "int" and operation not in (_divide, _modulo)
    masked = any_masked([left, right])
    if whole:
        return Value(f"({operation(left, right)})", "int", masked=masked)
    left, right = (one.at(one.number) for one in (left, right))
    return Value(without_nan(f"({operation(left, right)})"), "float", masked=masked)


def _register(operation: _Operation, *, two: str, scalar: str, reverse: str = "") -> None:
    @transform(two, strict=True)
    def of_two(primitive: Any, args: list[Value], scope: Scope) -> Value:
        return _calculate(operation, args[0], args[1])

    @transform(scalar, strict=True)
    def of_one(primitive: Any, args: list[Value], scope: Scope) -> Value:
        return _calculate(operation, args[0], _scalar(primitive.value))

    if reverse:

        @transform(reverse, strict=True)
        def of_value(primitive: Any, args: list[Value], scope: Scope) -> Value:
            return _calculate(operation, _scalar(primitive.value), args[0])


_register(_add, two="AddNumeric", scalar="AddNumericScalar")
_register(_subtract, two="SubtractNumeric", scalar="SubtractNumericScalar", reverse="ScalarSubtractNumericFeature")
_register(_multiply, two="MultiplyNumeric", scalar="MultiplyNumericScalar")
_register(_divide, two="DivideNumeric", scalar="DivideNumericScalar", reverse="DivideByFeature")
_register(_modulo, two="ModuloNumeric", scalar="ModuloNumericScalar", reverse="ModuloByFeature")


@transform("MultiplyNumericBoolean", strict=True)
def _multiply_boolean(primitive: Any, args: list[Value], scope: Scope) -> Value:
    truth, number = args if args[0].kind == "bool" else reversed(args)
    return Value(f"{number.sql} * CAST({truth.sql} AS INTEGER)", number.kind, masked=True)
