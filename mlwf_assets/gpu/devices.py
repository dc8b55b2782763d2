"""The GPUs as they are right now, behind one small interface with two implementations.

NVML reads what the driver knows; declared devices are named in the quota file, and what they are doing is told in a
file, so that every rule can be tried without a GPU. Nothing is decided here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlwf_assets.errors import SourceError
from mlwf_assets.gpu.quota_file import Declared
from mlwf_assets.spec.yaml_text import parse_yaml

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU at one moment.

    Attributes:
        name: what people call it, and what the ledger knows it by.
        visible_as: what CUDA_VISIBLE_DEVICES names it.
        used_mib: None where it is not known, as all of these.
        utilization: percent of the last second in which something ran.
        processes: pids of what computes on it.
    """

    name: str
    visible_as: str
    memory_mib: int
    used_mib: int | None = None
    utilization: int | None = None
    processes: tuple[int, ...] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is known to do nothing: no process on it, or none of them ran."""
        return self.utilization == 0 or self.processes == ()


class Devices(Protocol):
    """All GPUs of a machine."""

    def read(self) -> list[Device]:
        """Look at them.

        Raises:
            SourceError: if that is not possible.
        """


@dataclass(frozen=True)
class DeclaredDevices:
    """Devices of the quota file.

    Attributes:
        told: a file with what they are doing, `NAME: {utilization: 90, used_mib: 800, processes: [4711]}`; what it
            leaves out is not known.
    """

    declared: Sequence[Declared]
    told: Path

    def read(self) -> list[Device]:
        """Look at them, and at the file."""
        told = self._told()
        found = []
        for number, device in enumerate(self.declared):
            says = told.get(device.name) or {}
            pids = says.get("processes")
            found.append(
                Device(
                    device.name,
                    str(number),
                    device.memory_mib,
                    says.get("used_mib"),
                    says.get("utilization"),
                    None if pids is None else tuple(pids),
                )
            )
        return found

    def _told(self) -> dict[str, dict[str, Any]]:
        try:
            text = self.told.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise SourceError(f"{self.told}: must be readable, however: {problem}") from None
        parsed = parse_yaml(text)
        data = parsed.data or {}
        if parsed.mistakes or not isinstance(data, dict) or not all(_is_told(one) for one in data.values()):
            form = "NAME: {utilization: 0 to 100, used_mib: MiB, processes: [PID, ...]}"
            raise SourceError(f"{self.told}: must say '{form}' for each device, however: {text.strip()[:200]!r}")
        return data


def _is_told(one: Any) -> bool:
    if one is None:
        return True
    if not isinstance(one, dict) or not set(one) <= {"utilization", "used_mib", "processes"}:
        return False
    pids = one.get("processes") or []
    numbers = [one.get("utilization"), one.get("used_mib"), *(pids if isinstance(pids, list) else ["?"])]
    return all(number is None or (isinstance(number, int) and number >= 0) for number in numbers)


class NvmlDevices:
    """NVIDIA's GPUs, as the driver knows them; needs the extra `gpu` (nvidia-ml-py)."""

    def read(self) -> list[Device]:
        """Ask the driver."""
        try:
            import pynvml
        except ImportError:
            raise SourceError(
                "NVIDIA's GPUs are read through nvidia-ml-py, however: it is not installed. Run "
                "`pip install 'mlwf_assets[gpu]'`, or declare `devices:` in gpu.yaml"
            ) from None
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as problem:
            raise SourceError(
                f"NVIDIA's driver must answer, however: {problem}. Without a GPU, declare `devices:` in gpu.yaml"
            ) from None
        try:
            return [self._read_one(pynvml, number) for number in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError as problem:
            raise SourceError(f"NVIDIA's driver must tell of each GPU, however: {problem}") from None
        finally:
            pynvml.nvmlShutdown()

    def _read_one(self, pynvml: Any, number: int) -> Device:
        handle = pynvml.nvmlDeviceGetHandleByIndex(number)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        return Device(
            str(number),
            # by UUID: CUDA counts the fastest one first, the driver by slot
            _text(pynvml.nvmlDeviceGetUUID(handle)),
            memory.total // _MIB,
            memory.used // _MIB,
            _unless_unsupported(pynvml, lambda: int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
            _unless_unsupported(
                pynvml, lambda: tuple(one.pid for one in pynvml.nvmlDeviceGetComputeRunningProcesses(handle))
            ),
        )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _unless_unsupported(pynvml: Any, ask: Any) -> Any:
    """What some devices do not tell (utilization under MIG, processes in containers) is not known."""
    try:
        return ask()
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_NoPermission):
        return None
