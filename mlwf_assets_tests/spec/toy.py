"""A small workflow file with something in every part, and what tests do to it."""

from pathlib import Path

import pytest

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.loader import loads

FILE = Path("trips/defs.yaml")
TEXT = """\
type: mlwf_assets.MLWorkflow
attributes:
  name: trips
  project:
    question: Is the trip late?
    process_today: {description: the clock, rule: 0.01 * distance}
    success: roc_auc >= 0.60 on test
    owner: team:ops
  partitions: {every: month, start: 2013-01-01, end: 2014-01-01, timezone: Europe/Berlin}
  sources:
    trips: {path: trips.csv, time: TRY_CAST(leaves AS TIMESTAMP)}
    winds: {path: winds.jsonl, time: TRY_CAST(hour AS TIMESTAMP)}
    buses:
      path: buses.csv
      csv: {delimiter: ";", decimal: ",", encoding: latin-1}
    towns: {rows: [{town: Bonn, zone: Europe/Berlin}]}
  tables:
    trips:
      key: [trip_id]
      known_at: leaves - INTERVAL 1 DAY
      lookups:
        zone: towns.zone by goal
      columns:
        leaves: {type: timestamp, required: true}
        distance: {type: number, min: 0, max: 500}
        trip_id: {sql: "bus || '-' || leaves"}
        late: {type: boolean, sql: delay > 15}
      outcomes:
        - known_at: leaves + to_minutes(delay)
          columns: [delay, late]
      rules:
        - {name: goes nowhere, check: distance > 0}
        - {name: odd delay, check: delay < 600, otherwise: null, columns: [delay]}
    winds:
      key: [town, hour]
      known_at: hour + INTERVAL 1 HOUR
      columns: {hour: timestamp, speed: {type: number, min: 0}}
    buses: {key: [bus]}
    towns: {key: [town]}
  relationships:
    - trips.bus -> buses.bus
    - trips.goal -> towns.town
  examples:
    table: trips
    cutoff: leaves - INTERVAL 2 HOURS
    label: late
    kind: binary
    classes: {"true": late, "false": on time}
  splits: {by: time, validation: 2013-09-01, test: 2013-11-01}
  features:
    relational: {transforms: [weekday, month], ignore: [trip_id, buses.name]}
    timeseries:
      winds: {id: {town: goal}, columns: [speed], windows: [24 hours], tolerance: 3 hours}
    selection: {fdr_level: 0.05}
  models: {families: [linear, lightgbm], metric: roc_auc, budget: 20s}
  evaluation: {slices: [goal], costs: {false_positive: 1, false_negative: 3}}
  deployment: {registered_model: trip-late}
"""
COLUMNS = {
    "trips": ["bus", "goal", "leaves", "distance", "delay"],
    "winds": ["town", "hour", "speed"],
    "buses": ["bus", "name", "seats"],
    "towns": ["town", "zone"],
}


def edited(old, new):
    """The file with one part of it replaced, which must stand there exactly once."""
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


def line(text, part):
    """The number of the line on which a part of the text begins."""
    assert text.count(part) == 1, part
    return text.count("\n", 0, text.index(part)) + 1


def rows(text, check=lambda workflow: None):
    """The lines of the error that loading a text, and checking what was loaded, ends in."""
    with pytest.raises(SpecError) as caught:
        check(loads(text, file=FILE))
    return str(caught.value).split("\n")
