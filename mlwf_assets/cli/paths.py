"""How paths are shown to people: from where they stand, as long as that is below."""

import os
from pathlib import Path


def shown(path: Path) -> str:
    """Write a path as it may be typed here.

    Example:
        >>> shown(Path.cwd() / "trips"), shown(Path("/"))
        ('trips', '/')
    """
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
