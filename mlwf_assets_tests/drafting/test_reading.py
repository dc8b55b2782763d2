"""How files are written is found in them, and ends in the fields of the workflow file."""

import pytest

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets_tests.drafting.toy import proposed, write_csv, write_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return proposed(write_shop(tmp_path_factory.mktemp("shop") / "files"), "outcome", name="shop")


def column(path, values, other="a"):
    """Draft over one column of text; its reading, and its table."""
    rows = [(i, value, "ab"[i % 2]) for i, value in enumerate(values)]
    made, _ = proposed(write_csv(path / "t.csv", f"id,{other},y", rows), "y")
    return made.tables[0].columns[other]


def test_delimiter_decimal_comma_encoding_and_words_for_missing_are_in_the_source(shop):
    _, workflow = shop
    options = workflow.sources["orders"].csv
    assert (options.delimiter, options.decimal, options.encoding) == (";", ",", "latin-1")
    assert options.null_values == ("", "NA", "k.A.")


def test_files_that_differ_in_digits_are_one_source_and_the_same_file_twice_is_read_once(shop):
    made, workflow = shop
    assert [name.rpartition("/")[2] for name in workflow.sources["orders"].path] == ["orders_1.csv", "orders_2.csv"]
    assert set(workflow.sources) == {"orders", "customers", "products"}
    assert "products_copy.parquet holds the same as products.parquet, byte by byte" in made.notes


def test_a_few_values_that_are_no_dates_or_numbers_go_to_quarantine_and_codes_stay_text(shop):
    made, workflow = shop
    columns = workflow.tables["orders"].columns
    assert (columns["ordered"].type, columns["ordered"].format) == ("date", "%d.%m.%Y")
    assert columns["total"].type == "number"
    found = made.tables[0].columns
    assert (found["ordered"].unreadable, found["ordered"].example) == (1, "30.02.2023")
    assert (found["total"].unreadable, found["total"].example) == (1, "teuer")
    assert found["plz"].reading.type == "string"


@pytest.mark.parametrize(
    ("values", "type_", "form"),
    [
        (["31/12/2023", "01/02/2023"], "date", "%d/%m/%Y"),
        (["12/31/2023", "01/02/2023"], "date", "%m/%d/%Y"),
        (["1.2.23", "31.12.23"], "date", "%d.%m.%y"),
        (["3 Mar 2024", "14 Apr 2024"], "date", "%d %b %Y"),
        (["31.12.2023 10:30", "01.02.2023 07:05"], "timestamp", "%d.%m.%Y %H:%M"),
        (["2023-12-31", "2023-01-02"], "date", None),
        (["2023-12-31 10:00", "2023-01-02 11:00"], "timestamp", None),
        (["1.2.3", "4.5.6"], "string", None),
        (["007", "012"], "string", None),
        (["2.5", "3"], "number", None),
        (["true", "false"], "boolean", None),
    ],
)
def test_forms_of_dates_and_numbers(tmp_path, values, type_, form):
    reading = column(tmp_path, values * 10).reading
    assert (reading.type, reading.format) == (type_, form)


def test_a_day_without_signs_is_one_only_where_the_name_says_so(tmp_path):
    values = ["20231231", "20240101"] * 10
    assert column(tmp_path, values, "order_date").reading.format == "%Y%m%d"
    assert column(tmp_path, values, "amount").reading.type == "integer"


def test_a_date_that_could_be_read_in_two_ways_says_so(tmp_path):
    assert column(tmp_path, ["01/02/2023", "03/04/2023"] * 10).reading.doubt == "%m/%d/%Y"
    assert column(tmp_path, ["01/02/2023", "13/04/2023"] * 10).reading.doubt is None


def test_where_some_whole_numbers_are_not_all_are_numbers(tmp_path):
    found = column(tmp_path, [*range(95), 1.5, 2.5, "x"])
    assert (found.reading.type, found.unreadable) == ("number", 1)


def test_windows_own_signs_are_read_as_windows_writes_them(tmp_path):
    (tmp_path / "t.csv").write_bytes("id,sign,y\n1,€,a\n2,–,b\n".encode("cp1252") * 1 + b"3,x,a\n4,x,b\n5,x,a\n6,x,b\n")
    _, workflow = proposed(tmp_path / "t.csv", "y")
    assert workflow.sources["t"].csv.encoding == "cp1252"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "must hold data, however it is empty"),
        ("a.csv", b"a,b\n", "must hold rows, however there are none below the header"),
        ("a.csv", b"1.5,2\n3,4\n", "must begin with a line of column names, however it begins with numbers: 1.5, 2"),
        ("a.csv", b"1,1\n3,4\n", "stands twice; write a line of names above the rows"),
        ("a.csv", b"a,A\n3,4\n", "columns must differ in more than case, however: 'a' and 'A'"),
        ("a.csv", b"a,b,c\n1,2,3\n1,2\n", "line 3 must have 3 fields, as the header has, however 2"),
        ("a.json", b'[{"a": 1},\n{"a": 2}]', "line 1 must be a JSON object"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=words):
        proposed(tmp_path / name, None)


def test_a_spreadsheet_is_answered_by_a_way_out(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(SpecError, match="it is a spreadsheet; save it as CSV"):
        proposed(tmp_path / "a.xlsx", None)
    with pytest.raises(SpecError, match=r"no such file \(a.xlsx is a spreadsheet: save it as CSV\)"):
        proposed(tmp_path, None)
    with pytest.raises(SpecError, match="must be a file or a folder of files, however there is none"):
        proposed(tmp_path / "b.csv", None)
