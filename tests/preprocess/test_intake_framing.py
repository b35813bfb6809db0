"""Framing to 3:4: nothing distorted, nothing of the subject lost, the way back exact, the backdrop plausible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.intake.backdrop import continued, white_behind
from preprocess.intake.framing import SIZE, Box, Frame, frame_subject, mask_box, person_box
from tests.preprocess.mannequin import mannequin
from vitonhd.garment_classes import GarmentClass
from vitonhd.keypoints import BODY_25

SMALL = (96, 128)
photos = st.tuples(st.integers(20, 300), st.integers(20, 300))


@st.composite
def boxes(draw: st.DrawFn) -> tuple[Box, int, int]:
    """A box in a photo: (box, width, height)."""
    width, height = draw(photos)
    left, right = sorted(draw(st.lists(st.integers(0, width), min_size=2, max_size=2, unique=True)))
    top, bottom = sorted(draw(st.lists(st.integers(0, height), min_size=2, max_size=2, unique=True)))
    return Box(left, top, right, bottom), width, height


frames = st.builds(Frame, st.integers(-200, 200), st.integers(-200, 200), st.integers(1, 400), st.just(SIZE))


def disc(width: int, height: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


@given(boxes())
@settings(max_examples=150)
def test_the_window_is_three_by_four_and_holds_the_subject(found: tuple[Box, int, int]) -> None:
    box, width, height = found
    for kind in ("person", "garment"):
        frame = frame_subject(box, width, height, kind=kind, size=SMALL)
        window = frame.window
        assert 4 * window.width == 3 * window.height
        assert window.left <= box.left and window.right >= box.right
        assert window.top <= box.top and window.bottom >= box.bottom


@given(boxes())
@settings(max_examples=150)
def test_a_side_where_the_subject_is_cut_stays_the_pictures_side(found: tuple[Box, int, int]) -> None:
    box, width, height = found
    window = frame_subject(box, width, height, size=SMALL).window
    if box.bottom == height and box.top > 0:
        assert window.bottom == height
    if box.left == 0 and box.right < width:
        assert window.left == 0
    # Nothing is added on an axis that has room for the window.
    if window.width <= width:
        assert window.left >= 0 and window.right <= width
    if window.height <= height:
        assert window.top >= 0 and window.bottom <= height


@given(frames, st.lists(st.tuples(st.floats(-500, 2000), st.floats(-500, 2000)), min_size=25, max_size=25))
@settings(max_examples=100)
def test_points_go_there_and_back(frame: Frame, places: list[tuple[float, float]]) -> None:
    points = np.array([(x, y, 0.9) for x, y in places])
    points[3] = 0
    framed = frame.points(points)
    assert np.allclose(frame.photo_points(framed), points, atol=1e-6)
    assert framed[3].tolist() == [0, 0, 0]
    spread = np.ptp(points[4:, :2], axis=0) * frame.scale
    assert np.allclose(np.ptp(framed[4:, :2], axis=0), spread, atol=1e-6)


@given(st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 32), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_labels_that_are_not_shrunk_come_back_exactly(left: int, top: int, unit: int, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(1, 20, (60, 50), np.uint8)
    frame = Frame(left, top, unit, SMALL)
    back = frame.photo_labels(frame.labels(labels), 50, 60)
    rows, columns = np.mgrid[:60, :50]
    shown = (rows >= top) & (rows < top + 4 * unit) & (columns >= left) & (columns < left + 3 * unit)
    assert np.array_equal(back, np.where(shown, labels, 0))


@given(st.integers(33, 200), st.integers(0, 60))
@settings(max_examples=40)
def test_shrunk_masks_come_back_within_one_and_a_half_framed_pixels(unit: int, left: int) -> None:
    mask = disc(3 * unit + 80, 4 * unit + 80, 1.5 * unit + 20, 2 * unit + 20, 1.2 * unit)
    frame = Frame(left, 10, unit, SMALL)
    back = frame.photo_labels(frame.labels(mask), mask.shape[1], mask.shape[0])
    window = np.zeros_like(mask)
    window[10 : 10 + 4 * unit, left : left + 3 * unit] = True
    step = 1.5 / frame.scale
    inner, outer = (disc(*mask.shape[::-1], 1.5 * unit + 20, 2 * unit + 20, 1.2 * unit + d) for d in (-step, step))
    assert not (back & ~outer).any() and not (inner & window & ~back).any()


def test_points_and_pixels_go_the_same_way() -> None:
    photo = np.full((300, 400, 3), 255, np.uint8)
    photo[disc(400, 300, 150, 110, 9)] = 0
    frame = Frame(60, -20, 60, SIZE)
    dark = np.argwhere(frame.picture(photo)[..., 0] < 128).mean(axis=0)[::-1]
    assert np.abs(dark - frame.points(np.array([[150.0, 110.0, 1.0]]))[0, :2]).max() < 0.3
    mask = np.argwhere(frame.labels(photo[..., 0] == 0)).mean(axis=0)[::-1]
    assert np.abs(mask - dark).max() < 0.3


def test_a_disc_stays_a_disc() -> None:
    photo = np.full((500, 300, 3), 250, np.uint8)
    mask = disc(300, 500, 140, 260, 100)
    photo[mask] = 20
    box = mask_box(mask)
    assert box is not None
    frame = frame_subject(box, 300, 500, kind="garment")
    framed = mask_box(frame.picture(photo, mask)[..., 0] < 128)
    assert framed is not None and abs(framed.width - framed.height) <= 2


def test_a_photo_that_is_framed_already_is_not_touched() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (1024, 768, 3), np.uint8)
    frame = frame_subject(Box(100, 20, 650, 1024), 768, 1024)
    assert frame == Frame(0, 0, 256) and frame.scale == 1
    assert np.array_equal(frame.picture(photo), photo)


@pytest.mark.parametrize("box", [Box(0, 0, 0, 5), Box(-1, 0, 4, 5), Box(0, 0, 101, 5), Box(5, 5, 5, 5)])
def test_a_box_that_is_none_is_an_error(box: Box) -> None:
    with pytest.raises(ValueError, match="no box"):
        frame_subject(box, 100, 100)


def test_a_frame_of_another_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match="3:4"):
        Frame(0, 0, 10, (768, 1000))


def gradient(height: int, width: int) -> np.ndarray:
    """A studio backdrop: lighter above, with grain."""
    light = np.linspace(230, 180, height)[:, None, None] + np.random.default_rng(1).normal(0, 2, (height, width, 1))
    return np.repeat(light, 3, axis=2).clip(0, 255).astype(np.uint8)


def test_the_backdrop_goes_on_without_a_seam_and_without_the_person() -> None:
    whole = gradient(400, 400)
    photo = whole[:, 100:300].copy()
    person = np.zeros((400, 200), bool)
    person[120:, 150:200] = True
    photo[person] = (200, 20, 20)
    wide = continued(photo, (100, 0, 100, 0), person)
    assert np.array_equal(wide[:, 100:300], photo)
    error = np.abs(wide.astype(int) - whole).mean(axis=(1, 2))
    beside = np.r_[0:100, 300:400]
    assert np.abs(wide[:, beside].astype(int) - whole[:, beside]).max() < 25
    assert np.abs(wide[:110, beside].astype(int) - whole[:110, beside]).mean() < 4
    assert error.max() < 60
    assert (wide[200:, 300:, 1] > 120).all(), "the person is not smeared outwards"


def test_an_edge_that_the_subject_fills_is_continued_all_the_same() -> None:
    photo = np.full((40, 30, 3), (10, 200, 30), np.uint8)
    wide = continued(photo, (5, 6, 7, 8), np.ones((40, 30), bool))
    assert wide.shape == (54, 42, 3) and (wide == (10, 200, 30)).all()


@given(st.tuples(*[st.integers(0, 40)] * 4), st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=40)
def test_any_padding_of_any_photo_works(pads: tuple[int, int, int, int], width: int, height: int) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    left, top, right, bottom = pads
    wide = continued(photo, pads)
    assert wide.shape == (height + top + bottom, width + left + right, 3)
    assert np.array_equal(wide[top : top + height, left : left + width], photo)


def test_packshots_come_on_white_with_the_garment_untouched() -> None:
    photo = gradient(200, 150)
    garment = disc(150, 200, 75, 100, 50)
    photo[garment] = (30, 60, 90)
    white = white_behind(photo, garment)
    assert np.array_equal(white[garment], photo[garment])
    far = ~disc(150, 200, 75, 100, 54)
    assert (white[far] == 255).all()
    padded = Frame(-20, -20, 60, SMALL).picture(white, white=True)
    assert (padded[0] == 255).all()


def test_a_photo_of_a_top_ends_at_mid_thigh_and_others_show_all() -> None:
    person = mannequin()
    mask = person.parse > 0
    garment = np.isin(person.parse, (5, 6, 7))
    whole = mask_box(mask)
    upper = person_box(mask, person.points, GarmentClass.UPPER, garment)
    assert whole is not None and upper is not None
    assert (whole.top, upper.top) == (upper.top, whole.top)
    assert upper.bottom == 140  # hips at 114, knees at 166
    assert person_box(mask, person.points, GarmentClass.LOWER) == whole
    assert person_box(mask, person.points, GarmentClass.DRESS) == whole
    no_knees = person.without("right_knee", "left_knee")
    assert person_box(mask, no_knees, GarmentClass.UPPER) == whole
    assert person_box(np.zeros_like(mask), person.points, GarmentClass.UPPER) is None
    assert BODY_25.index("left_hip") == 12
