"""What can go wrong with weights; each message names the file or the entry and what to do."""

from __future__ import annotations

from preprocess.errors import PreprocessError


class WeightsError(PreprocessError):
    """Weights can't be had or used."""


class UnknownWeights(WeightsError):
    """The registry has no such entry."""


class WeightsMissing(WeightsError):
    """They are not in the cache."""


class WeightsDamaged(WeightsError):
    """A file is not what it should be: size, SHA-256, format, or the keys of another network."""


class FetchFailed(WeightsError):
    """The server did not give the file; another try may succeed."""


class LicenceForbids(WeightsError):
    """The licence does not allow the stated use."""
