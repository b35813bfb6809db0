"""The last stage of a picture: gates, drawing, encoding, storing; and how any stage's failure becomes a picture's end.

The contract that must not break: whatever a picture does ends that picture only; what would meet every other picture as
well (a store that can't write) is raised.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from db.blobs import BlobStore
from db.errors import StorageError
from preprocess.chain.assess import Assessed, assess
from preprocess.chain.files import condition_files
from preprocess.chain.looking import out_of_memory
from preprocess.chain.placing import Placed
from preprocess.gates.verdict import Rejected, Verdict
from preprocess.run.work import Work

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """One picture's end: `verdict` says why it has no files; with `failed` it was not the picture's fault."""

    work: Work
    assessed: Assessed | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    """Blobs by VITON-HD folder; none unless the picture was taken."""
    verdict: Verdict | None = None
    failed: bool = False
    seconds: float = 0.0
    """Spent on it in all stages."""

    @property
    def state(self) -> str:
        """One of `db.models.ARTIFACT_STATES`."""
        if self.verdict is None:
            return "done"
        return "failed" if self.failed else "rejected"


def finish(work: Work, placed: Placed, blobs: BlobStore, seconds: float = 0.0) -> Made:
    """The end of a placed picture; its files, if it passes, are stored. Raises StorageError.

    `seconds` were spent on it before.
    """
    started = time.perf_counter()
    assessed: Assessed | None = None
    try:
        assessed = assess(placed)
        made = _stored(work, assessed, blobs)
    except StorageError:
        raise
    except Exception as error:
        made = ended_by(work, error, assessed)
    return replace(made, seconds=seconds + time.perf_counter() - started)


def ended_by(work: Work, error: Exception, assessed: Assessed | None = None) -> Made:
    """The end of a picture at which a stage raised an error."""
    if isinstance(error, Rejected):
        return Made(work, assessed, verdict=error.verdict)
    if out_of_memory(error):
        return Made(work, assessed, verdict=Verdict("out-of-memory", detail=str(error)[:300]), failed=True)
    logger.error("%s (%s): %r", work.sha256, work.garment_class, error, exc_info=error)
    reason = f"internal-{type(error).__name__}"[:60]
    return Made(work, assessed, verdict=Verdict(reason, detail=str(error)[:300]), failed=True)


def _stored(work: Work, assessed: Assessed, blobs: BlobStore) -> Made:
    if assessed.verdicts:
        return Made(work, assessed, verdict=assessed.verdicts[0])
    return Made(work, assessed, {name: _put(blobs, data) for name, data in condition_files(assessed).items()})


def _put(blobs: BlobStore, data: bytes) -> str:
    try:
        return blobs.put(data)
    except Exception as error:
        # Object stores raise errors of several libraries; whichever it is, it is not the picture's fault.
        raise StorageError(f"the blob store failed: {error!r:.300}") from error
