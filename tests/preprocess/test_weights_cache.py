"""Weights over real https into the cache: whole, checked, within the limit and the licence; and the command."""

from __future__ import annotations

import contextlib
import hashlib
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from preprocess.networks.cloth_unet import ClothUnet
from preprocess.weights.cache import State, WeightsCache
from preprocess.weights.errors import FetchFailed, LicenceForbids, UnknownWeights, WeightsDamaged, WeightsError
from preprocess.weights.fetching import Use, adopt, fetch
from preprocess.weights.registry import WEIGHTS, Commercial, Weights, WeightsFile, weights_named
from tests.conftest import Lookbook

CONTENT = bytes(range(1, 251)) * 1000
MakeEntry = Callable[..., Weights]
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """A file server with good and bad manners."""

    asked: list[str] = []  # noqa: RUF012 (one server per module)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/good.pth":
            self.send_whole(CONTENT)
        elif self.path == "/moved.pth":
            self.redirect("/good.pth")
        elif self.path == "/plain.pth":
            self.redirect(f"http://localhost:{self.server.server_port}/good.pth")  # type: ignore[attr-defined]
        elif self.path == "/page.pth":
            self.send_whole(b"\n<!DOCTYPE html><title>Sign in</title>")
        elif self.path == "/short.pth":
            self.send_whole(CONTENT[:1000], announced=len(CONTENT))
        elif self.path == "/endless.pth":
            self.send_whole(CONTENT * 20, announced=None)
        elif self.path == "/empty.pth":
            self.send_whole(b"")
        else:
            self.send_error(503 if self.path == "/busy.pth" else 404)

    def send_whole(self, body: bytes, announced: int | None = -1) -> None:
        self.send_response(200)
        if announced is not None:
            self.send_header("Content-Length", str(len(body) if announced < 0 else announced))
        self.end_headers()
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # the client may have seen enough
            self.wfile.write(body)

    def redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {key} -out {cert} -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )
    return key, cert


@pytest.fixture(scope="module")
def server(certificate: tuple[Path, Path]) -> Iterator[ThreadingHTTPServer]:
    key, cert = certificate
    server = ThreadingHTTPServer(("localhost", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def entry(server: ThreadingHTTPServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> MakeEntry:
    """Makes a registry entry for a file of the server, whose certificate is trusted for the test."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))

    def make(
        name: str, *, sha256: str | None = None, size: int | None = None, commercial: Commercial = Commercial.YES
    ) -> Weights:
        url = f"https://localhost:{server.server_port}/{name}"
        file = WeightsFile(name, url, size, sha256)
        return Weights("some-network", "a network", (file,), "MIT", commercial)

    return make


@pytest.fixture
def cache(tmp_path: Path) -> WeightsCache:
    return WeightsCache(tmp_path / "weights")


def files_in(cache: WeightsCache) -> list[str]:
    return sorted(path.name for path in cache.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["good.pth", "moved.pth"])
@pytest.mark.parametrize("known", [SHA256, None])
def test_a_file_comes_whole_and_is_recorded(
    name: str, known: str | None, entry: MakeEntry, cache: WeightsCache
) -> None:
    weights = entry(name, sha256=known)
    seen: list[tuple[int, int | None]] = []
    fetched = fetch(weights, cache, on_progress=lambda done, total: seen.append((done, total)))
    assert [(one.sha256, one.size, one.kept) for one in fetched] == [(SHA256, len(CONTENT), False)]
    assert cache.paths(weights)[0].read_bytes() == CONTENT
    assert cache.check(weights, weights.files[0]).state is (State.SOUND if known else State.RECORDED)
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_what_is_sound_is_not_fetched_again_and_what_has_changed_is(entry: MakeEntry, cache: WeightsCache) -> None:
    weights = entry("good.pth")
    fetch(weights, cache)
    asked = len(Handler.asked)
    assert fetch(weights, cache)[0].kept
    assert len(Handler.asked) == asked
    cache.paths(weights)[0].write_bytes(b"something else")
    assert cache.check(weights, weights.files[0]).state is State.CHANGED
    assert not fetch(weights, cache)[0].kept
    assert cache.paths(weights)[0].read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("page.pth", WeightsDamaged, "a web page"),
        ("short.pth", FetchFailed, "ended"),
        ("endless.pth", WeightsDamaged, "limit of 300000 bytes"),
        ("empty.pth", FetchFailed, "nothing came"),
        ("busy.pth", FetchFailed, "503"),
        ("gone.pth", WeightsError, "404"),
        ("plain.pth", WeightsError, "https only"),
    ],
)
def test_a_bad_answer_leaves_nothing_behind(
    name: str, error: type[Exception], message: str, entry: MakeEntry, cache: WeightsCache
) -> None:
    with pytest.raises(error, match=message):
        fetch(entry(name), cache, limit=300_000)
    assert files_in(cache) == []


def test_a_file_that_announces_too_much_is_not_begun(entry: MakeEntry, cache: WeightsCache) -> None:
    with pytest.raises(WeightsDamaged, match=f"{len(CONTENT)} bytes, the limit is 1000"):
        fetch(entry("good.pth", size=1000), cache)
    assert files_in(cache) == []


def test_another_sha256_is_refused(entry: MakeEntry, cache: WeightsCache) -> None:
    with pytest.raises(WeightsDamaged, match=f"SHA-256 {SHA256}, expected {'0' * 64}"):
        fetch(entry("good.pth", sha256="0" * 64), cache)
    assert files_in(cache) == []


def test_an_untrusted_certificate_is_refused(
    entry: MakeEntry, cache: WeightsCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(FetchFailed, match="certificate"):
        fetch(entry("good.pth"), cache)


def test_a_server_that_is_away_may_come_back(entry: MakeEntry, cache: WeightsCache) -> None:
    weights = Weights("away", "", (WeightsFile("w.pth", "https://localhost:1/w.pth"),), "MIT", Commercial.YES)
    with pytest.raises(FetchFailed, match="refused"):
        fetch(weights, cache)


@pytest.mark.parametrize("commercial", Commercial)
def test_a_licence_that_forbids_the_use_is_obeyed(
    commercial: Commercial, entry: MakeEntry, cache: WeightsCache
) -> None:
    weights = entry("good.pth", commercial=commercial)
    asked = len(Handler.asked)
    if commercial is Commercial.NO:
        with pytest.raises(LicenceForbids, match="may not be used commercially: MIT"):
            fetch(weights, cache, use=Use.COMMERCIAL)
        assert len(Handler.asked) == asked
    else:
        assert fetch(weights, cache, use=Use.COMMERCIAL)


def test_a_downloaded_file_is_taken_over(cache: WeightsCache, tmp_path: Path) -> None:
    (tmp_path / "anything.pth").write_bytes(CONTENT)
    weights = weights_named("graphonomy")
    with pytest.raises(WeightsError, match=r"download https://drive.*--from FILE"):
        fetch(weights, cache)
    assert adopt(weights, tmp_path / "anything.pth", cache).sha256 == SHA256
    assert fetch(weights, cache)[0].kept
    with pytest.raises(LicenceForbids):
        adopt(weights, tmp_path / "anything.pth", cache, use=Use.COMMERCIAL)
    with pytest.raises(WeightsError, match="none of the files"):
        adopt(weights_named("vitpose-base-simple"), tmp_path / "anything.pth", cache)


def test_a_folder_that_is_none_is_said(cache: WeightsCache, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(CONTENT)
    cache.folder.write_text("a file")
    with pytest.raises(WeightsError, match="can't be written"):
        adopt(weights_named("schp-lip"), tmp_path / "w.pth", cache)


def test_a_damaged_record_counts_as_none(cache: WeightsCache, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(CONTENT)
    weights = weights_named("schp-lip")
    adopt(weights, tmp_path / "w.pth", cache)
    (cache.folder / "schp-lip" / "record.json").write_text('{"a": 3')
    assert cache.check(weights, weights.files[0]).state is State.UNRECORDED


def test_the_registry_is_complete() -> None:
    for name, weights in WEIGHTS.items():
        assert name == weights.name
        assert weights.licence and weights.network and weights.files
        assert all(file.url.startswith("https://") for file in weights.files)
        assert len({file.name for file in weights.files}) == len(weights.files)
    with pytest.raises(UnknownWeights, match="graphonomy"):
        weights_named("nothing")


def test_the_command_lists_licences_and_sources(lookbook: Lookbook) -> None:
    ran = lookbook("weights", "list")
    assert ran.code == 0
    for weights in WEIGHTS.values():
        assert all(text in ran.stdout for text in (weights.name, weights.licence, weights.files[0].url))
    assert ran.summary["weights"] == len(WEIGHTS)
    assert ran.summary["here"] == 0


def test_the_command_obeys_licences(lookbook: Lookbook) -> None:
    ran = lookbook("weights", "fetch", "graphonomy", "--use", "commercial")
    assert ran.code == 77
    assert ran.stderr.strip().splitlines()[-1].startswith("lookbook: graphonomy may not be used commercially")
    assert lookbook("weights", "fetch", "nothing").code == 64


def test_the_command_takes_a_file_and_verifies_it(lookbook: Lookbook, tmp_path: Path) -> None:
    torch.save({"state_dict": {f"model.{k}": v for k, v in ClothUnet().state_dict().items()}}, tmp_path / "mine.pth")
    folder = tmp_path / "elsewhere"
    ran = lookbook("weights", "fetch", "cloth-unet", "--from", str(tmp_path / "mine.pth"), weights_dir=str(folder))
    assert ran.code == 0
    assert ran.summary["files"][0]["kept"] is False
    ran = lookbook("weights", "verify", "--load", weights_dir=str(folder))
    assert (ran.code, ran.summary) == (0, {"sound": True, "weights": {"cloth-unet": {"weights.zip": "recorded"}}})
    (folder / "cloth-unet" / "weights.zip").write_bytes(b"changed")
    ran = lookbook("weights", "verify", "cloth-unet", weights_dir=str(folder))
    assert (ran.code, ran.summary["weights"]) == (65, {"cloth-unet": {"weights.zip": "changed"}})


def test_the_command_refuses_another_networks_file(lookbook: Lookbook, tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "mine.pth")
    assert lookbook("weights", "fetch", "cloth-unet", "--from", str(tmp_path / "mine.pth")).code == 0
    ran = lookbook("weights", "verify", "--load")
    assert ran.code == 65
    assert "is not of a ClothUnet" in ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1])["sound"] is False
