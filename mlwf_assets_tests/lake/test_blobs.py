"""Files under the hash of their bytes: written once, whole or not there, checked when read."""

import pytest

from mlwf_assets.errors import LakeError
from mlwf_assets.lake.blobs import blob_path, get_blob, put_blob


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 5000], ids=["empty", "small", "large"])
def test_what_is_put_is_got(tmp_path, content):
    assert get_blob(tmp_path, put_blob(tmp_path, content)) == content


def test_the_same_bytes_are_kept_once(tmp_path):
    name = put_blob(tmp_path, b"model")
    written_ns = blob_path(tmp_path, name).stat().st_mtime_ns
    assert put_blob(tmp_path, b"model") == name
    assert blob_path(tmp_path, name).stat().st_mtime_ns == written_ns
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [name]


def test_a_torn_file_is_reported_and_mended_by_writing_again(tmp_path):
    name = put_blob(tmp_path, b"model")
    path = blob_path(tmp_path, name)
    path.write_bytes(b"mod")
    with pytest.raises(LakeError, match=rf"{name} must hold what its name says, however: its 3 bytes .*; delete it"):
        get_blob(tmp_path, name)
    put_blob(tmp_path, b"model")
    assert get_blob(tmp_path, name) == b"model"


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(LakeError, match=r"abcd must be there, however: No such file.*; run again"):
        get_blob(tmp_path, "abcd")
