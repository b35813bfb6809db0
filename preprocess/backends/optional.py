"""Libraries that only some backends need.

The contract that must not break: a missing one is named with what to install, when the backend is opened and not
before.
"""

from __future__ import annotations

import importlib
from typing import Any

from preprocess.errors import PreprocessError


class NotInstalled(PreprocessError):
    """A backend's library is not there; the message says what to install."""


def library(name: str, *, install: str) -> Any:
    """The imported module. Raises NotInstalled."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NotInstalled(f"{name} can't be imported ({error}); {install}") from None
