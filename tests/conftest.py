"""What all tests share: a fresh migrated catalogue on the database under test, and the real command as a subprocess.

`TEST_DATABASE_URL` names a PostgreSQL server to test on (its user must be allowed to create databases); without it the
tests run on SQLite, and those that compare the two skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from db import schema
from db.session import make_engine

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
SERVER = os.environ.get("TEST_DATABASE_URL")

# What fails in CI fails again at a desk; `HYPOTHESIS_PROFILE=explore` looks for new failures.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", max_examples=500, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

for _name in [name for name in os.environ if name.startswith("LOOKBOOK_")]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real captures; they belong to the shops and are not part of the project."""
    folder = SHARED / "samples"
    if not folder.is_dir():
        pytest.skip("the real samples are not on this machine")
    return folder


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "catalogue.db"
    engine = make_engine(f"sqlite:///{path}")
    schema.upgrade(engine)
    engine.dispose()  # the last connection to close moves the write-ahead log into the file
    return path


@pytest.fixture(scope="session")
def _postgres_template() -> Iterator[str]:
    if SERVER is None:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL server")
    name = f"lookbook_template_{uuid.uuid4().hex[:12]}"
    _on_server(f"CREATE DATABASE {name}")
    engine = make_engine(_url_of(name))
    schema.upgrade(engine)
    engine.dispose()
    yield name
    _on_server(f"DROP DATABASE {name} WITH (FORCE)")


def _on_server(statement: str) -> None:
    assert SERVER is not None
    url = make_url(SERVER).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _url_of(name: str) -> str:
    assert SERVER is not None
    return make_url(SERVER).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def make_catalogue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Make a fresh, migrated, empty catalogue of a backend (`sqlite` or `postgresql`) and return its URL."""
    made: list[str] = []

    def make(backend: str) -> str:
        if backend == "sqlite":
            path = tmp_path / f"catalogue-{uuid.uuid4().hex[:8]}.db"
            shutil.copy(request.getfixturevalue("_sqlite_template"), path)
            return f"sqlite:///{path}"
        template = request.getfixturevalue("_postgres_template")
        name = f"lookbook_test_{uuid.uuid4().hex[:12]}"
        _on_server(f"CREATE DATABASE {name} TEMPLATE {template}")
        made.append(name)
        return _url_of(name)

    yield make
    for name in made:
        _on_server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(make_catalogue: Callable[[str], str]) -> str:
    """A fresh catalogue on the database under test."""
    return make_catalogue("postgresql" if SERVER else "sqlite")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON on the last line of stdout."""
        result: dict[str, Any] = json.loads(self.stdout.strip().splitlines()[-1])
        return result


class Lookbook:
    """The real `lookbook` command in a folder of its own, with its settings in the environment."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.settings = {"DATABASE_URL": database_url, "BLOBS_URL": str(folder / "blobs")}

    def environment(self, **settings: str) -> dict[str, str]:
        chosen = {**self.settings, **{key.upper(): value for key, value in settings.items()}}
        variables = {f"LOOKBOOK_{key}": value for key, value in chosen.items()}
        return {**os.environ, **variables, "PYTHONPATH": str(ROOT)}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "lookbook", *arguments]

    def __call__(self, *arguments: str, timeout: float = 120, **settings: str) -> Ran:
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start the command in a process group of its own, to be killed."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(**settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


@pytest.fixture
def lookbook(tmp_path: Path, database_url: str) -> Lookbook:
    return Lookbook(tmp_path, database_url)
