"""What a bench ran on: every figure is one machine's."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The processor, how many of its cores this process may use, and the interpreter."""

    cpu: str
    cores: int
    load: float  # processes that wanted a core during the last minute: high figures disturb each other
    python: str
    system: str

    def __str__(self) -> str:
        return f"{self.cpu}, {self.cores} cores, load {self.load:.1f}, Python {self.python}, {self.system}"


def this_machine() -> Machine:
    """Describe the machine that this runs on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    system = f"{platform.system()} {platform.release()}"
    return Machine(_cpu_name(), cores, round(os.getloadavg()[0], 2), platform.python_version(), system)


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
