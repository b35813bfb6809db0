import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.patterns import PATTERNS, Pattern, noise, noise_slope

COLOURS = ((0.9, 0.1, 0.2), (0.1, 0.8, 0.3), (0.2, 0.3, 1.0))


@given(st.sampled_from(PATTERNS), st.floats(0.03, 0.09), st.integers(0, 2**31 - 1))
def test_colours_lie_between_the_patterns_own_and_do_not_depend_on_what_else_is_asked(
    kind: str, scale: float, seed: int
) -> None:
    pattern = Pattern(kind, COLOURS, scale, seed)
    texture = np.random.default_rng(0).uniform(-1, 2, (500, 2))
    colours = pattern.colour(texture, np.ones(500))
    assert (colours >= np.min(COLOURS, axis=0) - 1e-9).all()
    assert (colours <= np.max(COLOURS, axis=0) + 1e-9).all()
    assert np.array_equal(pattern.colour(texture[200:210], np.ones(10)), colours[200:210])


@pytest.mark.parametrize("kind", [kind for kind in PATTERNS if kind != "plain"])
def test_every_pattern_but_plain_shows_something(kind: str) -> None:
    across, up = np.meshgrid(np.linspace(-0.2, 0.2, 80), np.linspace(1.1, 1.4, 80))
    colours = Pattern(kind, COLOURS, 0.05, 5).colour(np.stack([across.ravel(), up.ravel()], 1), np.ones(6400))
    assert colours.std(axis=0).max() > 0.03


def test_a_logo_is_on_the_front_only() -> None:
    across, up = np.meshgrid(np.linspace(-0.2, 0.2, 40), np.linspace(1.1, 1.4, 40))
    colours = Pattern("logo", COLOURS, 0.05, 5).colour(np.stack([across.ravel(), up.ravel()], 1), np.zeros(1600))
    assert np.allclose(colours, COLOURS[0])


def test_noise_is_smooth() -> None:
    points = np.stack([np.linspace(-3, 3, 3001), np.full(3001, 0.3)], axis=1)
    assert np.abs(np.diff(noise(points, 4))).max() < 0.01


def test_noises_slope_is_its_gradient() -> None:
    points = np.random.default_rng(1).uniform(0.1, 9, (200, 2))
    value, slope = noise_slope(points, 4)
    assert np.allclose(value, noise(points, 4))
    for axis, step in enumerate(np.eye(2) * 1e-6):
        assert np.allclose((noise(points + step, 4) - noise(points - step, 4)) / 2e-6, slope[:, axis], atol=1e-4)
