"""The package's one exception: a file, name or array that does not follow the format, with a reason to count by."""

from __future__ import annotations


class FormatError(ValueError):
    """Something does not follow the format; `reason` is a short slug such as `bad-name`, `detail` is for a person."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[FormatError], tuple[str, str]]:
        return FormatError, (self.reason, self.detail)
