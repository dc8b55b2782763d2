"""Points on the earth (latitude, longitude in degrees): their parts, and distances along great circles."""

from typing import Any

from mlwf_assets.features.relational.engine.layers import Scope
from mlwf_assets.features.relational.engine.transforms.registry import simple, transform
from mlwf_assets.features.relational.engine.values import Value, literal

# featuretools' own mean radius of the earth.
_RADIUS = {"miles": 3958.7613, "kilometers": 6371.0088}

simple({"Latitude": "{v}[1]", "Longitude": "{v}[2]"})


@transform("Haversine", strict=True)
def _haversine(primitive: Any, args: list[Value], scope: Scope) -> Value:
    left, right = (one.sql for one in args)
    return Value(_distance((f"{left}[1]", f"{left}[2]"), (f"{right}[1]", f"{right}[2]"), primitive.unit), "float")


@transform("CityblockDistance", strict=True)
def _cityblock(primitive: Any, args: list[Value], scope: Scope) -> Value:
    left, right = (one.sql for one in args)
    across = _distance((f"{left}[1]", f"{left}[2]"), (f"{left}[1]", f"{right}[2]"), primitive.unit)
    along = _distance((f"{left}[1]", f"{left}[2]"), (f"{right}[1]", f"{left}[2]"), primitive.unit)
    return Value(f"{across} + {along}", "float")


def _distance(one: tuple[str, str], other: tuple[str, str], unit: str) -> str:
    vertical = f"SIN((RADIANS({other[0]}) - RADIANS({one[0]})) / 2) ** 2"
    level = f"SIN((RADIANS({other[1]}) - RADIANS({one[1]})) / 2) ** 2"
    chord = f"{vertical} + COS(RADIANS({one[0]})) * COS(RADIANS({other[0]})) * {level}"
    return f"{literal(_RADIUS[unit])} * 2 * ASIN(SQRT({chord}))"


@transform("GeoMidpoint", strict=True)
def _geo_midpoint(primitive: Any, args: list[Value], scope: Scope) -> Value:
    left, right = (one.sql for one in args)
    return Value(f"[({left}[1] + {right}[1]) / 2, ({left}[2] + {right}[2]) / 2]", "latlong")


@transform("IsInGeoBox")
def _is_in_geobox(primitive: Any, args: list[Value], scope: Scope) -> Value:
    south, north = (literal(float(one)) for one in primitive.lats)
    west, east = (literal(float(one)) for one in primitive.lons)
    point = args[0].sql
    inside = f"{point}[1] BETWEEN {south} AND {north} AND {point}[2] BETWEEN {west} AND {east}"
    return Value(f"COALESCE({inside}, FALSE)", "bool")
