"""Whole runs by the command, in processes of their own, as a user starts them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from mlwf_assets_tests import small

MLWF = str(Path(sys.executable).with_name("mlwf"))


_EACH = """
import json, os, sys, tempfile, traceback
from mlwf_assets.cli import main
kept, done = (os.dup(1), os.dup(2)), []
for arguments in json.loads(sys.argv[1]):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2)
        code = 0
        try:
            main(arguments, prog_name="mlwf")
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush(), sys.stderr.flush()
        os.dup2(kept[0], 1), os.dup2(kept[1], 2)
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read())
        done.append([code, *said])
print(json.dumps(done))
"""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


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

    def each(self, *commands):
        """Run commands one after another in one process, for imports take longer than small runs.

        Returns exit code, stdout and stderr of each.
        """
        lines = json.dumps([[str(word) for word in command] for command in commands])
        return [Done(*one) for one in self.python(_EACH, lines)]

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
