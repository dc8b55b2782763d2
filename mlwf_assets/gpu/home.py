"""Where the ledger and the quota file of a machine live, and who may write there.

`MLWF_GPU_HOME` says it; else the machine's own folder where it is there, else one of the user's. What stands in the
files is not known here.
"""

import grp
import os
from dataclasses import dataclass
from pathlib import Path

from mlwf_assets.errors import LedgerError

MACHINE = Path("/var/lib/mlwf/gpu")
_EXAMPLE = """\
# The GPUs of this machine and the queues that share them; a change counts at once, for everybody.
# Fields: docs/gpu.md. Without `devices`, NVIDIA's own list is read (pip install 'mlwf_assets[gpu]').
{devices}
queues:
  - {{name: default, deserved: {deserved}}}
"""


@dataclass(frozen=True)
class GpuHome:
    """One machine's folder.

    Attributes:
        folder: of the ledger and the two files beside it.
    """

    folder: Path

    @property
    def quota_file(self) -> Path:
        """The queues and what they deserve."""
        return self.folder / "gpu.yaml"

    @property
    def told_file(self) -> Path:
        """What declared devices are doing."""
        return self.folder / "devices.yaml"

    @property
    def ledger_file(self) -> Path:
        """The ledger."""
        return self.folder / "ledger.sqlite"


def find_gpu_home() -> GpuHome:
    """Find the folder, whether it is there or not."""
    if said := os.environ.get("MLWF_GPU_HOME"):
        return GpuHome(Path(said).expanduser().absolute())
    return GpuHome(MACHINE if MACHINE.is_dir() else Path.home() / ".mlwf-gpu")


def init_gpu_home(home: GpuHome, *, group: str | None, example: tuple[str, int]) -> bool:
    """Make the folder, writable for its owner or for a group, and a first quota file where there is none.

    Args:
        group: name of a Unix group whose members share the ledger.
        example: the lines with the devices, and how many there are.
    Returns:
        Whether the quota file is new.
    Raises:
        LedgerError: if there is no such group, or if the folder cannot be made.
    """
    try:
        number = grp.getgrnam(group).gr_gid if group else None
    except KeyError:
        message = f"--group must be a Unix group of this machine, however: there is no {group!r}; `groupadd` makes one"
        raise LedgerError(message) from None
    try:
        home.folder.mkdir(parents=True, exist_ok=True)
        if number is not None:
            os.chown(home.folder, -1, number)
        # setgid: the ledger's files get the folder's group, whoever makes them
        home.folder.chmod(0o2770 if group else 0o700)
        if is_new := not home.quota_file.exists():
            home.quota_file.write_text(_EXAMPLE.format(devices=example[0], deserved=example[1]), encoding="utf-8")
        for file in home.folder.iterdir():
            if number is not None:
                os.chown(file, -1, number)
            file.chmod(0o660 if group else 0o600)
    except OSError as problem:
        raise LedgerError(
            f"{home.folder}: must be a folder that this user may make and write, however: {problem}. Let root run "
            "`mlwf gpu init --group GROUP` once, or set MLWF_GPU_HOME to a folder of your own"
        ) from None
    return is_new
