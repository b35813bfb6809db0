"""Shot kinds from evidence: networks' answers where they matter, statistics where they suffice."""

from pathlib import Path

import numpy as np
import pytest

from preprocess.gates.statistics import statistics
from preprocess.shots import ShotKind, evidence, shot_kind
from studio.demo_catalogue import DEMO, load
from tests.preprocess.mannequin import mannequin
from tests.preprocess.posters import garment, page, table
from vitonhd.garment_classes import GarmentClass
from vitonhd.keypoints import BODY_25
from vitonhd.pictures import decode_rgb
from vitonhd.tree import Tree


@pytest.mark.parametrize("kind", list(GarmentClass))
def test_a_person_with_a_pose_is_worn(kind: GarmentClass) -> None:
    person = mannequin(kind)
    shot = shot_kind(evidence(statistics(person.photo), person.parse, person.points))
    assert (shot.kind, shot.reason) == (ShotKind.WORN, "worn-joints") and shot.figure > 10


def test_a_caption_does_not_make_a_photo_a_text() -> None:
    person = mannequin()
    written = np.ascontiguousarray(page(22, 15))
    shot = shot_kind(evidence(statistics(written), person.parse, person.points))
    assert shot.kind is ShotKind.WORN


def test_part_of_a_person_is_a_detail() -> None:
    person = mannequin()
    collar = np.s_[30:80, 60:130]
    points = person.points.copy()
    points[[joint not in ("neck", "right_shoulder", "left_shoulder") for joint in BODY_25.joints]] = 0
    shot = shot_kind(evidence(statistics(person.photo[collar]), person.parse[collar], points))
    assert shot.kind is ShotKind.DETAIL


def test_a_person_whose_pose_is_not_seen_is_no_packshot() -> None:
    person = mannequin()
    shot = shot_kind(evidence(statistics(person.photo), person.parse, np.zeros((25, 3))))
    assert (shot.kind, shot.reason) == (ShotKind.DETAIL, "flat-skin")


def test_joints_that_a_network_sees_in_a_packshot_are_not_enough() -> None:
    picture, mask = garment()
    shot = shot_kind(evidence(statistics(picture), np.zeros(mask.shape, np.uint8), mannequin().points, mask))
    assert shot.kind is ShotKind.FLAT


@pytest.mark.parametrize("pattern", ["plain", "dots", "checks", "logo"])
@pytest.mark.parametrize("segmented", [True, False])
def test_a_whole_garment_is_flat_and_a_part_is_a_detail(pattern: str, segmented: bool) -> None:
    picture, mask = garment(pattern)
    whole = shot_kind(evidence(statistics(picture), garment=mask if segmented else None))
    part = np.s_[250:550, 150:375]
    near = shot_kind(evidence(statistics(picture[part]), garment=mask[part] if segmented else None))
    assert (whole.kind, near.kind) == (ShotKind.FLAT, ShotKind.DETAIL)
    assert near.reason in ("flat-border", "flat-cut")


@pytest.mark.parametrize("picture", [page(20, 12), table()], ids=["page", "table"])
def test_a_page_is_text(picture: np.ndarray) -> None:
    shot = shot_kind(evidence(statistics(picture)))
    assert (shot.kind, shot.reason) == (ShotKind.TEXT, "text") and shot.figure > 0.5


def test_an_empty_picture_is_a_detail() -> None:
    shot = shot_kind(evidence(statistics(np.full((400, 300, 3), 250, np.uint8))))
    assert (shot.kind, shot.reason) == (ShotKind.DETAIL, "flat-garment")


def test_pictures_of_the_demo_catalogue_without_people_are_told_apart_by_statistics_alone() -> None:
    catalogue = load() if (DEMO / "catalogue.json").exists() else None
    if catalogue is None:
        pytest.skip("the demo catalogue is not there")
    expected = {"packshot": ShotKind.FLAT, "detail": ShotKind.DETAIL, "text": ShotKind.TEXT}
    seen = set()
    for _, picture in catalogue.pictures():
        path = catalogue.path(picture)
        if picture.shot == "worn" or picture.file in seen or not path.exists():
            continue
        seen.add(picture.file)
        try:
            shown = decode_rgb(path.read_bytes())
        except ValueError:
            continue  # a picture that is broken on purpose
        assert shot_kind(evidence(statistics(shown))).kind is expected[picture.shot], picture.file
    assert len(seen) > 30


def test_official_items_are_worn_and_flat(samples: Path) -> None:
    tree = Tree(samples / "viton-hd")
    for stem in tree.stems("test", "image"):
        item = tree.read("test", stem, ["image", "parse", "pose", "cloth", "cloth_mask"])
        assert item.image is not None and item.pose is not None and item.cloth is not None
        photo = evidence(statistics(item.image), item.parse, item.pose.person.body)
        assert shot_kind(photo).kind is ShotKind.WORN
        assert shot_kind(evidence(statistics(item.cloth), garment=item.cloth_mask)).kind is ShotKind.FLAT
