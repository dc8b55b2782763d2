"""What names of files and columns tell: the words in them, ids, and the name of one row of a table.

Names are hints, never proof; whoever uses them looks at the values too.
"""

import re

# The last word of a column that names something.
_ID_WORDS = ("id", "key", "code", "uuid", "guid", "nr", "no", "number", "num", "ref", "index", "idx")
_NAME_START = re.compile(r"[a-z]")


def words_of(name: str) -> list[str]:
    """Cut a name into its words, in lower case.

    Example:
        >>> words_of("customerId"), words_of("Order No."), words_of("tailnum")
        (['customer', 'id'], ['order', 'no'], ['tailnum'])
    """
    spaced = re.sub(r"(?<=[^\W\dA-Z_])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[\W_]+", spaced) if word]


def as_name(text: str, *, otherwise: str = "data") -> str:
    """Make a name as workflow files want it: lower-case letters, digits and underscores.

    Example:
        >>> as_name("Orders 2024 (final)"), as_name("2024"), as_name("BäumeNord")
        ('orders_2024_final', 'data_2024', 'baeume_nord')
    """
    plain = "_".join(words_of(text)).translate(
        {ord(a): b for a, b in zip("äöüß", ("ae", "oe", "ue", "ss"), strict=True)}
    )
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not name:
        return otherwise
    return name if _NAME_START.match(name) else f"{otherwise}_{name}"


def one_of(table: str) -> str:
    """Say what one row of a table is, where its name is a plural that is easily undone; else ''.

    Example:
        >>> one_of("trips"), one_of("deliveries"), one_of("iris"), one_of("weather")
        ('trip', 'delivery', '', '')
    """
    if table.endswith("ies"):
        return f"{table[:-3]}y"
    return table[:-1] if table.endswith("s") and not table.endswith(("ss", "us", "is")) else ""


def is_id(column: str) -> bool:
    """Say whether a column's name is that of an id.

    Example:
        >>> [is_id(name) for name in ("customer_id", "orderId", "ID", "kid", "price")]
        [True, True, True, False, False]
    """
    return words_of(column)[-1:] != [] and words_of(column)[-1] in _ID_WORDS


def is_own_id(column: str, table: str) -> bool:
    """Say whether a column is called as the id of its table's rows: 'id', 'trip', 'trip_id' or 'tripid' in trips.

    Example:
        >>> [is_own_id(name, "trips") for name in ("id", "trip", "TripId", "trip_no", "driver_id")]
        [True, True, True, True, False]
    """
    words = words_of(column)
    own = {table, one_of(table) or table}
    if words in (["id"], ["uuid"], ["key"]) or "_".join(words) in own:
        return True
    return (is_id(column) and "_".join(words[:-1]) in own) or "".join(words) in {f"{name}id" for name in own}
