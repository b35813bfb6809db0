"""The few git commands that publishing needs; nothing is pushed, reset or rewritten."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from releases.errors import ReleaseError, ToolFailed
from releases.names import Tag


class GitRepo:
    def __init__(self, root: Path) -> None:
        self.root = root

    def tags(self) -> list[Tag]:
        """All releases that were published, in the order of their days and numbers."""
        found: list[Tag] = []
        for line in self._run("tag", "--list", "vitonhd-*@v*").splitlines():
            try:
                found.append(Tag.parse(line))
            except ReleaseError:
                continue  # somebody's own tag
        return sorted(found)

    def message(self, tag: Tag) -> dict[str, Any]:
        """What `tag` noted about its release. Raises ReleaseError for a tag that is not there or not of ours."""
        text = self._run("tag", "--list", "--format=%(contents:body)", str(tag)).strip()
        try:
            found: dict[str, Any] = json.loads(text)
            return {**found, "identity": str(found["identity"])}
        except (ValueError, KeyError, TypeError):
            raise ReleaseError(
                f"there is no release {tag} here; `lookbook release list` names them, `git fetch --tags` gets new ones"
            ) from None

    def commit(self, paths: Iterable[str], message: str) -> bool:
        """Commit these paths as they are, and nothing else; False where they have not changed."""
        there = [path for path in paths if (self.root / path).exists()]
        self._run("add", "--", *there)
        if not self._run("status", "--porcelain", "--untracked-files=no", "--", *there):
            return False
        self._run("commit", "--quiet", "--message", message, "--", *there)
        return True

    def tag(self, tag: Tag, title: str, facts: dict[str, Any]) -> None:
        """An annotated tag on HEAD with the facts as JSON."""
        self._run("tag", "--annotate", str(tag), "--message", title, "--message", json.dumps(facts, ensure_ascii=False))

    def head(self) -> str:
        return self._run("rev-parse", "HEAD").strip()

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise ToolFailed(f"git {arguments[0]}: {said[-1] if said else 'no message'}")
        return done.stdout
