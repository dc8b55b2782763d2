"""The schema has room for what is not served yet: each such field has its form, and is refused, never ignored."""

import pytest

from mlwf_assets.spec.loader import loads
from mlwf_assets.spec.not_yet import NOT_YET
from mlwf_assets.spec.validation import validate
from mlwf_assets_tests.spec.toy import FILE, TEXT, edited, rows

LATER = {  # what is refused -> where it is written
    "a derived entity with a key of several columns": (
        "  examples:\n", "  entities: {line: {table: trips, key: [bus, goal]}}\n  examples:\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_what_comes_later_has_its_form_and_is_refused_as_not_yet(name):
    (found,) = rows(edited(*LATER[name]))
    assert ": not yet" in found


def test_every_field_of_the_list_is_tried_here():
    tried = " ".join(rows(edited(*pair))[0].split(": ")[1] for pair in LATER.values())
    assert all(item.pattern[-1] in tried for item in NOT_YET)


SERVED = {
    "another search": ("budget: 20s", "search: grid"),
    "a whole GPU": ("budget: 20s", "gpu: {queue: research, gpus: 1}"),
    "a part of a GPU": ("budget: 20s", "gpu: {queue: research, memory_mib: 8000, priority: 50}"),
    "several groups of outcomes, each with its own moment and lag": (
        "        - known_at: leaves + to_minutes(delay)\n          columns: [delay, late]\n",
        """        - {known_at: leaves, columns: [delay]}
        - {known_at: leaves + INTERVAL 1 DAY, columns: [late]}
""",
    ),
    "splits as spans": ("validation: 2013-09-01, test: 2013-11-01", "validation: 2 months, test: 6 weeks"),
    "splits as shares": ("validation: 2013-09-01, test: 2013-11-01", "validation: 0.2, test: 0.2"),
    "an open end": (", end: 2014-01-01", ""),
    "a budget in trials": ("budget: 20s", "budget: {trials: 20}"),
    "a budget in words": ("budget: 20s", "budget: 4 minutes"),
    "a schedule": (
        "  deployment:",
        "  automation: {schedule: '0 3 * * mon-fri', timezone: Europe/Berlin}\n  deployment:",
    ),
    "new data": ("  deployment:", "  automation: {schedule: on_data, notify: {email: a@b.c}}\n  deployment:"),
    "several addresses, a command and a webhook": (
        "  deployment:",
        "  automation: {notify: {email: [a@b.c, d@e.f], command: mail ann, webhook: 'http://x/y'}}\n  deployment:",
    ),
    "when a source is stale": ("  deployment:", "  automation: {stale_after: {winds: 36 hours}}\n  deployment:"),
    "the version": ("  name: trips\n", "  version: 1\n  name: trips\n"),
    "a constant in place of a rule": ("rule: 0.01 * distance", "rule: 0.2"),
    "words alone": ("{description: the clock, rule: 0.01 * distance}", "the clock"),
    "tsfresh's efficient settings": ("tolerance: 3 hours", "parameters: efficient"),
    "tsfresh's comprehensive settings": ("tolerance: 3 hours", "parameters: comprehensive"),
    "history by columns, and of all rows": (
        "{transforms: [weekday, month],",
        "{aggregations: [mean, count], history: {by: [bus, [bus, goal], []]}, windows: [all, 3 hours],",
    ),
    "blocks of history": (
        "{transforms: [weekday, month],",
        "{aggregations: [mean, count], history: [{by: bus, windows: all}, {by: goal, aggregations: mean}],",
    ),
    "interesting values": (
        "{transforms: [weekday, month],",
        "{aggregations: [mean], history: {by: bus}, where: {goal: [Bonn], delay: [0, 5]},",
    ),
    "several windows": ("windows: [24 hours]", "windows: [6 hours, 24 hours, 7 days]"),
    "a composite key": ("buses: {key: [bus]}", "buses: {key: [bus]}\n    stops: {sources: [stops], key: [bus, stop]}"),
}


def test_windows_of_rows_without_a_time_are_refused():
    text = edited("- trips.goal -> towns.town", "- trips.goal -> towns.town\n    - buses.name -> towns.town")
    text = text.replace("{transforms: [weekday, month],", "{aggregations: [count], windows: [all, 3 hours],")
    (found,) = rows(text)
    assert "features.relational.windows[1]: looks back in time: tables.buses must say when a row is known" in found


@pytest.mark.parametrize("name", SERVED)
def test_what_is_served_is_accepted(name):
    text = edited(*SERVED[name])
    if "stops" in text:
        text = text.replace("    towns: {rows", "    stops: stops.csv\n    towns: {rows")
    assert loads(text, file=FILE)


def test_the_model_of_a_file_can_be_written_and_read_again():
    workflow = loads(TEXT, file=FILE)
    again, found = validate(workflow.model_dump(mode="json", exclude_unset=True))
    assert found == []
    assert again.model_dump() == workflow.model_dump()
