"""Rows to and from Parquet files, a batch at a time: memory does not grow with the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from releases.errors import ReleaseCorrupt

BATCH = 500
Row = TypeVar("Row")


def write_rows(
    file: BinaryIO,
    schema: pa.Schema,
    rows: Iterable[Row],
    to_dict: Callable[[Row], dict[str, Any]],
    metadata: Callable[[], dict[str, str]] = dict,
) -> int:
    """Write the rows as zstd Parquet, one row group a batch; `metadata` is asked once all rows are through."""
    iterator, count = iter(rows), 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := list(islice(iterator, BATCH)):
            writer.write_table(pa.Table.from_pylist([to_dict(row) for row in batch], schema=schema))
            count += len(batch)
        writer.add_key_value_metadata(metadata())
    return count


def read_rows(
    file: BinaryIO, from_dict: Callable[[dict[str, Any]], Row], *, columns: Sequence[str] | None = None
) -> Iterator[Row]:
    """The rows in their order; `columns` for some only. Raises ReleaseCorrupt for what is no such Parquet file."""
    try:
        parquet = pq.ParquetFile(file)
        for batch in parquet.iter_batches(BATCH, columns=None if columns is None else list(columns)):
            yield from map(from_dict, batch.to_pylist())
    except (pa.ArrowException, KeyError, TypeError, OSError) as error:
        raise ReleaseCorrupt(f"{getattr(file, 'name', 'a Parquet file')} can't be read: {error}") from None


def read_metadata(file: BinaryIO) -> dict[str, str]:
    """The file's own key-value metadata. Raises ReleaseCorrupt."""
    try:
        found = pq.ParquetFile(file).metadata.metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise ReleaseCorrupt(f"{getattr(file, 'name', 'a Parquet file')} can't be read: {error}") from None
    return {key.decode(): value.decode() for key, value in found.items() if key != b"ARROW:schema"}
