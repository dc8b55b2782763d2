"""Pictures: well-formed, escaped, within their frame, and alone where they must be."""

import base64
import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_assets.evaluation.report import draw, draw_rows
from mlwf_assets.evaluation.report.frame import Axis, round_ticks

TEXT = st.text(max_size=30)
NUMBER = st.floats(-1e6, 1e6) | st.just(float("nan"))


def alone(picture):
    """The picture as an XML tree, as a browser reads an image."""
    address = draw.as_image(picture)
    text = base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")).decode()
    return ET.fromstring(text)  # noqa: S314 - our own


def places(tree):
    """All x and y that are drawn."""
    for element in tree.iter():
        for name in ("x", "x1", "x2", "cx"):
            if name in element.attrib and "%" not in element.attrib[name]:
                yield "x", float(element.attrib[name])
        for name in ("y", "y1", "y2", "cy"):
            if name in element.attrib:
                yield "y", float(element.attrib[name])


ROWS = st.lists(
    st.builds(draw_rows.Row, label=TEXT, value=NUMBER, note=TEXT, rows=TEXT, low=NUMBER, high=NUMBER, title=TEXT),
    max_size=6,
)


@settings(deadline=None, max_examples=80)
@given(ROWS)
def test_bars_and_dots_take_any_text_and_number(rows):
    for picture in (draw_rows.bars(rows, label="x"), draw_rows.dots(rows, x=Axis(-1, 1), label="y")):
        tree = alone(picture)
        width, height = float(tree.attrib["width"]), float(tree.attrib["height"])
        for axis, place in places(tree):
            assert math.isfinite(place)
            assert -1 <= place <= (width if axis == "x" else height) + 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=30), TEXT)
def test_lines_stay_within_their_frame_wherever_points_lie(points, words):
    line = draw.Line(
        [x for x, _ in points], [y for _, y in points], name=words, titles=[words] * len(points), dots=True
    )
    marks = [draw.Mark(words, x=3.0), draw.Mark(words, y=-4.0)]
    tree = alone(draw.lines([line], x=Axis(-5, 5, words), y=Axis(-5, 5, words), marks=marks, label=words))
    assert all(-1 <= place <= 441 for _, place in places(tree))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), TEXT)
def test_histograms_and_small_pictures_take_any_shares(shares, words):
    titles = [words] * len(shares)
    alone(draw.histogram([draw.Steps(shares, "a", words)], x=Axis(0, 1), titles=titles, label=words))
    alone(draw.paired_bars(titles, shares, shares, titles=titles, label=words))
    alone(draw.spark(range(len(shares)), shares, titles=titles, label=words))
    alone(draw.columns(shares, titles=titles, label=words))


def test_a_point_says_its_value_when_pointed_at():
    tree = alone(draw_rows.bars([draw_rows.Row("a", 1.0, title="a: <1>")], label="bars"))
    assert "a: <1>" in [element.text for element in tree.iter("{http://www.w3.org/2000/svg}title")]


def test_bars_are_as_long_as_their_values():
    tree = alone(
        draw_rows.bars([draw_rows.Row("a", 1.0), draw_rows.Row("b", 0.25), draw_rows.Row("c", -0.5)], label="bars")
    )
    bars = [float(e.attrib["width"]) for e in tree.iter() if e.attrib.get("class") == "f a"]
    assert bars[0] == pytest.approx(4 * bars[1], rel=0.01)
    assert bars[0] == pytest.approx(2 * bars[2], rel=0.01)


def test_what_cannot_be_told_is_not_drawn():
    tree = alone(draw_rows.dots([draw_rows.Row("a", float("nan"))], x=Axis(0, 1), label="dots"))
    assert not list(tree.iter("{http://www.w3.org/2000/svg}circle"))


def test_an_image_brings_its_style_and_stays_small():
    rows = [draw_rows.Row(f"model {i}", i / 12, f"{i / 12:.3f}") for i in range(12)]
    picture = draw_rows.bars(rows, label="scores")
    assert len(draw.as_markdown(picture, "scores [of models]")) < 15_000
    assert "style" in [element.tag.rpartition("}")[2] for element in alone(picture)]
    assert draw.as_markdown(picture, "scores [of models]").startswith(
        "![scores (of models)](data:image/svg+xml;base64,"
    )


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e9))
def test_ticks_are_few_round_and_inside(low, width):
    ticks = round_ticks(low, low + width)
    assert all(low - width * 1e-6 <= tick <= low + width * (1 + 1e-6) for tick in ticks)
    assert len(ticks) <= 12
