"""Exit codes (sysexits) and which error means which: Airflow's retries and shell scripts decide by them."""

from __future__ import annotations

DONE = 0  # rejections are counted, not errors
USAGE = 64
DATA = 65  # the input is unusable, no retry helps
TEMPORARY = 75  # the same command may succeed later
REFUSED = 77  # no permission, robots.txt
CONFIG = 78


def exit_code(error: BaseException) -> int | None:
    """The code for an error that a user can act on, else None: then it is a bug and deserves its traceback.

    Imports lazily and only what is loaded anyway: an exception's module must have been imported to raise it.
    """
    names = {f"{cls.__module__}.{cls.__qualname__}" for cls in type(error).__mro__}
    return next((code for name, code in _CODES.items() if name in names), None)


_CODES = {
    "lookbook.settings.SettingsError": CONFIG,
    "db.errors.SchemaMismatch": CONFIG,
    "db.errors.BlobMissing": DATA,
    "db.errors.BlobCorrupt": DATA,
    "db.errors.Busy": TEMPORARY,
    "db.errors.StorageError": TEMPORARY,  # behind its subclasses: a full disk, an object store that is away
    "crawler.errors.Temporary": TEMPORARY,
    "crawler.errors.CrawlError": DATA,
    "releases.errors.BadParameters": CONFIG,
    "releases.errors.ReleaseBusy": TEMPORARY,
    "releases.errors.ToolFailed": TEMPORARY,
    "releases.errors.ReleaseError": DATA,
    "sqlalchemy.exc.OperationalError": TEMPORARY,
}
