from collections.abc import Sequence

import numpy as np
import pytest

from preprocess.backends.densepose import RcnnDensePose
from preprocess.backends.graphonomy import ONE_SCALE, GraphonomyParser
from preprocess.backends.interfaces import Box, DensePose
from preprocess.backends.opening import DENSEPOSE_ESTIMATORS, GARMENT_SEGMENTERS, PARSERS, POSE_ESTIMATORS
from preprocess.chain.looking import Looker
from preprocess.chain.official import Networks, OfficialEyes
from preprocess.networks.densepose.rcnn import DensePoseRcnn
from preprocess.networks.graphonomy import Graphonomy
from preprocess.student.student import Sight
from preprocess.weights.registry import WEIGHTS
from tests.preprocess.network_formula import densepose_state, graphonomy_state
from tests.preprocess.network_goldens import with_formula
from tests.preprocess.posters import page
from tests.preprocess.truth_eyes import TruthEyes, drawn_packshot, drawn_person
from vitonhd.arrays import Labels, Mask, Picture
from vitonhd.garment_classes import GarmentClass
from vitonhd.openpose_json import Person


class TrueNetworks:
    """Four networks that know what is true, and how many pictures each was asked about."""

    def __init__(self, truth: TruthEyes) -> None:
        self.truth = truth
        self.asked = {"parse": 0, "densepose": 0, "pose": 0, "segment": 0}
        self.boxes: list[Box] = []

    def parse(self, pictures: Sequence[Picture]) -> list[Labels]:
        self.asked["parse"] += len(pictures)
        return [sight.parse for sight in self.truth.look(pictures)]

    def estimate(self, pictures: Sequence[Picture], boxes: Sequence[Box] | None = None) -> list[Person | None]:
        self.asked["pose"] += len(pictures)
        self.boxes += boxes or ()
        return [sight.person for sight in self.truth.look(pictures)]

    def segment(self, pictures: Sequence[Picture]) -> list[Mask]:
        self.asked["segment"] += len(pictures)
        return [sight.garment_mask for sight in self.truth.look(pictures)]


class TrueSurface:
    def __init__(self, networks: TrueNetworks) -> None:
        self.networks = networks

    def estimate(self, pictures: Sequence[Picture]) -> list[DensePose | None]:
        self.networks.asked["densepose"] += len(pictures)
        return [sight.densepose for sight in self.networks.truth.look(pictures)]


@pytest.fixture
def networks() -> TrueNetworks:
    return TrueNetworks(TruthEyes())


def official(networks: TrueNetworks) -> OfficialEyes:
    return OfficialEyes(networks, TrueSurface(networks), networks, networks, "official")


def test_everything_is_seen_and_in_its_place(networks: TrueNetworks) -> None:
    photo, packshot = drawn_person(networks.truth), drawn_packshot(networks.truth)
    blank = np.full((512, 384, 3), 90, np.uint8)
    packshot_sight, blank_sight, photo_sight = official(networks).look([packshot, blank, photo])
    for picture, sight in ((packshot, packshot_sight), (photo, photo_sight)):
        (true,) = networks.truth.look([picture])
        assert (sight.parse == true.parse).all() and (sight.garment_mask == true.garment_mask).all()
        assert sight.person == true.person and (sight.densepose is None) == (true.densepose is None)
    assert not blank_sight.parse.any() and blank_sight.person is None


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("worn", {"parse": 1, "densepose": 1, "pose": 2, "segment": 0}),
        ("packshot", {"parse": 1, "densepose": 0, "pose": 1, "segment": 1}),
        ("text", {"parse": 0, "densepose": 0, "pose": 1, "segment": 0}),
        ("room", {"parse": 0, "densepose": 0, "pose": 1, "segment": 0}),
    ],
)
def test_each_network_looks_only_at_what_needs_it(networks: TrueNetworks, kind: str, asked: dict[str, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (512, 384, 3), np.uint8)
    picture = {
        "worn": drawn_person(networks.truth), "packshot": drawn_packshot(networks.truth), "text": page(20, 20),
        "room": noise,
    }[kind]  # fmt: skip
    official(networks).look([picture])
    assert networks.asked == asked


def test_a_pose_that_is_seen_in_a_packshot_makes_no_person_of_it(networks: TrueNetworks) -> None:
    """Pose networks see people in clothes; the parser does not."""
    packshot = drawn_packshot(networks.truth)
    (true,) = networks.truth.look([packshot])
    (person,) = networks.truth.look([drawn_person(networks.truth)])
    networks.truth.tell(packshot, Sight(true.parse, None, person.person, true.person_mask, true.garment_mask))
    (sight,) = official(networks).look([packshot])
    assert sight.densepose is None and (sight.garment_mask == true.garment_mask).all()


def test_the_pose_is_estimated_inside_the_person_s_box(networks: TrueNetworks) -> None:
    photo = drawn_person(networks.truth, GarmentClass.DRESS)
    official(networks).look([photo])
    rows, columns = np.nonzero(networks.truth.look([photo])[0].parse)
    assert networks.boxes == [(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]


def test_the_networks_names_are_backends_and_their_weights_entries() -> None:
    networks = Networks()
    assert networks.parser in PARSERS and networks.densepose in DENSEPOSE_ESTIMATORS
    assert networks.pose in POSE_ESTIMATORS and networks.segmenter in GARMENT_SEGMENTERS
    for parser in PARSERS.keys() - {"student"}:
        assert set(Networks(parser=parser, densepose="detectron2").entries) <= set(WEIGHTS)


@pytest.mark.slow
def test_the_real_networks_fit_the_chain(networks: TrueNetworks) -> None:
    """With formula weights they see nothing sensible, but in the right form."""
    parser = GraphonomyParser(with_formula(Graphonomy(), graphonomy_state), scales=ONE_SCALE)
    surface = RcnnDensePose(with_formula(DensePoseRcnn(), densepose_state), lowest_score=0.0)
    photo = drawn_person(networks.truth)[::2, ::2]
    (sight,) = Looker(OfficialEyes(parser, surface, networks, networks, "formula")).look([np.ascontiguousarray(photo)])
    assert isinstance(sight, Sight) and sight.parse.shape == photo.shape[:2]
