"""What was measured on: processor, memory, versions. Never a name or a path of the machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "wakelift", "numpy", "pandas", "pyarrow", "polars", "duckdb", "narwhals", "marketing-attribution-models",
    "ChannelAttribution",
)  # fmt: skip


def _field(place: str, key: str) -> str:
    path = Path(place)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def _cache(level: str) -> str:
    """The size of a processor's cache of this level."""
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (index / "level").read_text(encoding="ascii").strip() == level:
            return (index / "size").read_text(encoding="ascii").strip()
    return "unknown"


def _installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} absent"


def description() -> dict[str, str]:
    """The machine in words."""
    flags = _field("/proc/cpuinfo", "flags").split()
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "neither AVX2 nor AVX-512 known"
    memory = _field("/proc/meminfo", "MemTotal").split()
    model = _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()
    return {
        "processor": f"{model}, {os.cpu_count()} cores, {vectors}, L2 {_cache('2')}, L3 {_cache('3')}",
        "memory": f"{int(memory[0]) / 2**20:.0f} GiB" if memory else "unknown",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(_installed(package) for package in PACKAGES),
    }


def load() -> str:
    """The load average of the last 1, 5 and 15 minutes."""
    return " / ".join(f"{one:.1f}" for one in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
