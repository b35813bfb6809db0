"""DVC, behind one door: what Lookbook needs of it, so that another store of versions could take its place.

The contract that must not break: no call reports usage or asks for updates, and what comes from a remote is checked
against the release's own checksums by whoever asked for it (`verification.verify`): DVC alone does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem

from releases.errors import ReleaseError, ToolFailed

_SILENT = {"DVC_NO_ANALYTICS": "1", "DVC_TEST": "false"}


class DvcRepo:
    """A project under DVC and git; `root` is the folder with `.dvc`."""

    def __init__(self, root: Path) -> None:
        """Raises ReleaseError for a folder without `.dvc`."""
        self.root = root.absolute()
        if not (self.root / ".dvc").is_dir():
            raise ReleaseError(f"{self.root} is not under DVC; run in the project's folder")

    def repro(self, stages: Sequence[str] = ()) -> str:
        """Run what is stale of the stages (all, if none is named); returns what DVC says."""
        return self._run("repro", *stages)

    def stale(self, stages: Sequence[str]) -> list[str]:
        """Those of the stages whose inputs or outputs are not what `dvc.lock` says."""
        found: dict[str, Any] = json.loads(self._run("status", "--json", *stages) or "{}")
        return sorted(found)

    def push(self, targets: Sequence[str], remote: str | None = None) -> None:
        """Send what the targets' outputs hold and the remote lacks."""
        self._run("push", *_remote(remote), *targets)

    def pull(self, targets: Sequence[str], remote: str | None = None) -> None:
        """Fetch the targets' outputs as `dvc.lock` has them; files that were changed by hand are replaced."""
        self._run("pull", "--force", *_remote(remote), *targets)

    def set_remote(self, url: str, *, name: str = "operator", options: dict[str, str] | None = None) -> None:
        """Make the URL the default remote of this clone (`.dvc/config.local`, not under git), verified on each pull."""
        self._run("remote", "add", "--local", "--force", "--default", name, url)
        for key, value in {"verify": "true", **(options or {})}.items():
            self._run("remote", "modify", "--local", name, key, value)

    def at(self, revision: str) -> AbstractFileSystem:
        """The project's files as they are at a git revision: from the cache, else read from the remote."""
        os.environ.update(_SILENT)
        from dvc.api import DVCFileSystem

        try:
            found: AbstractFileSystem = DVCFileSystem(str(self.root), rev=revision)
        except Exception as error:
            raise ReleaseError(f"{self.root} at {revision}: {error}") from None
        return found

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "dvc", *arguments],
            cwd=self.root,
            env={**os.environ, **_SILENT, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR")]
            raise ToolFailed(f"dvc {arguments[0]}: {(errors or said or ['no message'])[-1]}")
        return done.stdout


def _remote(name: str | None) -> list[str]:
    return [] if name is None else ["--remote", name]
