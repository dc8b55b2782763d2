"""Files made on the spot, and short ways to read them."""

import gzip
import json
import zipfile

from mlwf_assets.lake.connectors import read_source
from mlwf_assets.spec.sources import FilesSource


def write(path, content, *, encoding="utf-8"):
    """Write text or bytes, packed as the name says."""
    data = content.encode(encoding) if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        data = gzip.compress(data)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.stem, data)
    else:
        path.write_bytes(data)
    return path


def write_zip(path, members):
    """Write an archive of several members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def read(folder, path="*", **options):
    """Read a source without partitions."""
    return read_source(FilesSource(path=path, **options), folder)[None]


def rows(folder, path="*", **options):
    """The rows of a source without partitions, as lists by column, without their place."""
    table = read(folder, path, **options).table
    return {name: table[name].to_pylist() for name in table.column_names if name not in ("_file", "_row")}


def types(result):
    """The types that stand beside a result."""
    return json.loads(result.files["types.json"])
