"""What a student says comes in the stored forms at the picture's size, and is scored as it should be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from preprocess.backends.interfaces import DensePose, DensePoseEstimator, GarmentSegmenter, Parser, PoseEstimator
from preprocess.student.backends import StudentDensePose, StudentParser, StudentPose, StudentSegmenter
from preprocess.student.evaluation import evaluate
from preprocess.student.heat import heat_of
from preprocess.student.metrics import Tally, mask_overlap, torso
from preprocess.student.network import Outputs, StudentNetwork, to_input, with_norms_folded
from preprocess.student.student import Sight, Student
from preprocess.student.weights import save_student
from tests.conftest import Lookbook
from tests.preprocess.mannequin import mannequin
from tests.preprocess.student_drawn import TINY, densepose_of, write_tree
from vitonhd.arrays import Labels, Picture
from vitonhd.errors import FormatError
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

UPRIGHT = replace(TINY, input_width=96, input_height=128)
"""Of the mannequin's aspect."""


class Knowing(StudentNetwork):
    """A network that says the truth of the mannequin, at its own size, whatever it is shown."""

    def forward(self, pictures: torch.Tensor) -> Outputs:
        drawn = mannequin()
        count, height, width = len(pictures), *self.shape.size
        parse, densepose = (_logits(one, classes, height // 2, width // 2) for one, classes in
                            ((drawn.parse, 20), (densepose_of(drawn.parse), 25)))  # fmt: skip
        joints = torch.from_numpy(drawn.points).float()[None]
        joints[..., :2] = (joints[..., :2] + 0.5) * width / drawn.parse.shape[1] - 0.5
        joints = joints * (joints[..., 2:] > 0)
        person = (parse[:, :1] < parse[:, 1:].amax(1, keepdim=True)).float() * 2 - 1
        uv = torch.full((1, 2, height // 2, width // 2), 0.25)
        said = Outputs(parse, densepose, uv, person, person, heat_of(joints, height // 4, width // 4))
        return Outputs(*(one.expand(count, -1, -1, -1) for one in said))


def _logits(labels: Labels, classes: int, height: int, width: int) -> torch.Tensor:
    small = np.array(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST))
    return torch.nn.functional.one_hot(torch.from_numpy(small).long(), classes).permute(2, 0, 1)[None].float()


@pytest.fixture(scope="module")
def student() -> Student:
    torch.manual_seed(1)
    return Student(StudentNetwork(TINY))


@pytest.fixture(scope="module")
def knowing() -> Student:
    return Student(Knowing(UPRIGHT))


def noise(height: int, width: int) -> Picture:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_every_condition_has_the_pictures_size(student: Student) -> None:
    pictures = [noise(*size) for size in ((256, 192), (1, 1), (40, 300), (1024, 768), (97, 31))] * 2
    sights = student.look(pictures)
    assert len(sights) == len(pictures)
    for picture, sight in zip(pictures, sights, strict=True):
        assert sight.parse.shape == sight.person_mask.shape == sight.garment_mask.shape == picture.shape[:2]
        assert sight.parse.dtype == np.uint8 and sight.garment_mask.dtype == np.bool_
        CIHP.check(sight.parse)
        if sight.densepose is not None:
            assert sight.densepose.labels.shape == picture.shape[:2]
            assert sight.densepose.uv.shape == (2, *picture.shape[:2])
            assert not sight.densepose.uv[:, sight.densepose.labels == 0].any()


def test_a_batch_is_seen_as_its_pictures_are(student: Student) -> None:
    pictures = [noise(96, 64), mannequin().photo, noise(50, 50)]
    together = student.look(pictures)
    for sight, picture in zip(together, pictures, strict=True):
        assert (sight.parse == student.look([picture])[0].parse).mean() > 0.99
    assert student.look([]) == []


def test_what_is_no_picture_is_refused(student: Student) -> None:
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(FormatError, match="wrong-shape"):
            student.look([wrong])  # type: ignore[list-item]


def test_folded_norms_change_no_answer() -> None:
    torch.manual_seed(0)
    network = StudentNetwork(TINY)
    x = torch.rand(4, 3, 96, 64)
    network.train()(to_input(x))  # so that the statistics are not those of a new network
    network.eval()
    with torch.inference_mode():
        for said, folded in zip(network(to_input(x)), with_norms_folded(network)(to_input(x)), strict=True):
            assert torch.allclose(said, folded, atol=1e-4)


def test_the_truth_comes_out_as_the_truth(knowing: Student) -> None:
    """From the network's scale to the picture's: parse, joints, box and masks are where they were."""
    drawn = mannequin()
    sight = knowing.look([drawn.photo])[0]
    tally = Tally()
    assert tally.add_parse(drawn.parse, sight.parse) > 0.75  # a quarter of the size, drawn without soft edges
    assert sight.person is not None and sight.densepose is not None
    tally.add_joints(drawn.points, sight.person.body)
    assert tally.report()["pck"] == 1.0
    assert np.abs(sight.person.body - drawn.points)[drawn.points[:, 2] > 0].max() < 1
    assert mask_overlap(drawn.parse > 0, sight.person_mask) > 0.9
    rows, columns = np.nonzero(densepose_of(drawn.parse))
    assert np.allclose(sight.densepose.box, (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), atol=4)
    assert np.allclose(sight.densepose.uv[:, sight.densepose.labels > 0], 0.25)


def test_nobody_is_nobody() -> None:
    class Empty(Knowing):
        def forward(self, pictures: torch.Tensor) -> Outputs:
            said = super().forward(pictures)
            return said._replace(person=said.person * 0 - 1, heat=said.heat * 0)

    sight = Student(Empty(UPRIGHT)).look([noise(64, 48)])[0]
    assert sight.densepose is None and sight.person is None and not sight.person_mask.any()


def test_the_four_interfaces_share_one_sight(knowing: Student) -> None:
    photo = mannequin().photo
    parser: Parser = StudentParser(knowing)
    densepose: DensePoseEstimator = StudentDensePose(knowing)
    pose: PoseEstimator = StudentPose(knowing)
    segmenter: GarmentSegmenter = StudentSegmenter(knowing)
    sight: Sight = knowing.look([photo])[0]
    assert np.array_equal(parser.parse([photo])[0], sight.parse)
    found = densepose.estimate([photo])[0]
    assert found is not None and sight.densepose is not None
    assert np.array_equal(found.labels, sight.densepose.labels)
    assert np.array_equal(segmenter.segment([photo])[0], sight.garment_mask)
    person = pose.estimate([photo])[0]
    assert person is not None and sight.person is not None
    assert np.allclose(person.body, sight.person.body)


def test_a_boxed_person_comes_back_into_the_picture(knowing: Student) -> None:
    """The knowing network sees its mannequin in the box, wherever that is."""
    picture = noise(600, 600)
    box = (200.0, 100.0, 360.0, 313.0)
    person = StudentPose(knowing).estimate([picture], [box])[0]
    assert person is not None
    nose = person.body[BODY_25.index("nose")]
    assert 200 < nose[0] < 360 and 78 < nose[1] < 200


def test_scores_are_those_counted_by_hand() -> None:
    tally = Tally()
    truth = np.array([[0, 0, 5, 5], [255, 0, 14, 14]], np.uint8)
    said = np.array([[0, 5, 5, 5], [3, 0, 15, 14]], np.uint8)
    assert tally.add_parse(truth, said) == pytest.approx((2 / 3 + 2 / 3 + 1 / 2) / 3)
    iou = tally.report()["parse_iou"]
    assert (iou["background"], iou["upper-clothes"], iou["left-arm"]) == (0.6667, 0.6667, 0.5)
    assert iou["right-arm"] is None and iou["glove"] is None  # the truth has none: said wrongly, counted at left-arm
    parts = np.array([[0, 2, 2, 255]], np.uint8)
    told = DensePose(np.array([[1, 2, 3, 4]], np.uint8), np.full((2, 1, 4), 0.5, np.float32), (0, 0, 4, 1), 1.0, 1)
    tally.add_densepose(parts, np.full((1, 4, 2), 102, np.uint8), told)
    report = tally.report()
    assert report["densepose_part_accuracy"] == 0.5
    assert report["uv_error"] == pytest.approx(0.1)
    assert report["pck"] is None and report["garment_iou"] is None


def test_joints_count_within_a_tenth_of_the_torso() -> None:
    truth = mannequin().points
    size = torso(truth)
    assert size == pytest.approx(np.hypot(116 - 84, 50 - 114))
    said = truth.copy()
    said[BODY_25.index("nose"), 0] += 0.09 * size
    said[BODY_25.index("left_wrist"), 0] += 0.11 * size
    said[BODY_25.index("right_wrist")] = 0
    said[BODY_25.index("left_ear")] = (3, 3, 1)
    tally = Tally()
    tally.add_joints(truth, said)
    report = tally.report()
    assert report["pck"] == pytest.approx(13 / 15, abs=1e-4)
    assert report["joints_invented"] == 1
    assert report["pck_by_joint"]["left_wrist"] == 0.0 and report["pck_by_joint"]["nose"] == 1.0
    tally.add_joints(np.zeros((25, 3)), said)
    assert tally.report()["items_without_torso"] == 1


def test_an_evaluation_counts_what_it_cannot_read(tmp_path: Path, knowing: Student) -> None:
    tree = write_tree(tmp_path / "drawn", train=0, test=3)
    (tree / "test/openpose_json/00001_00_keypoints.json").write_text("{}")
    report, page = evaluate(knowing, tree)
    assert report["items"] == 2 and list(report["rejected"]) == ["drawn/test/00001_00"]
    assert report["pck"] == 1.0 and report["parse_miou"] > 0.7
    assert page.dtype == np.uint8 and page.shape[1] == 9 * 192
    assert evaluate(knowing, tree, limit=1)[0]["items"] == 1


def test_the_command_trains_and_scores(tmp_path: Path, lookbook: Lookbook) -> None:
    tree = write_tree(tmp_path / "drawn", train=3, test=1)
    arguments = ("--data", str(tree), "--out", str(tmp_path / "run"))
    trained = lookbook("preprocess", "train-student", *arguments, "--steps", "2", "--batch", "2", "--size", "64x96")
    assert trained.code == 0, trained.stderr
    card = (tmp_path / "run/student.md").read_text()
    assert "3 items of `drawn`" in card and "2 steps of 2 pictures" in card and "parse mIoU" in card
    scored = lookbook("preprocess", "evaluate-student", "--data", str(tree), "--weights",
                      str(tmp_path / "run/student.safetensors"), "--out", str(tmp_path / "scores"))  # fmt: skip
    assert scored.code == 0, scored.stderr
    report = json.loads((tmp_path / "scores/report.json").read_text())
    assert report["parse_miou"] == scored.summary["parse_miou"] and len(report["parse_iou"]) == 20
    with Image.open(tmp_path / "scores/page.jpg") as page:
        assert page.size == (9 * 192, 256 + 16)
    refused = lookbook("preprocess", "evaluate-student", "--data", str(tree), "--weights", str(tree / "none"))
    assert refused.code == 64 and "train-student" in refused.stderr.replace("\n", " ")


def test_weights_that_were_saved_see_the_same(tmp_path: Path, student: Student) -> None:
    torch.manual_seed(1)
    save_student(tmp_path / "student.safetensors", StudentNetwork(TINY).state_dict(), TINY, {})
    photo = mannequin().photo
    again = Student.load(tmp_path / "student.safetensors").look([photo])[0]
    assert (again.parse == student.look([photo])[0].parse).mean() > 0.98
