"""The fields of one mapping in a quota file, read one by one; what is wrong is noted with its place, all at once."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from mlwf_assets.spec.mistakes import Lines, Mistake, Place, error, listed, locate, suggestion

_REQUIRED: Any = object()


class Fields:
    """One mapping of the file.

    Attributes:
        data: what it says.
        place: where it stands.
        lines: place -> line, of the whole file.
        mistakes: what was found wrong so far, of the whole file.
    """

    def __init__(
        self,
        data: dict[str, Any],
        place: Place,
        lines: Lines,
        mistakes: list[Mistake],
        known: Sequence[str] | None = None,
    ) -> None:
        self.data, self.place, self.lines, self.mistakes = data, place, lines, mistakes
        self._unknown = [
            ((*place, field), f"is not known and changes nothing.{suggestion(field, known)}")
            for field in (data if known is not None else ())
            if known is not None and field not in known
        ]
        self._children: list[Fields] = []

    def mistake(self, name: str | None, message: str) -> None:
        """Note what is wrong with a field, or with the mapping."""
        self.mistakes.append(Mistake(self.place if name is None else (*self.place, name), message))

    def has(self, name: str) -> bool:
        """Whether a field is given a value."""
        return self.data.get(name) is not None

    def check(self, file: Path) -> list[str]:
        """End the reading: raise if anything is wrong.

        Returns:
            Notes about fields that are not known.
        Raises:
            SpecError: listing every mistake.
        """
        if self.mistakes:
            raise error(file, self.lines, self.mistakes)
        return [f"Note: {locate(file, self.lines, place)}: {words}" for place, words in self._all_unknown()]

    def each(self, name: str, known: Sequence[str]) -> "list[Fields]":
        """The mappings of a list; fields beside the known ones are noted and left alone."""
        found = []
        for number, data in enumerate(self.entries(name)):
            place = (*self.place, name, number)
            if not isinstance(data, dict):
                self.mistakes.append(Mistake(place, f"must be a mapping ('name: ...'), however: {data!r}"))
                continue
            child = Fields(data, place, self.lines, self.mistakes, known)
            found.append(child)
        self._children += found
        return found

    def entries(self, name: str) -> list[Any]:
        """A list; none given is an empty one."""
        value = self.data.get(name)
        if value is None or isinstance(value, list):
            return value or []
        self.mistake(name, f"must be a list, however: {value!r}")
        return []

    def text(self, name: str, *, default: Any = _REQUIRED) -> Any:
        """A name."""
        value = self.data.get(name)
        if value is None and default is not _REQUIRED:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            self.mistake(name, f"must be a name, however: {_said(value)}")
            return "?"
        return str(value)

    def choice(self, name: str, choices: Sequence[str], *, default: str) -> Any:
        """One of a few words."""
        value = self.data.get(name, default)
        if value not in choices:
            self.mistake(name, f"must be {listed(list(choices))}, however: {_said(value)}")
            return default
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self.data.get(name, default)
        if not isinstance(value, bool):
            self.mistake(name, f"must be true or false, however: {_said(value)}")
            return default
        return value

    def integer(self, name: str, *, default: Any = _REQUIRED, least: int | None = 0) -> int | None:
        """A whole number, not below `least`."""
        value = self.data.get(name)
        if value is None and default is not _REQUIRED:
            return default  # type: ignore[no-any-return]
        if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
            bound = "" if least is None else f", {least} or more"
            self.mistake(name, f"must be a whole number{bound}, however: {_said(value)}")
            return None
        return value

    def amount(self, name: str, unit: int, *, default: Any = _REQUIRED) -> int | None:
        """A number of units, in parts; -1 is unlimited and becomes None."""
        value = self.data.get(name)
        value = default if value is None and default is not _REQUIRED else value
        if isinstance(value, bool) or not isinstance(value, int | float) or (value < 0 and value != -1):
            self.mistake(name, f"must be a number, 0 or more (-1: unlimited), however: {_said(value)}")
            return 0
        if value == -1:
            return None
        try:
            parts = Fraction(str(value)) * unit
        except (ValueError, OverflowError):
            parts = Fraction(1, 2)
        if parts.denominator != 1:
            self.mistake(name, f"must have at most three places behind the point, however: {value!r}")
            return 0
        return int(parts)

    def _all_unknown(self) -> list[tuple[Place, str]]:
        below = [one for child in self._children for one in child._all_unknown()]  # noqa: SLF001 - of its own kind
        return self._unknown + below


def _said(value: Any) -> str:
    return "it is missing" if value is None else repr(value)
