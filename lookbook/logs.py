"""Logging: to stderr, one line an event, so that stdout stays for results."""

from __future__ import annotations

import logging
import sys
import time

# Libraries that log a line per request or dump their versions; their warnings stay.
_CHATTY = (
    *("alembic", "aiobotocore", "asyncio", "botocore", "PIL", "playwright", "s3fs", "urllib3"),
    *("scrapy", "scrapy-playwright", "scrapy_poet", "twisted"),
)


def _quiet(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.split(".")[0] not in _CHATTY


def start_logging(level: str = "INFO") -> None:
    """Send the log of this process to stderr, times in UTC; DEBUG shows the libraries' lines too.

    Raises ValueError for a level that does not exist.
    """
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    # On the handler, not on the loggers: Scrapy sets the level of its own logger when it starts.
    handler.setLevel(level.upper())
    if level.upper() != "DEBUG":
        handler.addFilter(_quiet)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
