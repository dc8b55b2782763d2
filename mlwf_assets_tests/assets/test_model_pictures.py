import base64
import re

import pyarrow as pa

from mlwf_assets.assets.model_pictures import draw_leaderboard, draw_learning_curve

BOARD = pa.table({"model": ["ensemble", "tabm", "linear", "base rate"], "score": [0.9, 0.88, 0.8, None]})


def svg(markdown):
    (coded,) = re.findall(r"base64,([^)]*)\)", markdown)
    return base64.b64decode(coded).decode()


def test_each_family_is_a_point_that_says_score_and_time():
    drawn = svg(draw_leaderboard(BOARD, {"tabm": 0.25, "linear": 0.002}))
    assert "tabm: 0.8800, 0.25 s" in drawn
    assert "linear: 0.8000, 0.002 s" in drawn
    assert "milliseconds for 1,000 rows" in drawn


def test_families_of_which_no_time_is_known_are_not_drawn():
    assert draw_leaderboard(BOARD, {"tabm": None}) == ""
    assert "linear" not in svg(draw_leaderboard(BOARD, {"tabm": 0.25, "linear": None}))


def test_the_learning_curve_says_each_score():
    curve = pa.table({"rows": [100, 200], "score": [0.7, 0.7]})
    drawn = svg(draw_learning_curve(curve, metric="ROC AUC"))
    assert "200 rows: 0.7000" in drawn
    assert "ROC AUC" in drawn
