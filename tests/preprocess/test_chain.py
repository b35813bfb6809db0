import io
import json
import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from preprocess.backends.interfaces import DensePose
from preprocess.chain.assess import Assessed, assess_all
from preprocess.chain.eyes import StudentEyes, identity, open_eyes
from preprocess.chain.files import PACKSHOT_FOLDERS, WORN_FOLDERS, condition_files
from preprocess.chain.looking import LONGEST, Looker
from preprocess.chain.masks import off_the_edge, solid, whole_garment
from preprocess.chain.taking import Taken, take
from preprocess.draw.stage import Order, draw_tree
from preprocess.errors import PreprocessError
from preprocess.gates.verdict import Rejected, Verdict
from preprocess.shots import ShotKind
from preprocess.student.network import StudentNetwork
from preprocess.student.student import Sight
from preprocess.student.weights import save_student
from preprocess.weights.cache import WeightsCache
from preprocess.weights.errors import WeightsMissing
from tests.preprocess.student_drawn import TINY
from tests.preprocess.truth_eyes import TruthEyes, drawn_packshot, drawn_person
from vitonhd.arrays import Picture
from vitonhd.folders import PARTS
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import decode_part
from vitonhd.labels import CIHP
from vitonhd.openpose_json import Person, PoseFile
from vitonhd.pictures import decode_labels, decode_mask, decode_rgb
from vitonhd.tree import Tree

SMALL = (384, 512)


def png(picture: Picture, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", **options)
    return buffer.getvalue()


def assessed(
    eyes: TruthEyes, data: bytes, kind: GarmentClass = GarmentClass.UPPER, size: tuple[int, int] = SMALL
) -> Assessed:
    end = assess_all(Looker(eyes), [(take(data), kind)], size=size)[0]
    assert isinstance(end, Assessed)
    return end


@pytest.fixture
def eyes() -> TruthEyes:
    return TruthEyes()


@pytest.mark.parametrize("kind", GarmentClass)
def test_a_worn_photo_becomes_every_condition(eyes: TruthEyes, kind: GarmentClass) -> None:
    end = assessed(eyes, png(drawn_person(eyes, kind)), kind)
    assert end.shot.kind is ShotKind.WORN and end.verdicts == () and 0 < end.score <= 1
    files = condition_files(end)
    assert set(files) == set(WORN_FOLDERS)
    parts = {folder.name: folder for folder in PARTS.values()}
    for name, data in files.items():
        decode_part(parts[name], data, size=SMALL)  # raises for another size or mode
    agnostic, mask = decode_rgb(files["agnostic-v3.2"]), decode_mask(files["agnostic-mask"])
    assert (np.abs(agnostic[mask].astype(int) - 128).max(axis=1) < 40).mean() > 0.99
    pose = PoseFile.parse(files["openpose_json"]).person
    assert end.framed is not None and end.framed.sight.person is not None
    assert np.abs(pose.body - end.framed.sight.person.body).max() < 1e-3


def test_the_drawn_conditions_are_those_that_draw_makes_of_the_same_tree(eyes: TruthEyes, tmp_path: Path) -> None:
    files = condition_files(assessed(eyes, png(drawn_person(eyes))))
    tree = Tree(tmp_path / "tree", size=SMALL)
    for folder in PARTS.values():
        if folder.name in files and folder.part in ("image", "parse", "pose"):
            tree.put("test", folder.part, "00000_00", files[folder.name])
    assert draw_tree(Order(tree.root, tmp_path / "out", GarmentClass.UPPER, *SMALL)).drawn == 1
    drawn = Tree(tmp_path / "out", size=SMALL)
    for part in ("pose_picture", "agnostic", "parse_agnostic", "agnostic_mask"):
        assert drawn.read_bytes("test", part, "00000_00") == files[PARTS[part].name], part


def test_a_packshot_comes_out_on_white_with_its_mask(eyes: TruthEyes) -> None:
    end = assessed(eyes, png(drawn_packshot(eyes, backdrop=230)))
    assert end.shot.kind is ShotKind.FLAT and end.passed
    files = condition_files(end)
    assert set(files) == set(PACKSHOT_FOLDERS)
    cloth, mask = decode_rgb(files["cloth"], size=SMALL), decode_mask(files["cloth-mask"], size=SMALL)
    far = ~mask & ~solid_grown(mask, 8)
    assert far.any() and cloth[far].min() >= 250
    assert np.abs(cloth[mask].astype(int).mean(axis=0) - (120, 40, 60)).max() < 4


def solid_grown(mask: np.ndarray, by: int) -> np.ndarray:
    padded = np.pad(mask, by)
    height, width = mask.shape
    shifts = [(down, across) for down in (0, by, 2 * by) for across in (0, by, 2 * by)]
    return np.any([padded[down : down + height, across : across + width] for down, across in shifts], axis=0)


def test_a_transparent_packshot_is_a_packshot_on_white(eyes: TruthEyes) -> None:
    on_white = drawn_packshot(eyes, backdrop=255)
    alpha = (on_white != 255).any(axis=2).astype(np.uint8) * 255
    black_behind = np.where(alpha[..., None] > 0, on_white, np.uint8(0))
    end = assessed(eyes, png(np.dstack([black_behind, alpha])))
    assert end.passed and end.shot.kind is ShotKind.FLAT
    assert decode_rgb(condition_files(end)["cloth"])[0, 0].min() >= 250


def test_two_people_are_rejected_with_their_number(eyes: TruthEyes) -> None:
    end = assessed(eyes, png(drawn_person(eyes, copies=2)))
    assert end.verdicts[0] == Verdict("several-people", 2.0, 1)
    with pytest.raises(ValueError, match="several-people"):
        condition_files(end)


def test_a_picture_of_nothing_is_rejected_with_the_limit_that_it_missed(eyes: TruthEyes) -> None:
    end = assessed(eyes, png(np.full((300, 300, 3), 200, np.uint8)))
    (verdict,) = end.verdicts
    assert (verdict.reason, verdict.detail, end.framed, end.score) == ("detail-shot", "flat-garment", None, 0.0)


def test_a_person_without_a_surface_is_rejected(eyes: TruthEyes) -> None:
    photo = drawn_person(eyes)
    sight = eyes.look([photo])[0]
    eyes.tell(photo, Sight(sight.parse, None, sight.person, sight.person_mask, sight.garment_mask))
    assert [one.reason for one in assessed(eyes, png(photo)).verdicts] == ["no-densepose"]


def test_a_crumb_of_the_parse_does_not_widen_the_frame(eyes: TruthEyes) -> None:
    photo = drawn_person(eyes, GarmentClass.DRESS)
    clean = assessed(eyes, png(photo), GarmentClass.DRESS)
    wide = np.pad(photo, ((0, 0), (0, 384), (0, 0)), mode="edge")
    sight = eyes.look([photo])[0]
    assert sight.densepose is not None
    padded = [np.pad(one, ((0, 0), (0, 384))) for one in (sight.parse, sight.person_mask, sight.garment_mask)]
    padded[0][500:505, 760:765] = CIHP.id("hat")
    surface = np.pad(sight.densepose.labels, ((0, 0), (0, 384)))
    densepose = type(sight.densepose)(surface, np.zeros((2, 512, 768), np.float32), sight.densepose.box, 1.0, 1)
    eyes.tell(wide, Sight(padded[0], densepose, sight.person, padded[1], padded[2]))
    end = assessed(eyes, png(wide), GarmentClass.DRESS)
    assert clean.framed is not None and end.framed is not None
    assert end.framed.frame.unit <= clean.framed.frame.unit + 1


def test_a_mask_loses_its_crumbs_only() -> None:
    mask = np.zeros((100, 100), bool)
    mask[10:60, 10:60] = True
    mask[70:75, 70:75] = True  # a hundredth: a hand
    expected = mask.copy()
    mask[90, 90] = True
    assert (solid(mask) == expected).all()
    assert not solid(np.zeros((4, 4), bool)).any()


def test_holes_are_filled_where_no_backdrop_is_seen_through_them() -> None:
    picture = np.full((120, 100, 3), 244, np.uint8)
    garment = np.zeros((120, 100), bool)
    garment[20:100, 20:80] = True
    picture[garment] = (60, 30, 90)
    sleeve = np.s_[60:80, 25:30]
    picture[sleeve] = 230  # backdrop, a little shaded, between sleeve and body
    garment[sleeve] = False
    seen = garment.copy()
    seen[40:50, 40:60] = False  # a print that the network took for backdrop
    seen[5, 5] = True
    assert (whole_garment(picture, seen) == garment).all()
    for nothing in (np.zeros((9, 9), bool), np.ones((9, 9), bool)):
        assert (whole_garment(np.zeros((9, 9, 3), np.uint8), nothing) == nothing).all()


class Forgetful:
    """Eyes that run out of memory on more than `most` pictures at a time."""

    name = identity = "forgetful"
    looks_again = False
    batch = 8

    def __init__(self, eyes: TruthEyes, most: int) -> None:
        self.eyes, self.most = eyes, most
        self.sizes: list[int] = []

    def look(self, pictures: Sequence[Picture]) -> list[Sight]:
        self.sizes.append(len(pictures))
        if len(pictures) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.eyes.look(pictures)


def test_out_of_memory_halves_the_batch_and_keeps_it_halved(eyes: TruthEyes) -> None:
    pictures = [drawn_person(eyes, backdrop=shade) for shade in range(150, 161)]
    forgetful = Forgetful(eyes, most=2)
    looker = Looker(forgetful)
    assert [one.parse.any() for one in looker.look(pictures) if isinstance(one, Sight)] == [True] * 11
    assert looker.batch == 2 and looker.halvings == 2
    assert forgetful.sizes == [8, 4, *[2] * 6]  # the last is filled up


def test_a_picture_that_never_fits_is_a_verdict_and_the_others_are_seen(eyes: TruthEyes) -> None:
    jobs = [(take(png(drawn_person(eyes))), GarmentClass.UPPER)] * 2
    ends = assess_all(Looker(Forgetful(eyes, most=0)), jobs, size=SMALL)
    assert [end.reason for end in ends if isinstance(end, Verdict)] == ["out-of-memory"] * 2


def test_another_error_of_the_network_is_not_taken_for_a_lack_of_memory(eyes: TruthEyes) -> None:
    class Broken(Forgetful):
        def look(self, pictures: Sequence[Picture]) -> list[Sight]:
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        Looker(Broken(eyes, 1)).look([drawn_person(eyes)])


class BrightnessEyes:
    """Eyes that take what is bright for a person, with the nose in its middle."""

    name = identity = "brightness"
    looks_again = False
    batch = 1

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def look(self, pictures: Sequence[Picture]) -> list[Sight]:
        self.shapes += [picture.shape for picture in pictures]
        return [self._sight(picture[..., 0] > 128) for picture in pictures]

    def _sight(self, bright: np.ndarray) -> Sight:
        rows, columns = np.nonzero(bright)
        points = np.zeros((25, 3))
        points[0] = columns.mean(), rows.mean(), 0.9
        labels = bright.astype(np.uint8)
        box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
        surface = DensePose(labels, np.stack([labels, labels]).astype(np.float32), box, 0.9, 1)
        return Sight(labels, surface, Person.of(points), bright, ~bright)


def test_large_photos_are_looked_at_reduced_and_answered_in_their_own_pixels() -> None:
    photo = np.zeros((2000, 1501, 3), np.uint8)
    photo[400:1600, 300:900] = 255
    eyes = BrightnessEyes()
    sight = Looker(eyes).look([photo])[0]
    assert eyes.shapes == [(LONGEST, 769, 3)]
    assert isinstance(sight, Sight) and sight.person is not None and sight.densepose is not None
    expected = photo[..., 0] > 0
    for plane in (sight.parse > 0, sight.person_mask, ~sight.garment_mask, sight.densepose.labels > 0):
        assert plane.shape == expected.shape and (plane != expected).mean() < 0.003
    assert np.abs(sight.person.body[0] - (599.5, 999.5, 0.9)).max() < 2
    assert np.abs(np.array(sight.densepose.box) - (300, 400, 900, 1600)).max() <= 2
    assert sight.densepose.uv.shape == (2, 2000, 1501)


def test_pictures_a_little_larger_are_looked_at_as_they_are() -> None:
    eyes = BrightnessEyes()
    Looker(eyes).look([np.full((1200, 900, 3), 255, np.uint8)])
    assert eyes.shapes == [(1200, 900, 3)]


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> StudentEyes:
    """Untrained: what it sees is arbitrary, but always the same."""
    torch.manual_seed(4)
    path = tmp_path_factory.mktemp("student") / "student.safetensors"
    save_student(path, StudentNetwork(TINY).state_dict(), TINY, {})
    return StudentEyes.load(path)


def test_what_is_seen_does_not_depend_on_what_else_is_in_the_batch(student: StudentEyes) -> None:
    noise = np.random.default_rng(1)
    pictures = [noise.integers(0, 256, (160 + 30 * index, 200, 3), np.uint8) for index in range(5)]
    together = Looker(student).look(pictures)
    for picture, expected in zip(pictures, together, strict=True):
        (alone,) = Looker(student).look([picture])
        assert isinstance(alone, Sight) and isinstance(expected, Sight)
        assert (alone.parse == expected.parse).all() and (alone.garment_mask == expected.garment_mask).all()


def test_the_chain_gives_the_same_with_threads_and_without(student: StudentEyes, eyes: TruthEyes) -> None:
    jobs = [(take(png(drawn_person(eyes, backdrop=shade))), GarmentClass.UPPER) for shade in (120, 160, 200)]
    alone = assess_all(Looker(student), jobs, size=SMALL)
    with ThreadPoolExecutor(3) as pool:
        together = assess_all(Looker(student), jobs, size=SMALL, pool=pool)
    for one, other in zip(alone, together, strict=True):
        assert isinstance(one, Assessed) and isinstance(other, Assessed)
        assert (one.shot, one.verdicts, one.figures) == (other.shot, other.verdicts, other.figures)


def test_the_identity_names_the_weights_themselves(student: StudentEyes, tmp_path: Path) -> None:
    said = json.loads(student.identity)
    assert said["eyes"] == "student" and len(said["weights"]["student"]) == 64
    path = tmp_path / "other.safetensors"
    save_student(path, StudentNetwork(TINY).state_dict(), TINY, {"steps": 1})
    assert StudentEyes.load(path).identity != student.identity
    assert identity("student", {"b": "2", "a": "1"}) == identity("student", {"a": "1", "b": "2"})


def test_a_backend_that_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    cache = WeightsCache(tmp_path)
    with pytest.raises(WeightsMissing, match="lookbook weights fetch graphonomy"):
        open_eyes("official", cache)
    with pytest.raises(WeightsMissing, match="train-student"):
        open_eyes("student", cache, weights=tmp_path / "none.safetensors")
    with pytest.raises(PreprocessError, match="'third'; there are student, official"):
        open_eyes("third", cache)
    with pytest.raises(PreprocessError, match="the student's"):
        open_eyes("official", cache, weights=tmp_path / "student.safetensors")
    with pytest.raises(PreprocessError, match="device 'cuda:77'"):
        save_student(tmp_path / "s.safetensors", StudentNetwork(TINY).state_dict(), TINY, {})
        open_eyes("student", cache, weights=tmp_path / "s.safetensors", device="cuda:77")


def test_the_bundled_student_is_opened_by_default(tmp_path: Path) -> None:
    assert open_eyes("student", WeightsCache(tmp_path)).name == "student"


def test_a_picture_that_cant_be_taken_in_is_rejected_before_any_network() -> None:
    with pytest.raises(Rejected) as caught:
        take(png(np.zeros((1, 1, 3), np.uint8)))
    assert caught.value.verdict.reason == "too-small"


def test_a_taken_picture_can_go_to_another_process(eyes: TruthEyes) -> None:
    taken = take(png(drawn_person(eyes)))
    again = pickle.loads(pickle.dumps(taken))
    assert isinstance(again, Taken) and again.fingerprint == taken.fingerprint
    assert (again.intake.colour == taken.intake.colour).all()


def test_official_photos_with_official_answers_give_the_official_files(samples: Path) -> None:
    """Right answers in, the published conditions out: only JPEG stands between."""
    eyes, tree = TruthEyes(), Tree(samples / "viton-hd")
    eyes.tell_tree(tree, "test")
    for stem in ("00006_00", "00034_00"):  # those whose frame is the whole photo
        end = assessed(eyes, tree.read_bytes("test", "image", stem), size=tree.size)
        assert end.verdicts == ()
        files = condition_files(end)
        theirs = tree.read("test", stem, ("agnostic", "parse_agnostic", "parse", "pose_picture", "densepose"))
        assert theirs.agnostic is not None and theirs.parse_agnostic is not None and theirs.pose_picture is not None
        agnostic = decode_rgb(files["agnostic-v3.2"]).astype(int)
        assert (np.abs(agnostic - theirs.agnostic).max(axis=2) > 40).mean() < 0.001
        assert (decode_labels(files["image-parse-agnostic-v3.2"]) != theirs.parse_agnostic).mean() < 0.0005
        assert (decode_labels(files["image-parse-v3"]) == theirs.parse).all()
        assert (decode_rgb(files["openpose_img"]) != theirs.pose_picture).any(axis=2).sum() <= 5
        assert theirs.densepose is not None
        surface = decode_rgb(files["image-densepose"]).astype(int)
        assert (np.abs(surface - theirs.densepose).max(axis=2) > 40).mean() < 0.001


def test_every_real_picture_has_an_end(samples: Path, student: StudentEyes) -> None:
    paths = sorted(path for path in (samples / "photos").rglob("*") if path.suffix in (".jpg", ".png"))[::4]
    ends = assess_all(Looker(student), [(take(path.read_bytes()), GarmentClass.UPPER) for path in paths])
    assert len(ends) == len(paths) > 0
    assert all(isinstance(end, Assessed) and (end.passed or end.verdicts[0].reason) for end in ends)


def test_a_mask_that_spills_into_an_empty_margin_is_cut_back_and_a_garment_that_is_cut_there_is_not() -> None:
    picture = np.full((200, 150, 3), 250, np.uint8)
    picture[20:, 40:60] = 90  # cut at the lower edge
    mask = np.zeros((200, 150), np.bool_)
    mask[20:, 40:110] = True
    kept = off_the_edge(picture, mask)
    assert kept[-1, 40:60].all() and not kept[-5:, 60:110].any()
    assert np.array_equal(kept[:-5], mask[:-5])
