"""Secrets: `${env:NAME}` in a workflow file stands for an environment variable.

The spec keeps the text `${env:NAME}`, so that no value of a secret can reach a report, an error, a
fingerprint or a dump; a connector calls `resolve_secrets` at the moment of use and keeps the result to itself.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.mistakes import Mistake, Place
from mlwf_assets.spec.yaml_text import scalars

_SECRET = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_BEGIN = re.compile(r"\$\{")


def resolve_secrets(text: str) -> str:
    """Put the values of environment variables in; never log or store what comes out.

    Raises:
        SpecError: if a variable is not set.
    Example:
        >>> resolve_secrets("no secret here")
        'no secret here'
    """

    def value(match: re.Match[str]) -> str:
        if (found := os.environ.get(match[1])) is None:
            raise SpecError(_missing(match[1]))
        return found

    return _SECRET.sub(value, text)


def hide_secrets(text: str, *, of: str) -> str:
    """Put `${env:NAME}` back where the value of a variable stands that `of` refers to.

    Example:
        >>> hide_secrets(f"no file {os.environ['PATH']}/a.csv", of="${env:PATH}/*.csv")
        'no file ${env:PATH}/a.csv'
    """
    for match in _SECRET.finditer(of):
        if value := os.environ.get(match[1]):
            text = text.replace(value, match[0])
    return text


def check_secrets(attributes: Any) -> Iterator[Mistake]:
    """Find references to variables that are not set, broken ones, and ones where nothing resolves them."""
    for place, value in scalars(attributes):
        if not isinstance(value, str) or not _BEGIN.search(value):
            continue
        if _BEGIN.search(_SECRET.sub("", value)):
            yield Mistake(place, f"a secret must be written ${{env:NAME}}, however: {value!r}")
        elif not _is_served(place):
            words = "not yet: ${env:NAME} is served in a source's path and in automation.notify; a value would be shown"
            yield Mistake(place, words)
        else:
            yield from (Mistake(place, _missing(name)) for name in _SECRET.findall(value) if name not in os.environ)


def _is_served(place: Place) -> bool:
    if place[:2] == ("automation", "notify"):
        return True
    return place[0] == "sources" and (len(place) == 2 or isinstance(place[2], int) or place[2] == "path")


def _missing(name: str) -> str:
    return f"the environment variable {name} must be set, however: it is not; export {name}=... first"
