"""The usual slips in SQL are answered by what to write instead."""

import pytest

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.sql import check_expression

COLUMNS = ["late", "dep delay", "dep-time", "km", "n"]
SLIPS = {
    "dep delay > 15": 'a name with spaces or signs stands in double quotes: "dep delay"',
    "`dep delay` > 15": 'stands in double quotes: "dep delay"',
    "[dep delay] > 15": 'stands in double quotes: "dep delay"',
    "dep-time > 3": 'stands in double quotes: "dep-time"',
    "Price (EUR) > 3": "A column with parentheses in its name stands in double quotes",
    'late = "yes"': "if the text is meant, write it in single quotes: 'yes'",
    "late = yes": "if the text is meant, write it in single quotes: 'yes'",
    "late IN (\"yes\", 'no')": "if the text is meant, write it in single quotes: 'yes'",
    'late <> "no"': "Did you mean 'n'? A text is written in single quotes: 'no'",
    "late = ''yes''": "text stands between single quotes, one on each side: 'yes'",
    "late = 'yes": "a single quote is not closed",
    "km => 3": "write >=",
    "km =< 3": "write <=",
    "km > 3,5": "numbers have a decimal point, however: 3,5",
}


@pytest.mark.parametrize("expression", SLIPS)
def test_a_slip_is_answered_by_its_remedy(expression):
    with pytest.raises(SpecError) as caught:
        check_expression(expression, COLUMNS)
    assert SLIPS[expression] in str(caught.value)


@pytest.mark.parametrize("expression", ["kmm > 3", "km >", "lowr(late)", "km > 3 AND"])
def test_where_no_slip_is_recognized_none_is_guessed(expression):
    with pytest.raises(SpecError) as caught:
        check_expression(expression, COLUMNS)
    assert "quotes" not in str(caught.value)
