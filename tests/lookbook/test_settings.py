"""Settings: one precedence, clear refusals, and an honest account of what is in force."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Lookbook


@pytest.fixture
def lookbook(tmp_path: Path) -> Lookbook:
    """The command with no settings but those of the test."""
    lookbook = Lookbook(tmp_path, "")
    lookbook.settings = {}
    return lookbook


def shown(lookbook: Lookbook, **settings: str) -> dict[str, tuple[object, str]]:
    ran = lookbook("settings", "show", "--json", **settings)
    assert ran.code == 0, ran.stderr
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    return {row["key"]: (row["value"], row["source"]) for row in rows}


def test_a_variable_goes_before_the_file_and_the_file_before_the_default(lookbook: Lookbook, tmp_path: Path) -> None:
    (tmp_path / "lookbook.toml").write_text("[crawl]\ntimeout = 11\nattempts = 7\n")
    found = shown(lookbook, CRAWL__TIMEOUT="12")
    assert found["crawl.timeout"] == (12.0, "LOOKBOOK_CRAWL__TIMEOUT")
    assert found["crawl.attempts"] == (7, "lookbook.toml")
    assert found["crawl.backoff"] == (5.0, "default")


def test_relative_paths_are_taken_from_the_settings_file(lookbook: Lookbook, tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "lookbook.toml").write_text('blobs_url = "pictures"\n')
    found = shown(lookbook, CONFIG=str(folder / "lookbook.toml"))
    assert found["blobs_url"][0] == str(folder / "pictures")
    assert found["database_url"][0] == f"sqlite:///{folder}/var/catalogue.db"


def test_secrets_are_masked(lookbook: Lookbook) -> None:
    ran = lookbook("settings", "show", DATABASE_URL="postgresql://me:hunter2@db.example/lookbook")
    assert "hunter2" not in ran.stdout + ran.stderr
    assert "me:***@db.example" in ran.stdout


@pytest.mark.parametrize(
    "address",
    ["postgresql://me:hun/ter2@db/x", "postgresql://me:hun@ter2@db/x", "postgresql://db/x?user=me&password=hunter2"],
)
def test_odd_passwords_are_masked_too(lookbook: Lookbook, address: str) -> None:
    ran = lookbook("settings", "show", DATABASE_URL=address)
    assert "ter2" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"CRAWL__TIMEOUT": "soon"}, ["crawl.timeout", "soon"]),
        ({"CRAWL__TIMEOUT": "-1"}, ["crawl.timeout", "-1"]),
        ({"CRWL__TIMEOUT": "3"}, ["LOOKBOOK_CRWL__TIMEOUT", "crwl"]),
        ({"SHOPS": '{"gmarket": {}}'}, ["gmarket", "musinsa"]),
        ({"SHOPS__SSF__HOSTS": '{"www.ssfshop.com": "ftp://x"}'}, ["hosts"]),
        ({"DATABASE_URL": "mysql://x/y"}, ["mysql", "postgresql"]),
        ({"DATABASE_URL": "what"}, ["database_url"]),
        ({"CRAWL__USER_AGENT": "Googlebot/2.1"}, ["user_agent", "name of its own"]),
        ({"CRAWL__USER_AGENT": "Mozilla/5.0 (X11; Linux)"}, ["user_agent"]),
        ({"CRAWL__CONTACT": "me\r\nX-Evil: 1"}, ["contact"]),
        ({"SHOPS__SSF__HOSTS": '{"www.ssfshop.com": "http://u:p@127.0.0.1"}'}, ["hosts"]),
        ({"CONFIG": "/nowhere/lookbook.toml"}, ["/nowhere/lookbook.toml"]),
    ],
)
def test_a_bad_setting_is_one_clear_line_and_exit_code_78(
    lookbook: Lookbook, settings: dict[str, str], words: list[str]
) -> None:
    ran = lookbook("settings", "show", **settings)
    assert ran.code == 78
    assert len(ran.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in ran.stderr


@pytest.mark.parametrize(
    ("text", "word"), [("crawl = 3\n", "crawl"), ("[crawl]\ntimeou = 3\n", "timeou"), ("[crawl\n", "TOML")]
)
def test_a_bad_file_is_one_clear_line_and_exit_code_78(
    lookbook: Lookbook, tmp_path: Path, text: str, word: str
) -> None:
    (tmp_path / "lookbook.toml").write_text(text)
    ran = lookbook("settings", "show")
    assert ran.code == 78
    assert word in ran.stderr
    assert "Traceback" not in ran.stderr
