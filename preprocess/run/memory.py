"""The peak of this process's memory over a stretch of work.

The contract that must not break: it measures only; where the system does not tell, it says so by None.
"""

from __future__ import annotations

import re
from pathlib import Path

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_RESET_PEAK = "5"


def reset_peak() -> bool:
    """Begin a stretch: the peak becomes what is held now (proc(5), Linux 4.0). False where that can't be done."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def peak() -> int | None:
    """Bytes at the highest since `reset_peak` (VmHWM); None where the system does not tell."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else 1024 * int(found[1])
