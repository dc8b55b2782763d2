"""Text in: characters, words, marks. Python and DuckDB's RE2 agree on what is used of regular expressions here.

Look-arounds are unknown to RE2: hashtags, mentions and quoted words stay with featuretools.
"""

import re
import string
from typing import Any

from mlwf_assets.features.relational.engine.layers import NotServed, Scope
from mlwf_assets.features.relational.engine.transforms.registry import simple, transform
from mlwf_assets.features.relational.engine.values import Value, literal

_DELIMITERS = "[ \n\t]"
_PUNCTUATION = literal(string.punctuation)
_WORDS = f"REGEXP_SPLIT_TO_ARRAY({{v}}, {literal(_DELIMITERS)})"
_BARE = f"TRIM(word, {_PUNCTUATION})"
# What Python's \s means, and RE2's does not.
_SPACE = r"\s\v\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"


def _class(characters: str) -> str:
    return "".join(re.escape(one) for one in characters)


simple(
    {
        "NumCharacters": "LENGTH({v})",
        "NumWords": f"LEN(LIST_FILTER({_WORDS}, LAMBDA word : {_BARE} <> ''))",
        "UpperCaseWordCount": f"LEN(LIST_FILTER({_WORDS}, LAMBDA word : {_BARE} <> '' AND UPPER(word) = word))",
        "PunctuationCount": f"LEN(REGEXP_EXTRACT_ALL({{v}}, {literal('[' + _class(string.punctuation) + ']')}))",
        "UpperCaseCount": "LEN(REGEXP_EXTRACT_ALL({v}, '[A-Z]'))",
        "TitleWordCount": f"LEN(REGEXP_EXTRACT_ALL({{v}}, {literal(f'[A-Z][^{_SPACE}]*')}))",
    },
    kind="int",
    masked=True,
)
_ENDS = r"[!,.:;?]+$|[!,.:;?]+ |[!,.:;?]+\n"
_PARTS = f"LIST_FILTER(REGEXP_SPLIT_TO_ARRAY(REGEXP_REPLACE({{v}}, {literal(_ENDS)}, ' ', 'g'), "
_PARTS += f"{literal(f'[{_SPACE}]+')}), LAMBDA word : word <> '')"
simple(
    {
        "MeanCharactersPerWord": "CASE WHEN {v} IS NOT NULL THEN "
        f"COALESCE(LIST_AVG(LIST_TRANSFORM({_PARTS}, LAMBDA word : LENGTH(word))), 0) END"
    },
    masked=False,
)


@transform("CountString", "WhitespaceCount", strict=True)
def _count_string(primitive: Any, args: list[Value], scope: Scope) -> Value:
    if primitive.is_regex or primitive.match_whole_words_only:
        raise NotServed("regular expressions are Python's")
    text, wanted = args[0].sql, primitive.process_text(primitive.string)
    if not wanted:
        raise NotServed("an empty string is found everywhere")
    if primitive.ignore_non_alphanumeric:
        text = f"REGEXP_REPLACE({text}, '[^0-9a-zA-Z ]+', '', 'g')"
    if primitive.ignore_case:
        text = f"LOWER({text})"
    missing = f"LENGTH(REPLACE({text}, {literal(wanted)}, ''))"
    return Value(f"(LENGTH({text}) - {missing}) / {len(wanted)}e0", "float")


@transform("TotalWordLength", strict=True)
def _total_word_length(primitive: Any, args: list[Value], scope: Scope) -> Value:
    if primitive.do_not_count != f"[{string.punctuation}\n\t ]":
        raise NotServed("regular expressions are Python's")
    # Python reads the unescaped marks as a class with a range in it: `+--` is `+`, `,`, `-`, all of them marks; of the
    # brackets and the backslash `\]` is the closing bracket, so that a backslash is counted as part of a word.
    marks = _class(string.punctuation.replace("\\", "") + "\n\t ")
    count = f"LEN(REGEXP_EXTRACT_ALL({args[0].sql}, {literal(f'[{marks}]')}))"
    return Value(f"LENGTH({args[0].sql}) - {count}", "int", masked=True)


@transform("MedianWordLength", strict=True)
def _median_word_length(primitive: Any, args: list[Value], scope: Scope) -> Value:
    words = f"LIST_FILTER({_split(primitive, args[0])}, LAMBDA word : word <> '')"
    return Value(f"LIST_MEDIAN(LIST_TRANSFORM({words}, LAMBDA word : LENGTH(word)))", "float")


@transform("NumberOfCommonWords", strict=True)
def _number_of_common_words(primitive: Any, args: list[Value], scope: Scope) -> Value:
    words = ", ".join(literal(word) for word in sorted(primitive.word_set))
    common = f"LIST_CONTAINS([{words}], TRIM(LOWER(word), {_PUNCTUATION}))"
    return Value(f"LEN(LIST_FILTER({_split(primitive, args[0])}, LAMBDA word : {common}))", "int", masked=True)


def _split(primitive: Any, value: Value) -> str:
    if primitive.delimiters_regex != _DELIMITERS:
        raise NotServed("regular expressions are Python's")
    return _WORDS.replace("{v}", value.sql)


@transform("NumberOfUniqueWords", strict=True)
def _number_of_unique_words(primitive: Any, args: list[Value], scope: Scope) -> Value:
    text = f"LOWER({args[0].sql})" if primitive.case_insensitive else args[0].sql
    words = f"LIST_TRANSFORM({_WORDS.replace('{v}', text)}, LAMBDA word : {_BARE})"
    return Value(f"LEN(LIST_DISTINCT(LIST_FILTER({words}, LAMBDA word : word <> '')))", "int", masked=True)


@transform("NumUniqueSeparators", strict=True)
def _num_unique_separators(primitive: Any, args: list[Value], scope: Scope) -> Value:
    single = sorted({one for one in primitive.separators if len(one) == 1})
    found = " + ".join(f"CAST(CONTAINS({args[0].sql}, {literal(one)}) AS INTEGER)" for one in single)
    return Value(f"({found or '0'})", "int", masked=True)
