"""A plain folder of photos becomes a VITON-HD tree; whatever lies in it has an end with a reason."""

import csv
import io
import json
import os
import shutil
import struct
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from preprocess.errors import NothingToDo, OtherParameters, PreprocessError
from preprocess.folder.pairing import all_pairs, read_wanted
from preprocess.folder.record import Entry
from preprocess.folder.stage import Order, Result, process_folder
from preprocess.gates.verdict import Verdict
from tests.preprocess.test_intake_decoding import png_header
from tests.preprocess.truth_eyes import TruthEyes, drawn_packshot, drawn_person
from vitonhd.arrays import Picture
from vitonhd.garment_classes import GarmentClass
from vitonhd.names import item_id
from vitonhd.pictures import decode_rgb
from vitonhd.problems import missing
from vitonhd.tree import Tree

SIZE = (192, 256)


class Photos:
    """A folder of photos under `folder`, of which `eyes` know the truth."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.eyes = folder / "in", TruthEyes()
        self.out = folder / "out"

    def put(self, name: str | bytes, data: bytes) -> Path:
        path = self.folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def person(self, name: str | bytes, *, backdrop: int = 210, copies: int = 1) -> Path:
        return self.put(name, encoded(drawn_person(self.eyes, backdrop=backdrop, copies=copies)))

    def garment(self, name: str, *, backdrop: int = 244) -> Path:
        return self.put(name, encoded(drawn_packshot(self.eyes, backdrop=backdrop)))

    def order(self, garment_class: GarmentClass = GarmentClass.UPPER) -> Order:
        return Order(self.folder, self.out, garment_class, SIZE)

    def process(self, *, workers: int = 1) -> Result:
        return process_folder(self.order(), self.eyes, workers=workers)

    @property
    def tree(self) -> Tree:
        return Tree(self.out, size=SIZE)

    def items(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO((self.out / "items.csv").read_text(encoding="utf-8"), newline="")))

    def rejections(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.out / "rejections.jsonl").read_text().splitlines()]


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    return Photos(tmp_path)


def encoded(picture: Picture | Image.Image, format: str = "PNG", **options: object) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_people_and_garments_become_a_tree_with_every_pair(photos: Photos) -> None:
    photos.person("anna.png")
    photos.person("people/ben.png", backdrop=180)
    photos.garment("shirts/red.png")
    photos.put("notes.txt", b"hello")
    result = photos.process()
    assert (result.people, result.garments, result.rejected, result.pairs, result.others) == (2, 1, 0, 2, 1)
    assert [tuple(pair) for pair in photos.tree.pairs("test_unpaired")] == [
        ("00000_00", "00002_00"), ("00001_00", "00002_00"),
    ]  # fmt: skip
    assert [(row["stem"], row["file"], row["shot"]) for row in photos.items()] == [
        ("00000_00", "anna.png", "worn"), ("00001_00", "people/ben.png", "worn"),
        ("00002_00", "shirts/red.png", "flat"),
    ]  # fmt: skip
    problems = {(Path(one.where).parent.name, one.reason) for one in missing(photos.tree)}
    assert problems == {("cloth", "no-file"), ("cloth-mask", "no-file")}  # people have no garment of their own
    assert decode_rgb((photos.out / "sheet.jpg").read_bytes()).shape[1] == 900
    assert not (photos.out / "progress.jsonl").exists()


def _hostile(photos: Photos) -> dict[str, tuple[bytes, str]]:
    """By name the bytes, and the reason; empty for a picture that only looks strange."""
    person = drawn_person(photos.eyes)
    noise = np.random.default_rng(0).integers(0, 256, (400, 300, 3), np.uint8)
    whole = encoded(noise, "JPEG", quality=90)
    frames = [Image.fromarray(noise), Image.fromarray(noise[::-1].copy())]
    deep = np.asarray(Image.fromarray(person).convert("L"), np.uint16) * 257
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + struct.pack(">HH", 77, 0) + b"\0\0\0\0"
    two = drawn_person(photos.eyes, copies=2)
    return {
        "bomb.png": (png_header(30_000, 30_000), "too-many-pixels"),
        "20000x20000.png": (png_header(20_000, 20_000), "too-many-pixels"),
        "liar.png": (png_header(4_000, 4_000), "truncated"),
        "truncated.jpg": (whole[: len(whole) // 2], "truncated"),
        "1x1.png": (encoded(np.zeros((1, 1, 3), np.uint8)), "too-small"),
        "ruler.png": (encoded(np.zeros((200, 4000, 3), np.uint8)), "too-long"),
        "animated.gif": (encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "animation"),
        "empty.jpg": (b"", "empty"),
        "text.jpg": (b"this is no picture", "unsupported-format"),
        "windows.bmp": (encoded(noise, "BMP"), "unsupported-format"),
        "nobody.png": (encoded(np.full((400, 300, 3), 180, np.uint8)), "detail-shot"),
        "two people.png": (encoded(two), "several-people"),
        "cmyk.jpg": (encoded(Image.fromarray(noise).convert("CMYK"), "JPEG"), "detail-shot"),
        "16 bit.png": (encoded(Image.fromarray(deep)), "detail-shot"),
        "palette.png": (encoded(Image.fromarray(noise).quantize(64)), "detail-shot"),
        "exif.png": (encoded(person, exif=exif[6:]), ""),
    }  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2])
def test_whatever_lies_in_the_folder_has_an_end_with_a_reason(photos: Photos, workers: int) -> None:
    hostile = _hostile(photos)
    for name, (data, _) in hostile.items():
        photos.put(name, data)
    photos.garment("shirt.png")
    result = photos.process(workers=workers)
    found = {row["file"]: row["reason"] for row in photos.items()}
    assert found == {name: reason for name, (_, reason) in hostile.items()} | {"shirt.png": ""}
    assert result.people == result.garments == 1 and result.rejected == len(hostile) - 1 == result.reasons.total()
    lines = {line["file"]: line for line in photos.rejections()}
    assert lines["20000x20000.png"]["figure"] == 400_000_000
    assert (lines["two people.png"]["figure"], lines["two people.png"]["limit"]) == (2, 1)


def test_names_of_any_kind_are_kept_apart_and_come_back_in_the_table(photos: Photos) -> None:
    names = [
        "a b/모자 🧢.png", "a b/옷.png", "c/옷.png", "../in/-rf.png", "new\nline.png", "UPPER.PNG", "quote\".png",
        unicodedata.normalize("NFD", "é.png"), unicodedata.normalize("NFC", "é.png"), "x" * 200 + ".png",
    ]  # fmt: skip
    for shade, name in enumerate(names):
        photos.person(name, backdrop=150 + shade)
    photos.person(b"caf\xe9.png", backdrop=149)
    photos.person(".hidden.png")
    photos.garment("shirt.png")
    result = photos.process()
    assert result.people == len(names) + 1
    told = {row["file"] for row in photos.items()}
    assert {name.removeprefix("../in/") for name in names} | {"caf\\xe9.png", "shirt.png"} == told
    stems = [row["stem"] for row in photos.items()]
    assert stems == [item_id(number) for number in range(len(names) + 2)]


def test_a_table_of_pairs_decides_who_wears_what(photos: Photos) -> None:
    photos.person("People/é.png")
    photos.person("two.png", copies=2)
    photos.garment("red.png")
    photos.garment("blue.png", backdrop=240)
    lines = [
        "person,garment,note", unicodedata.normalize("NFD", "./People\\é.png") + ",red.png,first", "two.png,red.png,",
        "nobody.png,red.png,", "People/é.png,two.png,", "People/é.png,red.png,again",
    ]  # fmt: skip
    photos.put("pairs.csv", ("﻿" + "\r\n".join(lines)).encode())
    result = photos.process()
    person, garment = (
        next(row["stem"] for row in photos.items() if row["file"] == name) for name in ("People/é.png", "red.png")
    )
    assert [tuple(pair) for pair in photos.tree.pairs("test")] == [(person, garment)]
    assert result.pairs == 1
    assert result.pairs_missed == {"person-not-taken": 1, "no-such-file": 1, "garment-not-taken": 1}
    assert [line["reason"] for line in photos.rejections() if "pair" in line] == [
        "person-not-taken", "no-such-file", "garment-not-taken",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"model,cloth\na,b\n", "lacks the column 'person'"),
        (b"person,garment\na.png,\n", "line 2: a person and a garment"),
        (b"person,garment\n\xff\xfe,b\n", "no CSV table in UTF-8"),
        (b'person,garment\n"a.png,b.png\n', "no CSV table"),
        (b"", "lacks the column"),
    ],
)
def test_a_table_that_is_none_stops_the_run_and_says_where(photos: Photos, content: bytes, said: str) -> None:
    photos.person("a.png")
    with pytest.raises(PreprocessError, match=said):
        read_wanted(photos.put("pairs.csv", content))
    with pytest.raises(PreprocessError, match=r"pairs\.csv"):
        photos.process()
    assert not photos.out.exists()


def test_a_second_run_does_nothing_and_leaves_the_same_tree(photos: Photos) -> None:
    photos.person("a.png")
    photos.garment("b.png")
    photos.put("c.png", b"broken")
    photos.process()
    before, looked = contents(photos.out), photos.eyes.looked
    result = photos.process()
    assert (result.kept, result.people, result.garments, result.rejected) == (3, 1, 1, 1)
    assert photos.eyes.looked == looked and contents(photos.out) == before


def test_new_photos_get_new_numbers_and_what_is_gone_is_no_pair(photos: Photos) -> None:
    photos.person("m.png")
    photos.garment("n.png")
    photos.process()
    kept = contents(photos.out / "test")
    photos.person("a.png", backdrop=180)
    photos.garment("z.png", backdrop=240)
    (photos.folder / "n.png").unlink()
    result = photos.process()
    assert [(row["stem"], row["file"]) for row in photos.items()] == [
        ("00000_00", "m.png"), ("00002_00", "a.png"), ("00003_00", "z.png"),
    ]  # fmt: skip
    assert {pair.cloth for pair in photos.tree.pairs("test")} == {"00003_00"} and result.kept == 1
    assert kept.items() <= contents(photos.out / "test").items()
    photos.garment("n.png")
    photos.process()
    assert {row["file"]: row["stem"] for row in photos.items()}["n.png"] == "00001_00"


def test_a_photo_that_changed_is_done_again_and_leaves_nothing_of_before(photos: Photos) -> None:
    photos.person("a.png")
    photos.garment("b.png")
    photos.process()
    photos.put("a.png", encoded(drawn_packshot(photos.eyes, backdrop=238)))
    photos.put("b.png", b"broken")
    result = photos.process()
    assert (result.people, result.garments, result.kept) == (0, 1, 0)
    files = {path.parent.name for path in (photos.out / "test").rglob("*") if path.is_file()}
    assert files == {"cloth", "cloth-mask"}


def test_a_file_that_was_deleted_from_the_tree_is_made_again(photos: Photos) -> None:
    photos.person("a.png")
    photos.garment("b.png")
    photos.process()
    before = contents(photos.out)
    photos.tree.path("test", "agnostic", "00000_00").unlink()
    shutil.rmtree(photos.out / "test/cloth")
    assert photos.process().kept == 0
    assert contents(photos.out) == before


@pytest.mark.parametrize(
    "tail", [b'{"stem": "00001_00", "fi', b"nonsense\n", b'{"stem": "../../x", "file": "a.png"}\n']
)
def test_a_record_that_was_cut_short_costs_the_last_picture_only(photos: Photos, tail: bytes) -> None:
    for shade in (150, 170, 190):
        photos.person(f"{shade}.png", backdrop=shade)
    photos.process()
    before = contents(photos.out)
    lines = (photos.out / "items.jsonl").read_bytes().splitlines(keepends=True)
    (photos.out / "items.jsonl").write_bytes(lines[0])
    (photos.out / "progress.jsonl").write_bytes(lines[1] + tail)
    assert photos.process().kept == 2
    assert contents(photos.out) == before


def test_another_class_or_other_eyes_need_another_folder(photos: Photos) -> None:
    photos.person("a.png")
    photos.process()
    with pytest.raises(OtherParameters, match="other class"):
        process_folder(photos.order(GarmentClass.DRESS), photos.eyes)
    other = TruthEyes()
    other.identity = "others"
    with pytest.raises(OtherParameters, match="other eyes"):
        process_folder(photos.order(), other)
    (photos.out / "folder.json").write_text("nonsense")
    with pytest.raises(OtherParameters, match="chain and class"):
        photos.process()


def test_an_output_folder_inside_the_photos_is_not_read(photos: Photos) -> None:
    photos.person("a.png")
    photos.out = photos.folder / "out"
    assert photos.process().people == 1
    assert photos.process().kept == 1


def test_a_folder_that_cant_be_worked_on_is_said(photos: Photos) -> None:
    photos.put("readme.txt", b"")
    with pytest.raises(NothingToDo, match="no pictures"):
        photos.process()
    with pytest.raises(PreprocessError, match="choose another folder"):
        Order(photos.folder, photos.folder / "." / "x" / "..", GarmentClass.UPPER)
    with pytest.raises(PreprocessError, match="3:4"):
        Order(photos.folder, photos.out, GarmentClass.UPPER, (300, 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cant_be_read_is_rejected_and_tried_again(photos: Photos) -> None:
    path = photos.person("a.png")
    path.chmod(0)
    assert photos.process().reasons == {"unreadable-file": 1}
    path.chmod(0o644)
    assert photos.process().people == 1


def test_links_and_pipes_do_not_hold_up_the_run(photos: Photos) -> None:
    photos.person("a.png")
    (photos.folder / "loop").symlink_to(photos.folder)
    (photos.folder / "gone.png").symlink_to(photos.folder / "nothing")
    os.mkfifo(photos.folder / "pipe.png")
    assert photos.process().people == 1
    assert [row["file"] for row in photos.items()] == ["a.png"]


def entry(number: int, shot: str) -> Entry:
    return Entry(item_id(number), f"{number}.png", 1, 1, shot)


@pytest.mark.parametrize(("people", "garments"), [(3, 4), (20, 7), (60, 90), (0, 5), (5, 0)])
def test_pairs_are_bounded_and_spread(people: int, garments: int) -> None:
    entries = [entry(number, "worn") for number in range(people)]
    entries += [entry(people + number, "flat") for number in range(garments)]
    turned = Entry(item_id(9999), "no.png", 1, 1, "worn", verdicts=(Verdict("turned"),))
    pairs = list(all_pairs([*entries, turned], most=120))
    assert len(set(pairs)) == len(pairs) <= 120
    assert len({pair.person for pair in pairs}) == (people if garments else 0)
    if people * garments <= 120:
        assert len(pairs) == people * garments
    elif people:
        assert len({pair.cloth for pair in pairs}) >= min(garments, people)
