"""A walk through the table of docs/mistakes.md: each mistake is made, and what is said is what the table says."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.e2e.conftest import Done, Installation
from mlwf_assets_tests.mistakes.cases import CASES

# One worker for all: they are made in one process.
pytestmark = pytest.mark.xdist_group("mistakes")

TABLE = Path(__file__).parents[2] / "docs" / "mistakes.md"
ROW = re.compile(r"^\| (?P<mistake>.+?) \| (?P<happens>.+?) \| `(?P<words>.+)` \|$", re.MULTILINE)
ROWS = [match.groupdict() for match in ROW.finditer(TABLE.read_text(encoding="utf-8"))]


STOPS = [row for row in ROWS if row["happens"].startswith(("stops", "the same"))]
RUNS = [row for row in ROWS if row not in STOPS]


@dataclass(frozen=True)
class Case:
    """A mistake that was made: how the command ended, and what stands where it was run."""

    name: str
    done: Done
    home: Path

    def table(self, name):
        return Lake(self.home / "lake").read(f"{self.name}/{name}")

    def metadata(self, name):
        entries = Lake(self.home / "lake").entries(f"{self.name}/{name}").values()
        return [entry.metadata for entry in entries]

    @property
    def selection(self):
        return {row["name"]: row for row in self.table("features/selection").to_pylist()}

    @property
    def told(self):
        """All that is said of a run: the report, why features went, what was counted, what models are asked."""
        report = (self.home / "reports" / self.name / "report.html").read_text(encoding="utf-8")
        counted = [self.metadata("raw/trips"), self.metadata("clean/trips")]
        asked = self.table("features/test_matrix").to_pylist()
        return report + json.dumps([self.selection, counted, asked], default=str)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Mistake -> its case; all are made in one process."""
    base = tmp_path_factory.mktemp("mistakes")
    (base / "cwd").mkdir()
    folders = [base / f"case{number}" for number, _ in enumerate(CASES)]
    for folder, write in zip(folders, CASES.values(), strict=True):
        folder.mkdir()
        write(folder)
    installation = Installation(base / "home", base / "cwd")
    ended = installation.each(*(["run", folder] for folder in folders))
    made = (Case(folder.name, done, installation.home) for folder, done in zip(folders, ended, strict=True))
    return dict(zip(CASES, made, strict=True))


def test_the_table_and_the_cases_name_the_same_mistakes():
    assert [row["mistake"] for row in ROWS] == list(CASES)


@pytest.mark.parametrize("row", STOPS, ids=lambda row: row["mistake"])
def test_a_mistake_is_answered_in_words_and_without_a_trace(cases, row):
    code, _, said = cases[row["mistake"]].done
    assert (code, "Traceback" in said) == (2, False)
    assert row["words"] in said
    if "before anything runs" in row["happens"]:
        assert "computed" not in said
        assert "defs.yaml:" in said


@pytest.mark.parametrize("row", RUNS, ids=lambda row: row["mistake"])
def test_what_can_be_done_right_is_done_and_told(cases, row):
    case = cases[row["mistake"]]
    assert case.done.code == 0, case.done.stderr
    assert row["words"] in case.told


def test_constants_and_ids_enter_no_model_and_the_others_do(cases):
    constant, numbered = cases["a constant column"].selection, cases["an id as a feature"].selection
    assert not constant["country"]["kept"]
    assert not numbered["number"]["kept"]
    assert constant["rain"]["kept"]
    assert numbered["rain"]["kept"]


def test_the_same_file_twice_gives_each_row_once(cases):
    [counts] = cases["the same file twice"].metadata("clean/trips")
    assert (counts["rows_out"], counts["duplicates"]) == (120, 120)


def test_a_new_files_column_is_missing_in_old_rows(cases):
    wind = cases["a column only in new files"].table("clean/trips")["wind"]
    assert (len(wind), wind.null_count) == (160, 120)


def test_a_date_after_the_last_partition_is_left_out_and_counted(cases):
    case = cases["a date after the last partition"]
    assert sum(counts["rows_out"] for counts in case.metadata("clean/trips")) == 119
    assert {counts["rows after the last partition"] for counts in case.metadata("raw/trips")} == {1}
