"""Logging: to stderr, one line an event, so that stdout stays for results."""

from __future__ import annotations

import logging
import sys
import time


def start_logging(level: str = "INFO") -> None:
    """Send the log of this process to stderr, times in UTC. Raises ValueError for a level that does not exist."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("urllib3", "asyncio", "botocore", "aiobotocore", "s3fs", "PIL", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
