"""What an evaluation can't go on from; a picture that can't be scored is recorded instead."""

from __future__ import annotations


class EvaluationError(ValueError):
    """The data, the results or the weights can't be evaluated; the message says which and why."""
