"""The memory of a process."""

from pathlib import Path


def memory_of(pid: int, field: str) -> float:
    """VmRSS or VmHWM (the peak) of the process itself, in MiB."""
    return _mebibytes(pid, "status", field)


def proportional_memory_of(pid: int) -> float:
    """As resident memory, but of what it shares with other processes only its part, in MiB."""
    return _mebibytes(pid, "smaps_rollup", "Pss")


def _mebibytes(pid: int, file: str, field: str) -> float:
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {field}")


def is_sanitized(binary: str) -> bool:
    """A sanitizer's shadow memory says nothing about what the program itself needs."""
    program = Path(binary).read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program
