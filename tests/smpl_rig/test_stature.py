"""Stature by hand on a body of sticks, and as a property on the embedded body."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.body import limber_body
from smpl_rig.body import Body
from smpl_rig.skeleton import INDEX, PARENTS
from smpl_rig.stature import StatureError, betas_of_height, check_reach, stature

from ..conftest import plain_adult

REST_JOINTS = plain_adult()
#: From the feet of the plain adult to the head.
TALL_M = float(np.ptp(REST_JOINTS[:, 1]))
#: Parts of itself by which the whole body grows with the first beta, and metres by which the legs do with the second.
WHOLE, LEGS_M = 0.03, 0.02


@pytest.fixture(scope="module")
def embedded() -> Body:
    return limber_body()


@pytest.fixture(scope="module")
def sticks() -> Body:
    """A flat triangle at each joint; the third beta makes it broader."""
    corners = np.array([[0.02, 0, 0], [-0.02, 0, 0.02], [0, 0, -0.02]])
    directions = np.zeros((24, 3, 10))
    directions[:, 1, 0] = WHOLE * REST_JOINTS[:, 1]
    for side in ("left", "right"):
        directions[[INDEX[f"{side}_{joint}"] for joint in ("ankle", "foot")], 1, 1] = -LEGS_M
    directions[:, 0, 2] = 0.1 * REST_JOINTS[:, 0]
    return Body(
        name="sticks",
        gender="neutral",
        v_template=(REST_JOINTS[:, None] + corners).reshape(-1, 3),
        shapedirs=np.repeat(directions, 3, axis=0),
        posedirs=np.zeros((72, 3, 207)),
        J_regressor=np.repeat(np.eye(24) / 3, 3, axis=1),
        weights=np.repeat(np.eye(24), 3, axis=0),
        kintree_table=np.array([PARENTS, range(24)]),
        f=np.arange(72).reshape(24, 3),
    )


def test_it_reaches_from_the_soles_to_the_top_of_the_head(sticks: Body) -> None:
    grown = [stature(sticks.vertices_rest(betas)) for betas in np.eye(10)[:3]]
    assert stature(sticks.v_template) == pytest.approx(TALL_M)
    assert grown == pytest.approx([(1 + WHOLE) * TALL_M, TALL_M + LEGS_M, TALL_M])


@pytest.mark.parametrize("missing_m", [0.1, -0.1])
def test_the_nearest_shape_is_taken(sticks: Body, missing_m: float) -> None:
    """Each beta is changed by what it is good for, and those that change no height stay."""
    before = np.linspace(-0.2, 0.2, 10)
    gradient = np.array([WHOLE * TALL_M, LEGS_M])
    height_m = stature(sticks.vertices_rest(before)) + missing_m
    change = betas_of_height(sticks, before, height_m) - before
    np.testing.assert_allclose(change[:2], missing_m * gradient / np.square(gradient).sum(), atol=1e-4)
    np.testing.assert_array_equal(change[2:], 0)


def test_whoever_is_as_tall_already_stays(sticks: Body) -> None:
    betas = np.linspace(-0.4, 0.4, 10)
    np.testing.assert_array_equal(betas_of_height(sticks, betas, stature(sticks.vertices_rest(betas))), betas)


@given(betas=st.lists(st.floats(-2, 2), min_size=10, max_size=10), height_m=st.floats(1.1, 2.3))
def test_the_embedded_body_gets_the_height_from_any_shape(embedded: Body, betas: list[float], height_m: float) -> None:
    """By a change that does as much in no other direction."""
    shaped = betas_of_height(embedded, betas, height_m)
    assert stature(embedded.vertices_rest(shaped)) == pytest.approx(height_m, abs=1e-5)
    before = stature(embedded.vertices_rest(betas))
    directions = np.random.default_rng(0).normal(size=(3, 10))
    for direction in directions / np.linalg.norm(directions, axis=1, keepdims=True):
        other = np.array(betas) + np.linalg.norm(shaped - betas) * direction
        assert abs(stature(embedded.vertices_rest(other)) - before) < abs(height_m - before) + 1e-3


@pytest.mark.parametrize("height_m", [1.0, 2.45, 178.0, float("nan")])
def test_a_body_says_which_heights_it_can_have(sticks: Body, height_m: float) -> None:
    """Eight deviations of the first beta, and of the second as many as it is good for beside that."""
    farthest = 8 * (WHOLE * TALL_M + LEGS_M * LEGS_M / (WHOLE * TALL_M))
    check_reach(sticks, TALL_M - farthest + 0.01)
    check_reach(sticks, TALL_M + farthest - 0.01)
    said = rf"'sticks' cannot stand {height_m:g} m tall: .* from {TALL_M - farthest:.2f} to {TALL_M + farthest:.2f} m"
    with pytest.raises(StatureError, match=said):
        check_reach(sticks, height_m)


def test_the_embedded_body_is_a_child_or_a_giant(embedded: Body) -> None:
    for height_m in (1.05, 2.3):
        check_reach(embedded, height_m)


def test_a_body_of_one_size_says_so(sticks: Body) -> None:
    rigid = replace(sticks, shapedirs=np.zeros((72, 3, 10)))
    check_reach(rigid, stature(rigid.v_template))
    with pytest.raises(StatureError, match=r"cannot stand 1.7 m tall: its shapes go from 1.55 to 1.55 m"):
        check_reach(rigid, 1.7)
    with pytest.raises(StatureError, match=r"No shape of the body 'sticks' stands 1.7 m tall"):
        betas_of_height(rigid, np.zeros(10), 1.7)
