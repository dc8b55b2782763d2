"""What to do about SQL that cannot be read, or names a column that is not there: the usual slips, and their remedies.

A remedy is a guess and stands behind what is certain; where nothing is recognized, nothing is said.
"""

import re
from collections.abc import Collection

from mlwf_assets.spec.mistakes import suggestion
from mlwf_assets.spec.names import words

_TEXT = re.compile(r"'(?:[^']|'')*'")
_QUOTES = "a name with spaces or signs stands in double quotes: "
_SLIPS = (
    (re.compile(r"`([^`]*)`?"), _QUOTES + '"{}"'),
    (re.compile(r"\[\s*([A-Za-z][^\],]*)\]"), _QUOTES + '"{}"'),
    (re.compile(r"''(\w+)''"), "text stands between single quotes, one on each side: '{}'"),
    (re.compile(r"=([<>])"), "write {}="),
    (re.compile(r"(?i)\bif\b(?!\s*\().*\bthen\b()"), "write CASE WHEN ... THEN ... ELSE ... END{}"),
    (re.compile(r"\b(\d+,\d+)\b"), "numbers have a decimal point, however: {}"),
)  # fmt: skip
_WORDS = re.compile(r"\b([A-Za-z_]\w*)[ ]+([A-Za-z_]\w*)\b")
_OF_SQL = frozenset(
    words("""
    and or not in is null true false like ilike between case when then else end interval as from to by on glob similar
    escape distinct select date time timestamp hour hours minute minutes day days week weeks month months year years
    second seconds order group having where limit union offset at zone cast try_cast for both leading trailing
""")
)


def remedy_of_form(expression: str) -> str:
    """Say what to do about an expression that cannot be read; '' where its slip is not known.

    Example:
        >>> remedy_of_form("dep delay > 15")
        '; a name with spaces or signs stands in double quotes: "dep delay"'
        >>> remedy_of_form("km => 3")
        '; write >='
    """
    if "''" not in expression and expression.count("'") % 2:
        return "; a single quote is not closed (within text it is written twice: 'it''s')"
    for pattern, remedy in _SLIPS:
        plain = expression if "single" in remedy else _TEXT.sub(" ", expression)
        if match := pattern.search(plain):
            return f"; {remedy.format(match[1].strip())}"
    for match in _WORDS.finditer(_TEXT.sub(" 0 ", expression)):
        if not {match[1].lower(), match[2].lower()} & _OF_SQL:
            return f'; {_QUOTES}"{match[0]}"'
    return ""


def unknown_column(name: str, expression: str, columns: Collection[str]) -> str:
    """Say that a column is not there, and what was probably meant: another one, or a text.

    Example:
        >>> unknown_column("yes", 'late = "yes"', ["late", "km"])
        "there must be a column 'yes'; if the text is meant, write it in single quotes: 'yes'. Known: late, km."
    """
    odd = [other for other in columns if not re.fullmatch(r"\w+", other) and other in expression]
    unquoted = next((other for other in odd if f'"{other}"' not in expression), None)
    if unquoted is not None:
        return f'there must be a column {name!r}; {_QUOTES}"{unquoted}"'
    compared = re.search(rf'(?:=|<>|\bIN\s*\(|,)\s*"?{re.escape(name)}"?(?!\w)', expression, re.IGNORECASE)
    near = suggestion(name, columns)
    if compared and "Did you mean" not in near:
        return f"there must be a column {name!r}; if the text is meant, write it in single quotes: '{name}'.{near}"
    if f'"{name}"' in expression and compared:
        return f"there must be a column {name!r}.{near} A text is written in single quotes: '{name}'."
    return f"there must be a column {name!r}.{near}"
