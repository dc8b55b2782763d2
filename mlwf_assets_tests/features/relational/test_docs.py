"""The table of primitives in the docs says what runs in SQL."""

import re
from pathlib import Path

from mlwf_assets.features.quiet import quiet_libraries

with quiet_libraries():
    import featuretools  # noqa: F401 - its import warns

    from mlwf_assets.features import relational

_DOCS = Path(__file__).parents[3] / "docs" / "relational.md"


def test_the_docs_list_the_primitives_that_run_in_sql():
    rows = re.findall(r"^\| (\w+), in SQL \((\d+)\) \| (.*) \|$", _DOCS.read_text(encoding="utf-8"), re.MULTILINE)

    assert {kind: re.findall(r"`(\w+)`", names) for kind, _, names in rows} == relational.supported_primitives()
    assert {kind: int(count) for kind, count, _ in rows} == {
        kind: len(names) for kind, names in relational.supported_primitives().items()
    }
