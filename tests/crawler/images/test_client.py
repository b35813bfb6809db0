"""The guarded client against servers that lie, stall, break off and point elsewhere."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crawler.addresses import AddressGuard
from crawler.errors import AddressRefused, Rejected, Temporary
from crawler.images.client import Answer, Client, Watchdog
from crawler.robots import forbids_ai
from tests.crawler.images.picture_shop import HOST, ImageServer, Reply

URL = f"https://{HOST}/a.jpg"
LIMIT = 100_000


@pytest.fixture(scope="module")
def watchdog() -> Watchdog:
    return Watchdog()


@pytest.fixture
def client(server: ImageServer, watchdog: Watchdog) -> Client:
    return Client(AddressGuard([HOST], {HOST: server.url}), "LookbookBot/0.1", 1.0, watchdog)


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[socket.socket], None]], Client]]:
    """A client for a server that is no more than what a function does with the accepted socket."""
    listeners = []

    def start(behave: Callable[[socket.socket], None]) -> Client:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    try:
                        behave(connection)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        target = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return Client(AddressGuard([HOST], {HOST: target}), "LookbookBot/0.1", 1.0, Watchdog())

    yield start
    for listener in listeners:
        listener.close()


def failure(client: Client, url: str = URL) -> str:
    with pytest.raises((Rejected, Temporary)) as caught:
        client.get(url, max_bytes=LIMIT)
    return caught.value.reason


def test_connections_are_kept_and_requests_say_who_asks(server: ImageServer, client: Client) -> None:
    server.replies["/a.jpg"] = Reply(b"picture")
    for _ in range(3):
        answer = client.get(URL, max_bytes=LIMIT, headers={"Referer": "https://www.shop.test/"})
        assert (answer.status, answer.body) == (200, b"picture")
    sent = server.headers["/a.jpg"]
    assert sent["User-Agent"] == "LookbookBot/0.1"
    assert sent["Accept-Encoding"] == "identity"
    assert sent["Referer"] == "https://www.shop.test/"
    assert server.connections == 1


def test_paths_arrive_as_the_shop_wrote_them(server: ImageServer, client: Client) -> None:
    path = "/cmd/LB_750x1000/src/https://img.shop.test/a%20b.jpg?w=1&x=[2]"
    server.replies[path] = Reply(b"1")
    assert client.get(f"https://{HOST}{path}", max_bytes=LIMIT).status == 200
    server.replies["/%ED%95%9C%20a.jpg"] = Reply(b"2")
    assert client.get(f"https://{HOST}/한 a.jpg", max_bytes=LIMIT).status == 200


def test_after_an_error_page_the_next_answer_is_right(server: ImageServer, client: Client) -> None:
    server.replies["/a.jpg"] = Reply(b"picture")
    assert client.get(f"https://{HOST}/missing", max_bytes=LIMIT).status == 404
    assert client.get(URL, max_bytes=LIMIT).body == b"picture"


def test_a_kept_connection_that_the_server_closed_costs_nothing(server: ImageServer, client: Client) -> None:
    server.replies["/a.jpg"] = Reply(b"picture", headers={"Connection": "close"})
    for _ in range(3):
        assert client.get(URL, max_bytes=LIMIT).body == b"picture"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"x" * (LIMIT + 1)), "too-large"),
        (Reply(b"x", declared=10**12), "too-large"),
        (Reply(b"x" * 100, declared=200), "truncated"),
        (Reply(b"\x1f\x8b" + bytes(50), headers={"Content-Encoding": "gzip"}), "content-encoding"),
        (Reply(b"x" * 100, drip=0.1), "timeout"),
    ],
)
def test_bodies_that_lie_or_stall(server: ImageServer, client: Client, reply: Reply, reason: str) -> None:
    server.replies["/a.jpg"] = reply
    assert failure(client) == reason


def test_a_chunked_body_is_cut_off_at_the_limit(raw: Callable[..., Client]) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    assert failure(raw(endless)) == "too-large"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "truncated"),
        (b"", "broken-answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "broken-answer"),
        (b"HTTP/1.1 abc\r\n\r\n", "broken-answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000, "broken-answer"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000, "broken-answer"),
        (b"\x00\xff" * 1000, "broken-answer"),
    ],
)
def test_what_is_no_http_is_a_temporary_failure(raw: Callable[..., Client], sent: bytes, reason: str) -> None:
    assert failure(raw(lambda connection: connection.sendall(sent))) == reason


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"])
def test_a_head_that_drips_ends_at_the_deadline(raw: Callable[..., Client], head: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(b"X")
            time.sleep(0.1)

    started = time.monotonic()
    assert failure(raw(drip)) == "timeout"
    assert time.monotonic() - started < 2.5


def test_a_handshake_that_stalls_ends_at_the_deadline(watchdog: Watchdog) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"https://localhost:{listener.getsockname()[1]}"
        client = Client(AddressGuard([], {HOST: target}), "LookbookBot/0.1", 0.5, watchdog)
        started = time.monotonic()
        assert failure(client) in {"timeout", "unreachable", "tls"}
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("name", ["localhost", "localtest.test"])
def test_a_name_that_leads_into_the_private_network_is_not_connected_to(
    watchdog: Watchdog, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        real = socket.getaddrinfo

        def resolve(host: str, *args: object, **kwargs: object) -> object:
            asked.append(host)
            return real("127.0.0.1", port, type=socket.SOCK_STREAM)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        client = Client(AddressGuard([name], {}), "LookbookBot/0.1", 1.0, watchdog)
        with pytest.raises(AddressRefused) as caught:
            client.get(f"http://{name}/latest/meta-data", max_bytes=LIMIT)
        assert caught.value.reason == "private-address"
        assert asked == [name]
        with pytest.raises(TimeoutError):
            listener.accept()


def test_an_address_that_is_not_the_shops_is_refused_without_a_look_up(client: Client) -> None:
    with pytest.raises(AddressRefused):
        client.get("http://169.254.169.254/latest/meta-data", max_bytes=LIMIT)


def test_unknown_hosts_and_closed_ports_are_temporary(watchdog: Watchdog) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    closed = Client(AddressGuard([], {HOST: f"http://127.0.0.1:{port}"}), "LookbookBot/0.1", 1.0, watchdog)
    assert failure(closed) == "unreachable"
    unknown = Client(AddressGuard(["nowhere.invalid"], {}), "LookbookBot/0.1", 1.0, watchdog)
    assert failure(unknown, "http://nowhere.invalid/") == "unknown-host"


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate and its key in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("name", "trusted", "works"), [("localhost", True, True), ("localhost", False, False), ("other.test", True, False)]
)
def test_certificates_are_verified(tmp_path: Path, watchdog: Watchdog, name: str, trusted: bool, works: bool) -> None:
    pem = certificate(tmp_path, name)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    server = ImageServer(serving)
    server.replies["/a.jpg"] = Reply(b"picture")
    context = ssl.create_default_context(cafile=str(pem) if trusted else None)
    target = server.url.replace("127.0.0.1", "localhost")
    client = Client(AddressGuard([], {HOST: target}), "LookbookBot/0.1", 2.0, watchdog, context)
    if works:
        assert client.get(URL, max_bytes=LIMIT).body == b"picture"
    else:
        assert failure(client) == "tls"
    server.close()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120), ("0", 0), ("99999999999999999999", 999_999_999), ("Fri, 20 Nov 2026 12:01:00 GMT", 60),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0), ("soon", None), ("", None), ("-5", None), ("²", None),
    ],
)  # fmt: skip
def test_retry_after(value: str, seconds: float | None) -> None:
    from urllib3 import HTTPHeaderDict

    now = datetime.datetime(2026, 11, 20, 12, 0, tzinfo=datetime.UTC)
    assert Answer(429, HTTPHeaderDict({"Retry-After": value}), b"").retry_after(now) == seconds


@pytest.mark.parametrize(
    ("headers", "forbidden"),
    [
        ([], False),
        (["noindex, nofollow"], False),
        (["noai"], True),
        (["noindex, NoImageAI"], True),
        (["otherbot: noai"], False),
        (["otherbot: noindex, noai", "lookbookbot: noimageai"], True),
        (["LookbookBot: noindex"], False),
        (["unavailable_after: 25 Jun 2030 15:00:00 GMT, noai"], True),
    ],
)
def test_x_robots_tag(headers: list[str], forbidden: bool) -> None:
    assert forbids_ai(headers, "LookbookBot") is forbidden
