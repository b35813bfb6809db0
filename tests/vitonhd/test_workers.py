"""Jobs in several processes: all done, stopped by the first failure, gone with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from vitonhd.workers import each

ROOT = Path(__file__).parents[2]


def _touch(folder: Path, name: int) -> int:
    if name < 0:
        raise OSError(28, "No space left on device")
    time.sleep(0.2)
    (folder / str(name)).touch()
    return name


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once_in_order(tmp_path: Path, workers: int) -> None:
    assert list(each(partial(_touch, tmp_path), range(6), workers)) == list(range(6))
    assert sorted(path.name for path in tmp_path.iterdir()) == [str(number) for number in range(6)]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_failure_stops_the_rest(tmp_path: Path, workers: int) -> None:
    with pytest.raises(OSError, match="No space left"):
        list(each(partial(_touch, tmp_path), [-1, *range(100)], workers))
    assert len(list(tmp_path.iterdir())) < 20


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    code = """if __name__ == "__main__":
    import sys, functools, pathlib
    from tests.vitonhd.test_workers import _touch
    from vitonhd.workers import each
    list(each(functools.partial(_touch, pathlib.Path(sys.argv[1])), range(10_000), 2))
"""
    script = tmp_path / "parent.py"
    script.write_text(code)
    folder = tmp_path / "done"
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, str(script), str(folder)], env=environment)
    while not any(folder.iterdir()):
        assert parent.poll() is None
        time.sleep(0.05)
    workers = psutil.Process(parent.pid).children(recursive=True)
    assert len(workers) >= 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []
