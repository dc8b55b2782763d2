"""Which files are read, under which names, and what is said of those that cannot be."""

import gzip
import sys
import zipfile

import pytest

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.lake.connectors import source_columns, source_fingerprint
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets_tests.lake.connectors.toy import read, write, write_zip

CSV = "a,b\n1,2\n3,4\n"


def places(folder, path="*", **options):
    table = read(folder, path, **options).table
    return list(zip(table["_file"].to_pylist(), table["_row"].to_pylist(), strict=True))


def test_files_come_in_the_order_of_patterns_then_of_names_each_once(tmp_path):
    for name in ("b.csv", "a.csv", "old/z.csv", "old/deep/y.csv"):
        write(tmp_path / "data" / name, "a\n1\n")
    assert [file for file, _ in places(tmp_path, ["data/old/z.csv", "data/**/*.csv"])] == [
        "data/old/z.csv",
        "data/a.csv",
        "data/b.csv",
        "data/old/deep/y.csv",
    ]


def test_positions_begin_at_0_in_each_file(tmp_path):
    write(tmp_path / "a.csv", CSV)
    write(tmp_path / "b.csv.gz", CSV)
    assert places(tmp_path) == [("a.csv", 0), ("a.csv", 1), ("b.csv.gz", 0), ("b.csv.gz", 1)]


def test_a_name_may_look_like_a_pattern(tmp_path):
    write(tmp_path / "sales [2013].csv", CSV)
    assert places(tmp_path, "sales [2013].csv")[0] == ("sales [2013].csv", 0)


def test_files_outside_the_folder_are_found_by_relative_and_absolute_paths(tmp_path, monkeypatch):
    write(tmp_path / "lake" / "a.csv", CSV)
    (tmp_path / "workflow").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places(tmp_path / "workflow", "../lake/*.csv")[0] == ("../lake/a.csv", 0)
    for path in (f"{tmp_path}/lake/*.csv", "~/lake/a.csv"):
        assert places(tmp_path / "workflow", path)[0] == (f"{tmp_path}/lake/a.csv", 0)


def test_the_same_content_under_two_names_is_read_twice(tmp_path):
    write(tmp_path / "a.csv", CSV)
    write(tmp_path / "copy of a.csv", CSV)
    assert len(places(tmp_path)) == 4


def test_a_lone_member_goes_by_the_name_of_its_archive_and_several_by_their_own(tmp_path):
    write_zip(tmp_path / "one.zip", {"x.csv": CSV, "__MACOSX/._x.csv": "junk", "dir/": ""})
    write_zip(tmp_path / "two.zip", {"b.csv": CSV, "dir/a.csv.gz": gzip.compress(CSV.encode())})
    assert {file for file, _ in places(tmp_path)} == {"one.zip", "two.zip/b.csv", "two.zip/dir/a.csv.gz"}


def test_members_that_are_no_data_are_named(tmp_path):
    write_zip(tmp_path / "a.zip", {"a.csv": CSV, "README.md": "words"})
    result = read(tmp_path)
    assert result.metadata == {
        "files": {"a.zip": 2},
        "not read, for it is no data by its name": ["a.zip/README.md"],
    }


def test_archives_in_archives_are_opened(tmp_path):
    inner = write_zip(tmp_path / "inner.zip", {"a.csv": CSV, "b.csv": CSV}).read_bytes()
    write_zip(tmp_path / "outer.zip", {"inner.zip": inner})
    assert {file for file, _ in places(tmp_path, "outer.zip")} == {
        "outer.zip/inner.zip/a.csv",
        "outer.zip/inner.zip/b.csv",
    }


def test_a_given_form_overrules_the_name(tmp_path):
    write(tmp_path / "a.dat", CSV)
    assert places(tmp_path, "a.dat", format="csv") == [("a.dat", 0), ("a.dat", 1)]
    with pytest.raises(SpecError, match=r"a\.dat must tell its form by its name \(\.csv, .*write 'format: csv'"):
        read(tmp_path, "a.dat")


def test_many_files_are_not_all_listed(tmp_path):
    for number in range(53):
        write(tmp_path / f"{number:02}.csv", "a\n1\n")
    metadata = read(tmp_path).metadata
    assert (len(metadata["files"]), metadata["files that are not listed"]) == (50, 3)


def test_a_package_is_found_without_being_imported(tmp_path, monkeypatch):
    write(tmp_path / "packed_toy" / "__init__.py", "raise ImportError('must not run')")
    write(tmp_path / "packed_toy" / "data" / "a.csv", CSV)
    monkeypatch.syspath_prepend(tmp_path)
    assert places(tmp_path / "elsewhere", "data/*.csv", package="packed_toy")[0] == ("data/a.csv", 0)
    assert "packed_toy" not in sys.modules


@pytest.mark.parametrize("package", ["no_such_package", "math", "os.path", ".", "no_such.sub"])
def test_a_package_that_is_not_there_is_the_users_mistake(tmp_path, package):
    with pytest.raises(SpecError, match=r"must be installed, however it is not found; pip install"):
        read(tmp_path, package=package)


def test_no_match_says_what_there_is(tmp_path):
    write(tmp_path / "data" / "flight.csv", CSV)
    with pytest.raises(SourceError, match=r"'data/flights\.csv' must name a file in folder .* there are: flight\.csv"):
        read(tmp_path, "data/flights.csv")
    with pytest.raises(SourceError, match=r"'data' must name a file .* it is a folder: write data/\*\.csv"):
        read(tmp_path, "data")
    with pytest.raises(SourceError, match=r"'nothing/\*\.csv' must .* its folder is empty or missing"):
        source_fingerprint(FilesSource(path="nothing/*.csv"), tmp_path)


def test_a_spreadsheet_is_answered_by_what_to_do(tmp_path):
    write(tmp_path / "a.xlsx", b"PK\x03\x04")
    with pytest.raises(SpecError, match=r"a\.xlsx must be CSV, .* it is a spreadsheet; save it as CSV"):
        read(tmp_path)


def test_an_archive_without_data_says_what_it_holds(tmp_path):
    write_zip(tmp_path / "a.zip", {"notes.md": "words"})
    with pytest.raises(SourceError, match=r"must hold CSV, Parquet or JSON lines, however it holds: notes\.md"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zip"])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_truncated_archive_is_never_read_in_part(tmp_path, name, keep):
    text = "a,b\n" + "".join(f"{i},{i * i}\n" for i in range(500))
    path = write(tmp_path / name, text)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(SourceError, match=rf"{name}.* must be readable to its end, however: .*copy it again"):
        read(tmp_path)


def test_a_flipped_byte_in_an_archive_is_found(tmp_path):
    path = write(tmp_path / "a.csv.zip", "a\n" + "1\n" * 1000)
    content = bytearray(path.read_bytes())
    content[42] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(SourceError, match="must be readable to its end"):
        read(tmp_path)


def test_a_locked_archive_is_refused(tmp_path):
    path = write(tmp_path / "a.csv.zip", CSV)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        offset = archive.start_dir
    content[6] |= 1  # the flag of encryption, in both headers
    content[offset + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"must be readable to its end, however: .*password"):
        read(tmp_path)


def test_only_the_beginning_is_read_for_the_names(tmp_path):
    path = write(tmp_path / "a.csv.gz", "a,b\n" + "1,2\n" * 200_000)
    path.write_bytes(path.read_bytes()[:-20])
    assert source_columns(FilesSource(path="a.csv.gz"), tmp_path) == ["a", "b"]


def test_the_fingerprint_knows_names_and_contents_and_nothing_else(tmp_path):
    def named(path="*.csv"):
        return source_fingerprint(FilesSource(path=path), tmp_path)

    path = write(tmp_path / "a.csv", CSV)
    first = named()
    write(tmp_path / "a.csv", CSV)
    assert named() == named("a.csv") == first
    write(path, CSV.replace("4", "5"))
    assert named() != first
    write(path, CSV)
    path.rename(tmp_path / "b.csv")
    assert named() != first
    write(path, CSV)
    assert named("a.csv") == first != named()
