from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.people.regions import Region, region_about, turn

PLACES = st.floats(-500, 500)
ANGLES = st.floats(-np.pi + 1e-6, np.pi - 1e-6)


def test_a_person_who_stands_needs_no_turning() -> None:
    region = region_about(np.array([100.0, 200.0]), np.array([100.0, 120.0]))
    assert (region.x, region.y) == (100, 200)
    assert region.side == pytest.approx(2 * 80 * 1.25)
    assert region.angle == pytest.approx(0)
    np.testing.assert_allclose(region.box, [0, 100, 200, 200])


def test_a_person_whose_head_is_to_the_right_is_turned_by_a_quarter() -> None:
    assert region_about(np.zeros(2), np.array([80.0, 0.0])).angle == pytest.approx(np.pi / 2)


@given(PLACES, PLACES, st.floats(1, 400), ANGLES)
def test_the_head_is_at_the_top_of_the_region(x: float, y: float, reach: float, angle: float) -> None:
    rim = np.array([x, y]) + turn(np.array([0.0, -reach]), angle)
    region = region_about(np.array([x, y]), rim)
    np.testing.assert_allclose(region.to_picture(np.array([0.5, 0.5])), [x, y], atol=1e-6)
    np.testing.assert_allclose(region.to_picture(np.array([0.5, 0.5 - 1 / 2.5])), rim, atol=1e-6)
    assert -np.pi <= region.angle <= np.pi


@given(st.floats(60, 140), st.floats(60, 140), st.floats(40, 100), ANGLES)
def test_a_crop_shows_what_lies_under_it(x: float, y: float, side: float, angle: float) -> None:
    """The picture is a ramp in both axes, so its colour tells where a pixel of the crop comes from."""
    columns, rows = np.meshgrid(np.arange(200), np.arange(200))
    picture = np.stack((columns, rows, np.zeros_like(columns)), axis=-1).astype(np.uint8)
    region, size = Region(x, y, side, angle), 32
    crop = region.crop(picture, size)
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1) / size
    expected = region.to_picture(grid)
    inside = ((expected > 1) & (expected < 198)).all(axis=-1)
    np.testing.assert_allclose(crop[..., :2][inside], expected[inside], atol=1.1)


def test_the_edge_of_the_picture_goes_on_outside_it() -> None:
    crop = Region(0, 50, 100, 0).crop(np.full((100, 100, 3), 200, np.uint8), 64)
    assert (crop == 200).all()
