"""A keep-alive HTTP client that contacts only what an AddressGuard accepts, and gives up on time.

The contract that must not break: the IP that is connected to is the IP that was checked (no second look-up), and no
answer takes longer than its deadline, whatever the server sends and however slowly.
"""

from __future__ import annotations

import contextlib
import email.utils
import os
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import urllib3
from urllib3 import BaseHTTPResponse, HTTPHeaderDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from crawler.addresses import Address, AddressGuard, parse_address
from crawler.errors import CrawlError, Rejected, Temporary

_CHUNK = 64 * 1024
# Connections that a thread keeps open; more hosts than this in turn cost a new connection each.
_KEPT = 8
_URL_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: `body` is read only where the status is 2xx, and never decoded by Content-Encoding."""

    status: int
    headers: HTTPHeaderDict
    body: bytes

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")

    def retry_after(self, now: datetime | None = None) -> float | None:
        """Seconds that the Retry-After header asks to wait; None where it is absent or makes no sense."""
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return float(value[:9])
        try:
            moment = email.utils.parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


class Watchdog:
    """Ends every request that is over its deadline by shutting its socket down, which no server can hold up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[int, tuple[float, Connection]] = {}
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    @contextlib.contextmanager
    def limit(self, connection: Connection, seconds: float) -> Iterator[None]:
        """Run a request on a connection; raises Temporary(`timeout`) where it took longer."""
        me = threading.get_ident()
        deadline = time.monotonic() + seconds
        with self._lock:
            self._watched[me] = deadline, connection
        try:
            yield
        except CrawlError:
            raise
        except Exception:
            # A socket that is shut down under a reader makes it fail in one of many ways.
            if time.monotonic() >= deadline:
                raise Temporary("timeout", f"no complete answer in {seconds:g} s") from None
            raise
        finally:
            with self._lock:
                self._watched.pop(me, None)
        if time.monotonic() >= deadline:
            raise Temporary("timeout", f"no complete answer in {seconds:g} s")

    def _run(self) -> None:
        while True:
            time.sleep(0.1)
            now = time.monotonic()
            with self._lock:
                overdue = [connection for deadline, connection in self._watched.values() if now >= deadline]
                for connection in overdue:
                    connection.cut()


class _Guarded:
    """What both connection classes add: look the host up once, check every IP, connect to a checked one."""

    guard: AddressGuard
    _cutter: socket.socket | None = None

    def open_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        self._drop_cutter()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Temporary("unknown-host", f"{host}: {error}") from None
        for *_, address in found:
            self.guard.check_ip(str(address[0]), host)
        failure: OSError | None = None
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(timeout)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
                continue
            # A second descriptor of the same connection: it can be shut down at any time, in the TLS handshake too.
            self._cutter = socket.socket(fileno=os.dup(sock.fileno()))
            return sock
        raise Temporary("unreachable", f"{host}:{port}: {failure}") from None

    def cut(self) -> None:
        """Shut the connection down from another thread; whoever reads from it gets an error or its end."""
        if self._cutter is not None:
            with contextlib.suppress(OSError):
                self._cutter.shutdown(socket.SHUT_RDWR)

    def _drop_cutter(self) -> None:
        if self._cutter is not None:
            self._cutter.close()
            self._cutter = None


class PlainConnection(_Guarded, HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return self.open_socket(self._dns_host, self.port, float(self.timeout or 0))

    def close(self) -> None:
        self._drop_cutter()
        super().close()


class TlsConnection(_Guarded, HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return self.open_socket(self._dns_host, self.port, float(self.timeout or 0))

    def close(self) -> None:
        self._drop_cutter()
        super().close()


Connection = PlainConnection | TlsConnection


class Client:
    """One thread's client for one shop: a few open connections, one request at a time. Redirects are returned."""

    def __init__(
        self,
        guard: AddressGuard,
        user_agent: str,
        timeout: float,
        watchdog: Watchdog,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._timeout = timeout
        self._watchdog = watchdog
        self._context = context or make_context()
        self._open: OrderedDict[str, Connection] = OrderedDict()

    def get(self, url: str, *, max_bytes: int, headers: dict[str, str] | None = None) -> Answer:
        """The answer to a GET.

        Raises AddressRefused, Rejected (`too-large`, `content-encoding`) or Temporary (`timeout`, `unknown-host`,
        `unreachable`, `tls`, `truncated`, `broken-answer`).
        """
        self._guard.check_url(url)
        mapped = self._guard.mapped(url)
        address = parse_address(mapped or url)
        wanted = {"User-Agent": self._user_agent, "Accept-Encoding": "identity", **(headers or {})}
        if mapped is not None:
            wanted["Host"] = parse_address(url).host  # a mapped host keeps its name, as in the spider
        connection, fresh = self._connection(address)
        answer = None
        try:
            with self._watchdog.limit(connection, self._timeout):
                response = self._send(connection, fresh, address.target, wanted)
                answer = Answer(response.status, response.headers, self._body(response, max_bytes))
        except Exception as error:
            # http.client adds ValueError and a family of its own, for heads that are no HTTP, to OSError and HTTPError.
            raise _meaning(error, url) from None
        finally:
            # A body that was not read to its end would be taken for the head of the next answer.
            if answer is None or not 200 <= answer.status < 300:
                self._open.pop(address.origin).close()
        return answer

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def _connection(self, address: Address) -> tuple[Connection, bool]:
        connection = self._open.pop(address.origin, None)
        if connection is not None and not connection.is_connected:
            connection.close()
            connection = None
        fresh = connection is None
        if connection is None:
            if address.scheme == "https":
                connection = TlsConnection(address.host, address.port, timeout=self._timeout, ssl_context=self._context)
            else:
                connection = PlainConnection(address.host, address.port, timeout=self._timeout)
            connection.guard = self._guard
            if len(self._open) >= _KEPT:
                self._open.popitem(last=False)[1].close()
        self._open[address.origin] = connection
        return connection, fresh

    @staticmethod
    def _send(connection: Connection, fresh: bool, target: str, headers: dict[str, str]) -> BaseHTTPResponse:
        encoded = quote(target, safe=_URL_CHARACTERS)
        try:
            connection.request("GET", encoded, headers=headers, preload_content=False, decode_content=False)
            return connection.getresponse()
        except (ConnectionError, HTTPError):
            if fresh:
                raise
        # The server closed the kept connection in the meantime, which says nothing about this request.
        connection.close()
        connection.request("GET", encoded, headers=headers, preload_content=False, decode_content=False)
        return connection.getresponse()

    @staticmethod
    def _body(response: BaseHTTPResponse, max_bytes: int) -> bytes:
        if not 200 <= response.status < 300:
            return b""
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            raise Rejected("content-encoding", f"{encoding!r}, though only identity was accepted")
        declared = response.headers.get("Content-Length", "")
        if declared.isdigit():
            if int(declared[:20]) > max_bytes:
                raise Rejected("too-large", f"{declared[:20]} bytes, over {max_bytes}")
            return response.read()  # http.client reads no more than was declared
        body = bytearray()
        while chunk := response.read(_CHUNK):
            body += chunk
            if len(body) > max_bytes:
                raise Rejected("too-large", f"over {max_bytes} bytes")
        return bytes(body)


def make_context() -> ssl.SSLContext:
    """TLS as the system trusts it: certificates and host names are verified."""
    return ssl.create_default_context()


def _meaning(error: Exception, url: str) -> Exception:
    """The crawler's own exception for what went wrong on the wire."""
    if isinstance(error, Rejected | Temporary):
        return error
    if isinstance(error, ssl.SSLError | urllib3.exceptions.SSLError):
        return Temporary("tls", f"{url}: {error}")
    if isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return Temporary("timeout", f"{url}: {error}")
    if isinstance(error, urllib3.exceptions.IncompleteRead) or "IncompleteRead" in repr(error):
        return Temporary("truncated", f"{url}: {error}")
    return Temporary("broken-answer", f"{url}: {error!r:.200}")
