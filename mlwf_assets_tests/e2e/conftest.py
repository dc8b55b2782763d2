"""Whole runs by the command, in processes of their own, as a user starts them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlwf_assets_tests import small

MLWF = str(Path(sys.executable).with_name("mlwf"))


@dataclass(frozen=True)
class Installation:
    """A home, and the command that works in it."""

    home: Path
    cwd: Path

    @property
    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLWF_", "DAGSTER_"))}
        return {**kept, "MLWF_HOME": str(self.home), "PYTHONWARNINGS": "ignore"}

    def mlwf(self, *arguments, code=0):
        """Run the command to its end; return what it printed on stdout."""
        done = subprocess.run(
            [MLWF, *map(str, arguments)],
            cwd=self.cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *arguments, environment=None):
        """Start the command and return its process."""
        return subprocess.Popen(
            [MLWF, *map(str, arguments)],
            cwd=self.cwd,
            env=environment or self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_json(self, *arguments, code=0):
        return json.loads(self.mlwf("run", *arguments, "--json", code=code).stdout)

    def python(self, text, *arguments, **variables):
        """Run a script in a fresh process; return its last line as JSON."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", text, *map(str, arguments)],
            cwd=self.cwd,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def installation(tmp_path):
    (tmp_path / "cwd").mkdir()
    return Installation(tmp_path / "home", tmp_path / "cwd")


@pytest.fixture(scope="session")
def parcels(tmp_path_factory):
    """The small workflow, run once to a registered model: (folder, installation, the run's document)."""
    base = tmp_path_factory.mktemp("parcels")
    (base / "cwd").mkdir()
    folder = small.write(base / "parcels")
    installation = Installation(base / "home", base / "cwd")
    return folder, installation, installation.run_json(folder)
