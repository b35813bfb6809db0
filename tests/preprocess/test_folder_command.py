"""`lookbook preprocess folder` as people run it: the real command, a real (tiny) student, kills included."""

import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from preprocess.chain.taking import Taken
from preprocess.folder import decoding
from tests.conftest import Lookbook
from tests.preprocess.drawn_student import drawn_student, write_photos
from tests.preprocess.test_folder import contents

SIZE = (384, 512)


class Made:
    """A folder of drawn photos and the weights of a student that knows such."""

    def __init__(self, folder: Path) -> None:
        self.weights = drawn_student(folder)
        self.photos = folder / "photos"
        for copy in range(3):
            write_photos(folder / "data", self.photos / str(copy))
        (self.photos / "broken.jpg").write_bytes(b"broken")

    def arguments(self, out: Path, *more: str) -> list[str]:
        size = f"{SIZE[0]}x{SIZE[1]}"
        return [
            "preprocess", "folder", str(self.photos), str(out), "--weights", str(self.weights), "--size", size, *more
        ]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_and_run_again_it_ends_with_the_same_tree(lookbook: Lookbook, made: Made, tmp_path: Path) -> None:
    whole = lookbook(*made.arguments(tmp_path / "whole"), timeout=280)
    assert whole.code == 0, whole.stderr
    counts = {key: whole.summary[key] for key in ("people", "garments", "rejected", "pairs", "kept")}
    assert counts == {"people": 6, "garments": 12, "rejected": 7, "pairs": 72, "kept": 0}
    assert whole.summary["reasons"] == {"other-class": 6, "unsupported-format": 1}
    out, moments = tmp_path / "killed", random.Random(5)
    for lines in (0, 1, 9):
        _kill_after(lookbook, made.arguments(out, "--workers", "2"), out, lines, moments.random() / 4)
        assert not (out / "items.csv").exists(), "it was done before it was killed"
    again = lookbook(*made.arguments(out, "--workers", "2"), timeout=280)
    assert again.code == 0 and again.summary["kept"] > 0, again.stderr
    assert contents(out) == contents(tmp_path / "whole")
    assert not list(out.rglob(".partial-*"))


def _kill_after(lookbook: Lookbook, arguments: list[str], out: Path, lines: int, seconds: float) -> None:
    """Start the command, and kill it with its workers a moment after so many pictures are done."""
    process = lookbook.start(*arguments)
    patience = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < patience and _done(out) < lines:
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _done(out: Path) -> int:
    """Pictures that are done, -1 before the first plan."""
    records = [out / name for name in ("items.jsonl", "progress.jsonl")]
    lines = [line for path in records if path.exists() for line in path.read_bytes().splitlines()]
    return sum(b'"file_size": -1' not in line for line in lines) if lines else -1


def test_what_stops_the_command_is_one_line_and_an_exit_code(lookbook: Lookbook, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", str(tmp_path / "out")
    photos.mkdir()
    missing = lookbook("preprocess", "folder", str(photos), out, "--weights", str(tmp_path / "none.safetensors"))
    assert missing.code == 78 and "train-student" in missing.stderr
    itself = lookbook("preprocess", "folder", str(photos), str(photos))
    assert itself.code == 65 and "choose another folder" in itself.stderr
    for ran in (missing, itself):
        assert len(ran.stderr.strip().splitlines()) == 1


def test_a_decoder_that_is_killed_costs_no_picture_that_can_be_decoded(made: Made) -> None:
    paths = sorted(made.photos.rglob("*.png"))
    ends = []
    for end in decoding.decoded(paths, workers=2):
        if not ends:
            for child in _workers():
                child.kill()
        ends.append(end)
    assert len(ends) == len(paths) and all(isinstance(end, Taken) for end in ends)


def _workers() -> list[psutil.Process]:
    """The pool's processes, not the one that tracks its semaphores."""
    children = psutil.Process().children()
    return [child for child in children if any("spawn_main" in part for part in child.cmdline())]
