"""Real DVC and git: what `dvc repro` runs, what is published, and what another clone gets back."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from db.models import Pair, ReleaseItem
from db.session import make_engine, make_sessions
from releases.release import Release
from tests.conftest import SERVER
from tests.releases.project import Project
from tests.releases.test_build import files_in
from tests.releases.warehouse import SIZE, files_of
from vitonhd.names import item_id
from vitonhd.problems import missing
from vitonhd.tree import Tree

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(SERVER is not None, reason="DVC does not see which database it is: once, on SQLite"),
]


@dataclass
class Story:
    """A project with two releases; `first` and `second` are the bytes of each."""

    project: Project
    first_tag: str
    second_tag: str
    first: dict[str, str]
    second: dict[str, str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    project = Project.new(tmp_path_factory.mktemp("story"))
    shelf = project.shelf()
    for number in range(1, 15):
        shelf.put(number)
    shelf.reject(20, "no-packshot")
    project.dvc("repro", "card@upper")
    first = files_in(project.release)
    tag = str(project.run("release", "publish", "upper").summary["tag"])
    shelf.put(3, worn=300, packshot=301)
    project.dvc("repro", "card@upper")
    other = str(project.run("release", "publish", "upper").summary["tag"])
    return Story(project, tag, other, first, files_in(project.release))


def shards(files: dict[str, str]) -> dict[str, str]:
    return {name: sha256 for name, sha256 in files.items() if name.startswith("shards/")}


def test_a_second_repro_does_nothing(story: Story) -> None:
    project = story.project
    before = {path: path.stat().st_mtime_ns for path in project.home.rglob("*") if path.name != "snapshot.parquet"}
    said = project.dvc("repro", "card@upper").stdout
    for stage in ("build", "validate", "card"):
        assert f"Stage '{stage}@upper' didn't change, skipping" in said
    after = {path: path.stat().st_mtime_ns for path in project.home.rglob("*") if path.name != "snapshot.parquet"}
    assert after == before
    assert project.git("status", "--porcelain") == ""


def test_one_changed_product_changes_only_its_own_files(story: Story) -> None:
    old, new = shards(story.first), shards(story.second)
    assert old.items() < new.items() and len(new) == len(old) + 1
    release = Release.local(story.project.release)
    (added,) = (name.removeprefix("shards/") for name in new if name not in old)
    assert release.samples()[added] == [item_id(2)]


def test_the_same_release_is_published_once(story: Story) -> None:
    again = story.project.run("release", "publish", "upper").summary
    assert (again["tag"], again["new"]) == (story.second_tag, False)
    listed = story.project.run("release", "list")
    assert story.first_tag in listed.stdout and story.second_tag in listed.stdout
    assert listed.summary == {"releases": 2}
    assert story.second_tag == f"{story.first_tag}.1"


def test_the_catalogue_knows_what_was_published(story: Story) -> None:
    with make_sessions(make_engine(story.project.database))() as session:
        for_pair = select(ReleaseItem.content).join(Pair).where(Pair.number == 2).order_by(ReleaseItem.release_id)
        before, after = session.scalars(for_pair)
        unchanged = select(ReleaseItem.content).join(Pair).where(Pair.number == 5)
        assert before != after and len(set(session.scalars(unchanged))) == 1


def test_an_old_tag_restores_the_same_bytes_in_another_clone(story: Story) -> None:
    clone = story.project.clone("restored")
    clone.git("checkout", "--quiet", story.first_tag)
    clone.run("release", "pull", "upper")
    assert files_in(clone.release) == story.first
    clone.git("checkout", "--quiet", story.second_tag)
    clone.run("release", "pull", "upper")
    assert files_in(clone.release) == story.second
    got = clone.folder / "got"
    clone.dvc("get", ".", "datasets/vitonhd-upper/release", "--rev", story.first_tag, "-o", str(got))
    assert files_in(got) == story.first


def test_a_tag_is_checked_out_as_a_tree(story: Story, tmp_path: Path) -> None:
    clone = story.project.clone("reader")  # nothing pulled: read from the remote
    out = tmp_path / "tree"
    ran = clone.run("release", "checkout", story.first_tag, str(out), "--workers", "1")
    assert ran.summary["items"] == 14
    tree = Tree(out, size=SIZE)
    assert missing(tree) == []
    split = next(split for split in ("train", "test") if item_id(2) in tree.stems(split))
    assert {part: tree.read_bytes(split, part, item_id(2)) for part in files_of(3)} == files_of(3)
    assert (out / "README.md").is_file() and (out / "sheets" / "train.jpg").is_file()
    assert {"manifest.parquet", "stats.json", "withdrawn.csv"} <= {path.name for path in out.iterdir()}
    here = tmp_path / "here"
    story.project.run("release", "checkout", "vitonhd-upper", str(here), "--workers", "2")
    assert (here / split / "image" / f"{item_id(2)}.jpg").read_bytes() == files_of(300)["image"]
    assert story.project.run("release", "checkout", "vitonhd-upper", str(here), code=65).stderr.count("exists") == 1


def test_two_releases_are_compared_with_pictures(story: Story, tmp_path: Path) -> None:
    page = tmp_path / "diff.html"
    ran = story.project.run("release", "diff", story.first_tag, "vitonhd-upper", "--html", str(page))
    assert (ran.summary["added"], ran.summary["removed"], ran.summary["changed"]) == (0, 0, 1)
    text = page.read_text()
    assert item_id(2) in text and "합성 상품 3" in text and text.count("data:image/jpeg") == 8
    same = story.project.run("release", "diff", story.second_tag, "vitonhd-upper").summary
    assert [same[kind] for kind in ("added", "removed", "changed", "restated")] == [0, 0, 0, 0]


def test_a_damaged_object_on_the_remote_is_refused(story: Story) -> None:
    clone = story.project.clone("damaged")
    remote = story.project.outside / "damaged-remote"
    shutil.copytree(story.project.outside / "remote", remote)
    damage_shard(remote)
    clone.run("release", "remote", str(remote))
    refused = clone.run("release", "pull", "upper", code=75)
    assert "dvc pull" in refused.stderr
    clone.dvc("remote", "modify", "--local", "operator", "verify", "false")  # then DVC takes it, and we do not
    refused = clone.run("release", "pull", "upper", code=65)
    assert "not as published" in refused.stderr and "shards/" in refused.stderr
    refused = clone.run("release", "checkout", story.second_tag, str(clone.folder / "tree"), "--workers", "1", code=65)
    assert "checksum" in refused.stderr
    assert not (clone.folder / "tree").exists()


@pytest.fixture
def s3_endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket `releases` on moto's S3 server, started as a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", endpoint.rpartition(":")[2]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    import s3fs

    for _ in range(300):
        try:
            s3fs.S3FileSystem(endpoint_url=endpoint).mkdir("releases")
            break
        except OSError:
            time.sleep(0.2)
    yield endpoint
    server.terminate()
    server.wait(10)


def test_a_release_goes_to_s3_and_back(story: Story, s3_endpoint: str) -> None:
    uploader, downloader = (story.project.clone(name) for name in ("uploader", "downloader"))
    uploader.run("release", "pull", "upper")
    for clone in (uploader, downloader):
        clone.run("release", "remote", "s3://releases/lookbook", "--endpoint", s3_endpoint)
    uploader.dvc("push", "build@upper", "card@upper", "snapshot@upper")
    downloader.run("release", "pull", "upper")
    assert files_in(downloader.release) == story.second


def damage_shard(remote: Path) -> None:
    """One byte in the middle of the largest object, which is a shard."""
    path = max((path for path in remote.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_what_is_not_validated_or_was_touched_is_not_published(story: Story) -> None:
    clone = story.project.clone("careless")
    clone.run("release", "pull", "upper")
    (clone.release / "train_pairs.txt").chmod(0o644)
    (clone.release / "train_pairs.txt").write_text("00000_00.jpg 00001_00.jpg\n")
    clone.run("release", "verify", "vitonhd-upper", code=65)
    sums = clone.release / "SHA256SUMS"
    sums.chmod(0o644)
    sums.write_text(sums.read_text().replace("a", "b"))
    refused = clone.run("release", "publish", "upper", code=65)
    assert "another release" in refused.stderr or "checksum" in refused.stderr


def test_the_card_says_what_is_in_it(story: Story) -> None:
    text = (story.project.home / "README.md").read_text()
    assert "sheets/train.jpg" in text and "no-packshot" in text and "Every check" in text
    assert "none recorded" in text


def test_unknown_releases_and_parameters_are_one_line(story: Story, tmp_path: Path) -> None:
    project = story.project
    for name, said in (
        ("vitonhd-upper@v2020.01.01", "no release"),
        ("vitonhd-upper@latest", "no release such as"),
        ("vitonhd-shoes", "no data set"),
        ("vitonhd-lower", "release build"),
    ):
        ran = project.run("release", "verify", name, code=65)
        assert said in ran.stderr and len(ran.stderr.strip().splitlines()) == 1, ran.stderr
    clone = project.clone("typo")
    params = clone.folder / "params.yaml"
    params.write_text(params.read_text().replace("test_share", "tets_share"))
    ran = clone.run("release", "snapshot", "upper", code=78)
    assert "tets_share" in ran.stderr
