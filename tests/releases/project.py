"""A project folder under git and DVC with the real dvc.yaml, a catalogue and blobs, and commands run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from db import schema
from db.session import make_engine
from tests.conftest import ROOT, Ran
from tests.releases.catalogue_rows import Shelf
from tests.releases.warehouse import SIZE

_COPIED = ("dvc.yaml", "params.yaml", ".dvcignore", ".dvc/config", ".dvc/.gitignore", "datasets/.gitignore")


class Project:
    """`folder` is the clone in which commands run; catalogue and blobs lie outside, as those of an installation do."""

    def __init__(self, folder: Path, outside: Path) -> None:
        self.folder, self.outside = folder, outside
        self.home = folder / "datasets" / "vitonhd-upper"
        self.release = self.home / "release"

    @classmethod
    def new(cls, folder: Path) -> Project:
        project = cls(folder / "project", folder)
        for name in _COPIED:
            (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, project.folder / name)
        params = project.folder / "params.yaml"
        text = params.read_text().replace("768", str(SIZE[0])).replace("1024", str(SIZE[1]))
        params.write_text(text.replace("test_share: 0.1", "test_share: 0.3").replace("256  #", "4  #"))
        project.git("init", "--quiet", "--initial-branch=main")
        project.git("add", ".")
        project.git("commit", "--quiet", "--message", "start")
        schema.upgrade(make_engine(project.database))
        project.run("release", "remote", str(folder / "remote"))
        return project

    def clone(self, name: str) -> Project:
        """Another clone, with a cache of its own and the same remote."""
        other = Project(self.outside / name, self.outside)
        self.git("clone", "--quiet", str(self.folder), str(other.folder))
        other.run("release", "remote", str(self.outside / "remote"))
        return other

    @property
    def database(self) -> str:
        return f"sqlite:///{self.outside / 'catalogue.db'}"

    def shelf(self) -> Shelf:
        return Shelf.of(make_engine(self.database), self.outside)

    def environment(self) -> dict[str, str]:
        who = {
            f"GIT_{role}_{key}": f"{key}@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
        }
        return {
            **os.environ, **who, "LOOKBOOK_DATABASE_URL": self.database, "PYTHONPATH": str(ROOT),
            "LOOKBOOK_BLOBS_URL": str(self.outside / "blobs"), "DVC_NO_ANALYTICS": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip

    def run(self, *arguments: str, code: int = 0) -> Ran:
        """The real `lookbook`; fails unless it ends with this exit code."""
        return self._run([sys.executable, "-m", "lookbook", *arguments], code)

    def dvc(self, *arguments: str, code: int = 0) -> Ran:
        return self._run([sys.executable, "-m", "dvc", *arguments], code)

    def git(self, *arguments: str) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self._run(["git", *arguments], 0).stdout

    def _run(self, command: list[str], code: int) -> Ran:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == code, f"{command[1:]}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Ran(done.returncode, done.stdout, done.stderr)
