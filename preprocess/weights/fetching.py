"""Weights into the cache: over https, or from a file that somebody downloaded.

The contract that must not break: only what was asked for, only under a licence that allows the stated use, never more
bytes than the limit, and a file that appears whole, with the right SHA-256 where it is known, or not at all.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from preprocess.weights.cache import Recorded, State, WeightsCache
from preprocess.weights.errors import FetchFailed, LicenceForbids, WeightsDamaged, WeightsError
from preprocess.weights.registry import Commercial, Weights, WeightsFile
from vitonhd.atomic import atomic_file

MAX_BYTES = 2 << 30
_CHUNK = 1 << 20
_TIMEOUT_S = 60
_TEMPORARY = (408, 425, 429)
_AGENT = "lookbook-weights/1"

OnProgress = Callable[[int, int | None], None]
"""Called with the bytes that are here, and of how many as far as is known."""


class Use(StrEnum):
    """What the weights are wanted for."""

    RESEARCH = "research"
    COMMERCIAL = "commercial"


@dataclass(frozen=True)
class Fetched:
    """One file that is in the cache now; `kept`: it was there already, and sound."""

    file: str
    sha256: str
    size: int
    kept: bool


def permit(weights: Weights, use: Use) -> None:
    """Raises LicenceForbids when the entry may not be used commercially and that is the use."""
    if use is Use.COMMERCIAL and weights.commercial is Commercial.NO:
        raise LicenceForbids(f"{weights.name} may not be used commercially: {weights.licence}")


def fetch(
    weights: Weights,
    cache: WeightsCache,
    *,
    use: Use = Use.RESEARCH,
    limit: int = MAX_BYTES,
    on_progress: OnProgress | None = None,
) -> list[Fetched]:
    """Fetch an entry's files that are not in the cache yet.

    Raises LicenceForbids; WeightsError where only a browser gets the file; FetchFailed (try again later); and
    WeightsDamaged for a file that is too large, a web page, or not the one that the registry knows.
    """
    permit(weights, use)
    return [_fetch_file(weights, file, cache, limit, on_progress) for file in weights.files]


def adopt(weights: Weights, source: Path, cache: WeightsCache, *, use: Use = Use.RESEARCH) -> Fetched:
    """Copy a file that somebody downloaded into the cache. Raises as `fetch`, and WeightsError for the wrong file."""
    permit(weights, use)
    if len(weights.files) > 1:
        file = next((one for one in weights.files if one.name == source.name), None)
        if file is None:
            names = ", ".join(one.name for one in weights.files)
            raise WeightsError(f"{source.name} is none of the files of {weights.name}: {names}")
    else:
        file = weights.files[0]
    with source.open("rb") as stream:
        size = source.stat().st_size
        return _store(stream, weights, file, cache, _Limits(size, size), str(source.name), None)


def _fetch_file(
    weights: Weights, file: WeightsFile, cache: WeightsCache, limit: int, on_progress: OnProgress | None
) -> Fetched:
    found = cache.check(weights, file)
    if found.state in (State.SOUND, State.RECORDED) and found.sha256 and found.size is not None:
        return Fetched(file.name, found.sha256, found.size, kept=True)
    if weights.by_hand:
        raise WeightsError(
            f"{weights.name}: download {file.url} in a browser, then run "
            f"`lookbook weights fetch {weights.name} --from FILE`"
        )
    with _opened(file.url) as response:
        limits = _Limits(min(limit, file.size or limit), _announced(response))
        return _store(response, weights, file, cache, limits, file.url, on_progress)


@dataclass(frozen=True)
class _Limits:
    most: int
    announced: int | None


def _store(
    stream: IO[bytes],
    weights: Weights,
    file: WeightsFile,
    cache: WeightsCache,
    limits: _Limits,
    source: str,
    on_progress: OnProgress | None,
) -> Fetched:
    if limits.announced is not None and limits.announced > limits.most:
        raise WeightsDamaged(f"{file.name}: {limits.announced} bytes, the limit is {limits.most}")
    try:
        with atomic_file(cache.path(weights, file)) as out:
            sha256, size = _copy(stream, out.write, file, limits, on_progress)
            if limits.announced is not None and size != limits.announced:
                raise FetchFailed(f"{file.name}: the connection ended after {size} of {limits.announced} bytes")
            if file.sha256 is not None and sha256 != file.sha256:
                raise WeightsDamaged(f"{file.name}: SHA-256 {sha256}, expected {file.sha256}")
        cache.record(weights, file, Recorded(sha256, size, source))
    except OSError as error:
        raise WeightsError(f"{cache.folder} can't be written: {error}") from None
    return Fetched(file.name, sha256, size, kept=False)


def _copy(
    stream: IO[bytes],
    write: Callable[[bytes], object],
    file: WeightsFile,
    limits: _Limits,
    on_progress: OnProgress | None,
) -> tuple[str, int]:
    sha256, size = hashlib.sha256(), 0
    for chunk in _chunks(stream):
        if size == 0 and chunk.lstrip()[:1] == b"<":
            raise WeightsDamaged(f"{file.name}: the server sent a web page, not the file; get it in a browser")
        size += len(chunk)
        if size > limits.most:
            raise WeightsDamaged(f"{file.name}: more than the limit of {limits.most} bytes")
        sha256.update(chunk)
        write(chunk)
        if on_progress is not None:
            on_progress(size, limits.announced)
    if size == 0:
        raise FetchFailed(f"{file.name}: nothing came")
    return sha256.hexdigest(), size


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    try:
        while chunk := stream.read(_CHUNK):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise FetchFailed(f"reading ended early: {error}") from None


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_https(url: str) -> None:
    if not url.startswith("https://"):
        raise WeightsError(f"{url}: weights come over https only")


@contextmanager
def _opened(url: str) -> Iterator[http.client.HTTPResponse]:
    _require_https(url)
    opener = urllib.request.build_opener(_HttpsOnly)
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})  # noqa: S310 (https, checked above)
    try:
        response = opener.open(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        with error:
            reason = f"{url}: the server answered {error.code}"
        if error.code >= 500 or error.code in _TEMPORARY:
            raise FetchFailed(reason) from None
        raise WeightsError(f"{reason}; is the address still right?") from None
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise FetchFailed(f"{url}: {getattr(error, 'reason', error)}") from None
    with response:
        yield response


def _announced(response: http.client.HTTPResponse) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() else None
