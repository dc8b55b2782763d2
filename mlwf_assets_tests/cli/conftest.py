"""The command in processes of its own, as a user calls it."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

MLWF = str(Path(sys.executable).with_name("mlwf"))


@dataclass(frozen=True)
class Shell:
    """A folder to stand in, and a home below it."""

    folder: Path
    variables: dict = field(default_factory=dict)

    @property
    def home(self):
        return self.folder / "home"

    @property
    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLWF_", "DAGSTER_"))}
        return {**kept, "MLWF_HOME": str(self.home), **self.variables}

    def mlwf(self, *arguments):
        """Run the command to its end."""
        return self.run(MLWF, *arguments)

    def python(self, text, *arguments):
        """Run a script to its end."""
        return self.run(sys.executable, "-c", text, *arguments)

    def run(self, *command):
        return subprocess.run(
            [*map(str, command)], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip

    def start(self, *arguments, **variables):
        """Start the command; its process."""
        return subprocess.Popen(
            [MLWF, *map(str, arguments)], cwd=self.folder, env={**self.environment, **variables},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)
