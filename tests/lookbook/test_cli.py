"""The command line: complete help with examples, quick to answer, fixed exit codes, results alone on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from lookbook.cli import app
from tests.conftest import ROOT, Lookbook

HEAVY = ("scrapy", "twisted", "cv2", "numpy", "sqlalchemy", "pandas", "pyarrow", "torch", "playwright", "pydantic")


def commands() -> list[tuple[str, str]]:
    found = []
    root = typer.main.get_command(app)
    groups: list[tuple[str, object]] = [("", root)]
    while groups:
        path, command = groups.pop()
        children = getattr(command, "commands", None)
        if children is None:
            found.append((path.strip(), str(getattr(command, "help", "") or "")))
        else:
            groups += [(f"{path} {name}", child) for name, child in children.items()]
    return sorted(found)


@pytest.mark.parametrize(("path", "text"), commands(), ids=[path for path, _ in commands()])
def test_every_command_has_help_with_an_example(path: str, text: str) -> None:
    assert "Example:" in text
    assert f"lookbook {path}" in " ".join(text.split("Example:")[1].split())


def test_all_the_nouns_are_there() -> None:
    assert {path.split()[0] for path, _ in commands()} >= {"settings", "db", "crawl", "catalog"}


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['lookbook', '--help']\n"
        "from lookbook.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("crawl", "run"),
        ("crawl", "run", "gmarket"),
        ("crawl", "run", "ssf", "--limit", "0"),
        ("crawl", "run", "ssf", "--products", "../../etc/passwd"),
        ("crawl", "images", "--shard", "4/4"),
        ("crawl", "images", "--shard", "a/b"),
        ("--log-level", "LOUD", "db", "status"),
        ("catalog", "export", "catalogue.xlsx"),
        ("db", "downgrade", "base"),
    ],
)
def test_wrong_usage_exits_with_64(arguments: tuple[str, ...], lookbook: Lookbook) -> None:
    ran = lookbook(*arguments)
    assert ran.code == 64
    assert "Traceback" not in ran.stderr


def test_a_catalogue_without_schema_names_the_next_command(lookbook: Lookbook, tmp_path: Path) -> None:
    ran = lookbook("catalog", "ls", database_url=f"sqlite:///{tmp_path}/new.db")
    assert ran.code == 78
    assert "lookbook db upgrade" in ran.stderr


def test_a_database_that_is_down_is_temporary(lookbook: Lookbook) -> None:
    ran = lookbook("catalog", "ls", database_url="postgresql://nobody@127.0.0.1:1/none")
    assert ran.code == 75
    assert "Traceback" not in ran.stderr


def test_the_schema_from_nothing_to_status(lookbook: Lookbook, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/er/new.db"
    before = lookbook("db", "status", database_url=url)
    assert (before.code, before.summary["up_to_date"]) == (78, False)
    assert lookbook("db", "upgrade", database_url=url).code == 0
    after = lookbook("db", "status", database_url=url)
    assert (after.code, after.summary["up_to_date"]) == (0, True)
    assert after.summary["rows"]["product"] == 0
    assert lookbook("db", "downgrade", "base", "--yes", database_url=url).summary["revision"] is None


def test_parse_prints_records_and_nothing_else(lookbook: Lookbook, tmp_path: Path) -> None:
    answer = {
        "meta": {"result": "SUCCESS"},
        "data": {"sizes": [{"name": "M", "items": [{"name": "총장", "value": 61.5}]}]},
    }
    file = tmp_path / "actual_size_1234567.json"
    file.write_text(json.dumps(answer))
    ran = lookbook("crawl", "parse", "musinsa", str(file))
    assert ran.code == 0, ran.stderr
    record = json.loads(ran.stdout)
    assert record["measurements"] == {"M": {"총장": 61.5}}
    assert record["product_no"] == "1234567"


def test_parse_of_something_else_is_a_rejection_with_exit_code_65(lookbook: Lookbook, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(b"\x00\xff not a shop's page")
    ran = lookbook("crawl", "parse", "ssf", str(file))
    assert ran.code == 65
    records = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [record["kind"] for record in records] == ["rejection"]
    assert records[0]["reason"]


def test_parse_stops_quietly_when_its_reader_goes(lookbook: Lookbook, samples: Path) -> None:
    file = next((samples / "shops" / "ssf").glob("*.html"))
    command = " ".join([*lookbook.command("crawl", "parse", "ssf", str(file)), "|", "head", "-1"])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=lookbook.folder,
        env=lookbook.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)["kind"] == "listing"
