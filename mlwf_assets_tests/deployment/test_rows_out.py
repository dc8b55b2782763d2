import datetime as dt
import io
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlwf_assets.deployment.rows_out import told_form, write_rows
from mlwf_assets.errors import SpecError

TABLE = pa.table(
    {
        "at": [dt.datetime(2024, 6, 1, tzinfo=dt.UTC), None],
        "share": [0.1 + 0.2, math.pi],
        "late": [True, None],
        "words": ['a, "b"', "ä"],
    }
)


def written(form):
    stream = io.BytesIO()
    write_rows(TABLE, stream, form)
    assert not stream.closed
    return stream.getvalue()


def test_csv_quotes_only_where_it_must_and_keeps_all_digits():
    assert written("csv").decode() == (
        'at,share,late,words\n2024-06-01 00:00:00+00:00,0.30000000000000004,true,"a, ""b"""\n,3.141592653589793,,ä\n'
    )


def test_json_lines_are_an_object_a_row():
    first, second = map(json.loads, written("jsonl").decode().splitlines())
    assert first["share"] == 0.1 + 0.2
    assert second == {"at": None, "share": math.pi, "late": None, "words": "ä"}


def test_parquet_keeps_types():
    assert pq.read_table(io.BytesIO(written("parquet"))).equals(TABLE)


def test_a_name_that_tells_no_form_is_refused():
    assert [told_form(name) for name in ("a.CSV", "b.ndjson", "c.pq")] == ["csv", "jsonl", "parquet"]
    with pytest.raises(SpecError, match=r"out.xlsx: the name must end in .csv, .* however it does not"):
        told_form("out.xlsx")
