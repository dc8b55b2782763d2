"""Where state lives: one folder for the lake, the MLflow store, reports and Dagster's instance."""

import os
from pathlib import Path


def home_folder() -> Path:
    """Return MLWF_HOME, or `.mlwf` in the working directory, as an absolute path.

    Example:
        >>> home_folder().is_absolute()
        True
    """
    return Path(os.environ.get("MLWF_HOME") or ".mlwf").absolute()
