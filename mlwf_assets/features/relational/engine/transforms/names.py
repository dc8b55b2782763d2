"""Text with a form of its own: addresses, people's names, files, postal codes."""

from typing import Any

from mlwf_assets.features.relational.engine.layers import Scope
from mlwf_assets.features.relational.engine.transforms.registry import simple, transform
from mlwf_assets.features.relational.engine.values import Value, literal

_DOMAIN = r"^(?:https?:\/\/)?(?:[^@\/\n]+@)?(?:www\.)?([^:\/?\n]+)"


def _extract(text: str, pattern: str) -> str:
    """Give the pattern's first group, or NULL where nothing matches."""
    return f"REGEXP_EXTRACT_ALL({text}, {literal(pattern)}, 1)[1]"


simple(
    {
        "URLToDomain": _extract("{v}", _DOMAIN),
        "URLToProtocol": _extract("{v}", r"^(https|http)(?:\:)"),
        "FullNameToTitle": _extract("{v}", r"([A-Z][a-z]+)\. "),
        "FileExtension": f"LOWER({_extract('{v}', r'([.][a-z|A-Z]+$)')})",
        "EmailAddressToDomain": "STRING_SPLIT(TRIM({v}), '@')[2]",
        "OneDigitPostalCode": "LEFT(CAST({v} AS VARCHAR), 1)",
        "TwoDigitPostalCode": "LEFT(CAST({v} AS VARCHAR), 2)",
    },
    kind="text",
)


@transform("URLToTLD", strict=True)
def _url_to_tld(primitive: Any, args: list[Value], scope: Scope) -> Value:
    from featuretools.utils.common_tld_utils import COMMON_TLDS

    pattern = literal(rf"(?:\.({'|'.join(COMMON_TLDS)}))")
    return Value(f"REGEXP_EXTRACT_ALL({_extract(args[0].sql, _DOMAIN)}, {pattern}, 1)[-1]", "text", masked=True)


@transform("FullNameToFirstName", strict=True)
def _first_name(primitive: Any, args: list[Value], scope: Scope) -> Value:
    text = f"REGEXP_REPLACE({args[0].sql}, {literal(r'(^[A-Z][a-z]+[.] [A-Z][a-z]+$)')}, '', 'g')"
    text = f"REGEXP_REPLACE({text}, {literal(r'([A-Z][a-z]+)[.] ')}, '', 'g')"
    found = _extract(text, r"([A-Z][a-z]+ |, [A-Z][a-z]+$|^[A-Z][a-z]+$)")
    return Value(f"TRIM(REPLACE({found}, ',', ''))", "text", masked=True)


@transform("FullNameToLastName", strict=True)
def _last_name(primitive: Any, args: list[Value], scope: Scope) -> Value:
    pattern = r"(^.+?,|^[A-Z][a-z]+\. [A-Z][a-z]+$| [A-Z][a-z]+$| [A-Z][a-z]+[/-][A-Z][a-z]+$)"
    text = f"REGEXP_REPLACE({_extract(args[0].sql, pattern)}, {literal(r'([A-Z][a-z]+)[.] ')}, '', 'g')"
    return Value(f"TRIM(REPLACE({text}, ',', ''))", "text", masked=True)
