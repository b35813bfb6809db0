"""Shards: identity for any bytes, the same bytes every time, and refusal of hostile or damaged archives."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vitonhd.synthetic_tree import SIZE, synthetic_item
from vitonhd.errors import FormatError
from vitonhd.shard_reading import read_member, read_samples, read_shard
from vitonhd.shards import BLOCK, Sample, write_shards
from vitonhd.tree import Tree
from vitonhd.tree_shards import pack, unpack

KEYS = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", fullmatch=True).filter(str.isascii)
ENDINGS = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,23}(\.[0-9A-Za-z][0-9A-Za-z_-]{0,7})?", fullmatch=True).filter(
    str.isascii
)
SAMPLES = st.lists(
    st.builds(Sample, KEYS, st.dictionaries(ENDINGS, st.binary(max_size=1500), min_size=1, max_size=4)),
    max_size=8,
    unique_by=lambda sample: sample.key,
)


@given(SAMPLES, st.integers(1, 4), st.integers(1, 8000))
def test_samples_come_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, samples: list[Sample], max_samples: int, max_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    shards = list(write_shards(samples, folder, "set", max_samples=max_samples, max_bytes=max_bytes))
    read = [sample for shard in shards for sample in read_shard(folder / shard.name)]
    assert read == samples
    assert [shard.name for shard in shards] == [f"set-{number:06d}.tar" for number in range(len(shards))]
    for shard in shards:
        data = (folder / shard.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (shard.size, shard.sha256)
        assert 1 <= shard.samples <= max_samples and (shard.size <= max_bytes or shard.samples == 1)
        for member in shard.members:
            assert hashlib.sha256(read_member(folder / shard.name, member)).hexdigest() == member.sha256


def some(count: int, size: int = 1000) -> Iterator[Sample]:
    for number in range(count):
        yield Sample(f"{number:05d}_00", {"cloth.jpg": os.urandom(size), "parse.png": bytes([number % 256]) * size})


def test_the_bytes_are_fixed(tmp_path: Path) -> None:
    """A release's hashes must not depend on the machine, the day, the user or the order of a dict."""
    sample = Sample("00006_00", {"cloth.jpg": b"cloth", "agnostic.jpg": b"agnostic"})
    turned = Sample("00006_00", dict(reversed(sample.parts.items())))
    (one,) = write_shards([sample], tmp_path / "one", "set")
    (other,) = write_shards([turned], tmp_path / "other", "set")
    assert one == other
    assert one.sha256 == "cc9645f8cc89d68f0931f4a0fbf032e8fcc6c53e431cfb862133856aa04dec1e"
    with tarfile.open(tmp_path / "one" / one.name) as archive:
        members = [(m.name, m.mtime, m.uid, m.gid, m.uname, m.mode, m.offset_data) for m in archive]
    assert members == [
        ("00006_00.agnostic.jpg", 0, 0, 0, "", 0o644, 512), ("00006_00.cloth.jpg", 0, 0, 0, "", 0o644, 1536)
    ]  # fmt: skip


def test_shards_are_immutable(tmp_path: Path) -> None:
    (shard,) = write_shards([Sample("a", {"x.jpg": b"1"})], tmp_path, "set")
    assert list(write_shards([Sample("a", {"x.jpg": b"1"})], tmp_path, "set")) == [shard]
    with pytest.raises(FormatError, match=r"shard-differs: .*set-000000\.tar"):
        list(write_shards([Sample("a", {"x.jpg": b"2"})], tmp_path, "set"))
    assert [path.name for path in tmp_path.iterdir()] == [shard.name]
    assert [dict(sample.parts) for sample in read_shard(tmp_path / shard.name)] == [{"x.jpg": b"1"}]


def test_a_run_that_stops_leaves_only_whole_shards(tmp_path: Path) -> None:
    def breaking() -> Iterator[Sample]:
        yield from some(3)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        list(write_shards(breaking(), tmp_path, "set", max_samples=2))
    assert [path.name for path in tmp_path.iterdir()] == ["set-000000.tar"]
    abandoned = write_shards(some(10), tmp_path, "other", max_samples=2)
    next(abandoned)
    abandoned.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other-000000.tar", "set-000000.tar"]


def test_writing_and_reading_take_constant_memory(tmp_path: Path) -> None:
    size = 100_000
    tracemalloc.start()
    names = [shard.name for shard in write_shards(some(200, size), tmp_path, "set", max_bytes=20 << 20)]
    assert sum(1 for name in names for _ in read_shard(tmp_path / name)) == 200
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(names) == 2 and peak < 30 * size, f"{peak} bytes for 40 MB of samples"


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (Sample("../a", {"x.jpg": b""}), "bad-name"),
        (Sample("a.b", {"x.jpg": b""}), "bad-name"),
        (Sample("", {"x.jpg": b""}), "bad-name"),
        (Sample("a", {"x/y.jpg": b""}), "bad-name"),
        (Sample("a", {"": b""}), "bad-name"),
        (Sample("a", {"é.jpg": b""}), "bad-name"),
        (Sample("a", {}), "bad-sample"),
        (Sample("a", {f"{number}.jpg": b"" for number in range(65)}), "bad-sample"),
    ],
    ids=str,
)
def test_samples_that_could_not_be_read_are_not_written(tmp_path: Path, sample: Sample, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        list(write_shards([Sample("before", {"x.jpg": b""}), sample], tmp_path, "set"))
    assert caught.value.reason == reason
    assert not list(tmp_path.iterdir())


def test_a_key_twice_is_refused_by_writer_and_reader(tmp_path: Path) -> None:
    twice = [Sample(key, {"x.jpg": b""}) for key in ("a", "b", "a")]
    with pytest.raises(FormatError, match="duplicate-sample"):
        list(write_shards(twice, tmp_path, "set"))
    with pytest.raises(FormatError, match="duplicate-sample"):
        list(read_samples(archive(*(file(f"{sample.key}.x.jpg") for sample in twice))))


def file(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    for field, value in fields.items():
        setattr(header, field, value)
    return header, data


def archive(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for header, data in members:
            tar.addfile(header, io.BytesIO(data))
    return io.BytesIO(buffer.getvalue())


def test_shards_of_other_writers_are_read() -> None:
    foreign = archive(
        file("00001_00.cloth.jpg", b"c", mtime=1_700_000_000, uname="someone"), file("00001_00.json", b"{}")
    )
    assert list(read_samples(foreign)) == [Sample("00001_00", {"cloth.jpg": b"c", "json": b"{}"})]


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (file("../a.jpg"), "bad-name"),
        (file("/etc/passwd"), "bad-name"),
        (file("a/b.jpg"), "bad-name"),
        (file("a\\b.jpg"), "bad-name"),
        (file(".hidden"), "bad-name"),
        (file("noending"), "bad-name"),
        (file("a.b.c.jpg"), "bad-name"),
        (file("a.x.jpg", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "not-a-file"),
        (file("a.x.jpg", type=tarfile.LNKTYPE, linkname="b.x.jpg"), "not-a-file"),
        (file("a.x.jpg", type=tarfile.DIRTYPE), "not-a-file"),
        (file("a.x.jpg", type=tarfile.FIFOTYPE), "not-a-file"),
        (file("a.x.jpg", type=tarfile.CHRTYPE), "not-a-file"),
        (file("a.x.jpg", type=tarfile.CONTTYPE), "not-a-file"),
        (file("a.x.jpg", type=tarfile.GNUTYPE_SPARSE), "not-a-file"),
        (file("a" * 200 + ".jpg"), "not-a-file"),
        (file("a.x.jpg", bytes(2000)), "oversize-member"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[0].name[:12]),
)
def test_hostile_members_are_refused(member: tuple[tarfile.TarInfo, bytes], reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        list(read_samples(archive(member), max_member=1000))
    assert caught.value.reason == reason


def test_every_cut_of_a_shard_is_noticed(tmp_path: Path) -> None:
    (shard,) = write_shards(some(2, 300), tmp_path, "set")
    data = (tmp_path / shard.name).read_bytes()
    for length in range(0, len(data) - 2 * BLOCK, 97):
        with pytest.raises(FormatError, match="truncated-shard"):
            list(read_samples(io.BytesIO(data[:length])))


def test_a_changed_byte_is_noticed_by_its_hash(tmp_path: Path) -> None:
    (shard,) = write_shards(some(1), tmp_path, "set")
    path = tmp_path / shard.name
    data = bytearray(path.read_bytes())
    data[shard.members[0].offset] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"member-corrupt: .*00000_00\.cloth\.jpg"):
        read_member(path, shard.members[0])
    assert read_member(path, shard.members[1])


@given(st.binary(max_size=2000))
def test_any_bytes_are_samples_or_refused(data: bytes) -> None:
    try:
        list(read_samples(io.BytesIO(data)))
    except FormatError as error:
        assert error.reason in ("bad-shard", "truncated-shard")


@given(st.integers(0, 511), st.integers(0, 255))
def test_any_damaged_header_is_read_or_refused(position: int, value: int) -> None:
    """The checksum is repaired, so that the damage reaches the fields."""
    data = bytearray(archive(file("a.x.jpg", b"data")).getvalue())
    data[position] = value
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512]))
    try:
        list(read_samples(io.BytesIO(bytes(data)), max_member=10_000))
    except FormatError as error:
        assert error.reason


class OneByteAtATime(io.RawIOBase):
    """A slow pipe."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def read(self, count: int = -1) -> bytes:
        return self._rest.read(1)


def test_short_reads_of_a_stream_are_no_truncation() -> None:
    data = archive(file("a.x.jpg", b"data")).getvalue()
    assert list(read_samples(OneByteAtATime(data))) == [Sample("a", {"x.jpg": b"data"})]  # type: ignore[arg-type]


def test_a_tree_goes_through_shards_unchanged(tmp_path: Path) -> None:
    source, target = Tree(tmp_path / "source", size=SIZE), Tree(tmp_path / "target", size=SIZE)
    for number in range(5):
        source.write("train", synthetic_item(f"{number:05d}_00", number))
    source.path("train", "densepose", "00003_00").unlink()
    shards = list(write_shards(pack(source, "train", source.stems("train")), tmp_path, "train", max_samples=2))
    assert sum(unpack(read_shard(tmp_path / shard.name), target, "train") for shard in shards) == 5
    assert files(target.root) == files(source.root)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_unknown_members_do_not_reach_a_tree(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"unknown-member: 00001_00: evil\.sh"):
        unpack([Sample("00001_00", {"evil.sh": b""})], Tree(tmp_path), "train")
    with pytest.raises(FormatError, match="no-file"):
        list(pack(Tree(tmp_path), "train", ["00001_00"]))
