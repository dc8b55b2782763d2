"""The page: whole, self-contained, safe, and the same for all kinds of problems where they are the same."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from mlwf_assets.evaluation.evaluate import evaluate
from mlwf_assets.evaluation.report import templates, words
from mlwf_assets.evaluation.report.page import render, sections
from mlwf_assets.evaluation.result import to_result
from mlwf_assets.evaluation.story import OddRow, OddRows
from mlwf_assets_tests.evaluation import toy

VOID = {"meta", "link", "br", "hr", "img", "input"}
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{7*7}}"


class Page(HTMLParser):
    """Checks that elements are closed in order, and collects what matters."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.texts = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src") if name in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def text(evaluation):
    return render(evaluation).decode()


def test_the_page_is_well_formed_and_every_section_is_there(evaluation, text):
    page = Page(text)
    assert page.open == []
    wanted = [name for name, _ in sections(evaluation)]
    assert [name for name in page.ids if name in wanted] == wanted
    assert {f"#{name}" for name in wanted} <= set(page.links)


def test_nothing_is_fetched_and_nothing_runs(text):
    page = Page(text)
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "object", "base", "form")]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert all(link.startswith(("#", "../../", "quarantine/", "outliers/")) for link in page.links)


def test_odd_rows_are_told_with_their_reasons_and_where_they_came_from(evaluation):
    row = OddRow("p7", 0.71234, "weight is 250 (0.08 % of the rows have as much or more)")
    odd = (
        OddRows("parcels", "the training examples", 1196, 10, "", (row,)),
        OddRows("depots", "all rows", 2, 0, "2 rows are too few to say which is odd", ()),
    )
    text = render(replace(evaluation, data=replace(evaluation.data, odd=odd))).decode()
    said = " ".join("".join(Page(text).texts).split())
    assert "Odd rows The rows of parcels that are least like the others" in said
    assert "fitted to training rows and saw no others" in said
    assert "Nothing can be said of depots, which has too few rows" in said
    assert "parcels: 10 of 1,196 rows (the training examples)" in said
    assert "p70.712weight is 250 (0.08 % of the rows have as much or more)" in said  # a cell each
    assert "outliers/parcels.csv" in Page(text).links
    assert "Odd rows" not in render(replace(evaluation, data=replace(evaluation.data, odd=()))).decode()


def test_the_first_screen_holds_question_answer_verdict_and_owner(evaluation, text):
    head = text[text.index("<header>") : text.index("</header>")]
    seen = "".join(Page(head).texts)
    for said in (evaluation.subject.question, words.answer(evaluation), evaluation.verdict.words, "team:parcels",
                 "Rain makes parcels late.", "Good enough"):  # fmt: skip
        assert said in seen


def test_the_page_is_small_enough_to_send(text):
    assert len(text.encode()) < 500_000


def test_every_picture_says_what_it_shows(text):
    pictures = [attrs for tag, attrs in Page(text).tags if tag == "svg"]
    assert len(pictures) > 8
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in pictures)


def test_no_number_is_left_raw(text):
    seen = " ".join(Page(text).texts)
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b(?! of)|\d\.\d{7,}|Interval\(", seen)


def nasty_case(kind):
    """A case in which every text that users write is an attack."""
    workflow, given = toy.make_case(
        kind,
        description=NASTY,
        project={"question": NASTY, "owner": NASTY, "process_today": {"description": NASTY, "rule": "rain"}},
        tables={"parcels": {"key": ["id"], "columns": {"minutes": {"unit": NASTY, "description": NASTY}}}},
        examples={"table": "parcels", "label": "minutes", "cutoff": f"now() -- {NASTY}",
                  "classes": {"true": f"late{NASTY}", "false": f"not{NASTY}", "late": f"late{NASTY}"}},
    )  # fmt: skip
    depots = [NASTY if v is None else f"{v}{NASTY}" for v in given["examples"].column("depot").to_pylist()]
    given["examples"] = given["examples"].set_column(1, "depot", pa.array(depots))
    given["features"] = [{**f, "words": NASTY} for f in given["features"]]
    given["counts"] = [{"table": NASTY, "partition": None, "rows_in": 2, "rows_out": 1, "quarantined": 1,
                        "reasons": {NASTY: 1}, "noted": {NASTY: 1}}]  # fmt: skip
    odd = {"among": NASTY, "looked_at": 90, "listed": 2, "oddest": [{"row": NASTY, "score": 0.7, "why": NASTY}]}
    given["odd"] = [{"table": NASTY, "because": "", **odd}]
    given["provenance"] = {NASTY: NASTY}
    given["selection"] = pa.table({"name": [NASTY], "kept": [False], "reason": [NASTY]})
    return workflow, given


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_texts_of_users_stay_texts(kind):
    workflow, given = nasty_case(kind)
    evaluation = evaluate(workflow, **given)
    text = render(evaluation).decode()
    page = Page(text)
    assert page.open == []
    assert not [tag for tag, _ in page.tags if tag in ("script", "img")]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert NASTY in "".join(page.texts)
    assert "alert(1)" not in re.sub(r"&lt;script&gt;alert\(1\)|%3Cscript%3Ealert%281%29", "", text)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_the_asset_holds_metrics_files_and_what_the_ui_shows(evaluations, kind):
    evaluation = evaluations[kind]
    result = to_result(evaluation)
    assert result.table.column_names == ["metric", "value", "low", "high", "words"]
    assert result.table.column("metric").to_pylist() == [one.name for one in evaluation.metrics]
    assert set(result.files) == {"report.html", "evaluation.json"}
    assert result.key == ("metric",)
    shown = result.metadata
    assert shown["answer"] == words.answer(evaluation)
    assert shown["picture"].startswith("![")
    assert len(shown["picture"]) < 50_000


def test_splits_by_time_stand_side_by_side_and_others_share_the_axis(evaluations):
    random = render(evaluations["binary"]).decode()
    workflow, given = toy.make_case(splits={"by": "time"})
    by_time = render(evaluate(workflow, **given)).decode()
    assert 'class="band0"' in by_time
    assert 'class="band0"' not in random
    assert "differ by construction" not in random


def test_features_that_no_model_sees_are_told_with_their_reasons():
    workflow, given = toy.make_case()
    selection = {"name": ["rain", "DAY(sent)"], "kept": [True, False], "reason": ["is relevant", "says 3 everywhere"]}
    text = render(evaluate(workflow, **given, selection=pa.table(selection))).decode()
    told = text[text.index("<summary>1 more, left out") :]
    assert told.index("DAY(sent)") < told.index("says 3 everywhere") < told.index("</details>")
    assert "is relevant" not in text
    assert "left out before" not in render(evaluate(workflow, **given)).decode()


def test_costs_that_nobody_named_are_said_to_be_assumed():
    workflow, given = toy.make_case(evaluation={"bootstrap": 20})
    assert "the workflow names no costs, so both count 1" in render(evaluate(workflow, **given)).decode()


@pytest.mark.parametrize("name", ["page.html", "_looks.html", "report.css"])
def test_a_changed_template_or_style_changes_the_fingerprint(tmp_path, monkeypatch, name):
    copy = shutil.copytree(templates.FOLDER, tmp_path / "report")
    monkeypatch.setattr(templates, "FOLDER", copy)
    before = templates.fingerprint()
    assert before == templates.fingerprint()
    (copy / name).write_text("changed")
    assert templates.fingerprint() != before
