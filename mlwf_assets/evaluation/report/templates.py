"""The page's templates and style, files beside this module; and their fingerprint.

A recipe's hash of code sees Python alone, so whoever plans the report asks here whether the page has changed.
"""

from pathlib import Path

from mlwf_assets.lake.fingerprint import hash_bytes

FOLDER = Path(__file__).parent


def fingerprint() -> str:
    """Name the content of all templates and of the style.

    Example:
        >>> len(fingerprint())
        32
    """
    files = sorted(file for file in FOLDER.iterdir() if file.suffix in (".html", ".css"))
    return hash_bytes(b"\0".join(file.name.encode() + b"\0" + file.read_bytes() for file in files))
