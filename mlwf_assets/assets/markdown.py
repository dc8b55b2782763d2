"""Tables in Markdown, as Dagster's pages show them."""

from collections.abc import Iterable, Sequence


def as_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Write a table; what would end a cell is escaped.

    Example:
        >>> print(as_table(["a", "b"], [["1", "x|y"]]))
        | a | b |
        |---|---|
        | 1 | x\|y |
    """
    head, *lines = [" | ".join(map(_escape, line)) for line in [columns, *rows]]
    return "\n".join([f"| {head} |", "|" + "---|" * len(columns), *(f"| {line} |" for line in lines)])


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
