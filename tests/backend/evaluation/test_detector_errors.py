"""Errors that are known by construction are measured as they are."""

import numpy as np
import pytest

from backend.evaluation.detector_errors import (
    image_errors,
    quantiles,
    table,
    trembling,
    world_errors,
)
from backend.evaluation.simulated import Sequence
from backend.people.tracks import LANDMARK_INDEX, Track
from smpl_rig.skeleton import INDEX

FRAMES = 40
K = np.array([[1000.0, 0, 500], [0, 1000, 400], [0, 0, 1]])
HEIGHT_PX = 1.7 * 1000 / 4


def sequence(limb: str, image: np.ndarray, depth: np.ndarray) -> Sequence:
    """Somebody 4 m away, one of whose limbs is seen ``image`` (T, 2) percent and ``depth`` (T,) metres off."""
    joints = np.zeros((FRAMES, 24, 3))
    joints[..., 2] = 4.0
    joints[:, INDEX["left_hip"], 0], joints[:, INDEX["right_hip"], 0] = 0.1, -0.1
    landmarks2d = np.ones((FRAMES, 33, 3))
    landmarks3d = np.zeros((FRAMES, 33, 3))
    for name in ("left_hip", "right_hip", f"left_{limb}", f"right_{limb}"):
        place = joints[:, INDEX[name]]
        landmarks2d[:, LANDMARK_INDEX[name], :2] = (place @ K.T)[:, :2] / 4.0
        landmarks3d[:, LANDMARK_INDEX[name]] = place - [0, 0, 4.0]
    for side in ("left", "right"):
        landmarks2d[:, LANDMARK_INDEX[f"{side}_{limb}"], :2] += image / 100 * HEIGHT_PX
        landmarks3d[:, LANDMARK_INDEX[f"{side}_{limb}"], 2] += depth
    boxes = np.tile([0.0, 0, 100, 100], (FRAMES, 1))
    observed = np.ones(FRAMES, dtype=bool)
    track = Track(0, np.arange(FRAMES), np.arange(FRAMES) / 30, landmarks2d, landmarks3d, boxes, observed)
    return Sequence(track, K, joints, np.tile(np.eye(3), (FRAMES, 24, 1, 1)), np.zeros(10))


def test_what_lasts_is_no_error() -> None:
    seen = sequence("wrist", np.tile([3.0, -2.0], (FRAMES, 1)), np.full(FRAMES, 0.1))
    assert np.allclose(image_errors(seen, "wrist"), 0, atol=1e-9)
    assert np.allclose(world_errors(seen, "wrist"), 0, atol=1e-9)


def test_errors_are_percent_of_a_person_and_millimetres() -> None:
    to_and_fro = np.where(np.arange(FRAMES) % 2, 1.0, -1.0)
    seen = sequence("knee", np.stack((2 * to_and_fro, 0 * to_and_fro), axis=-1), 0.03 * to_and_fro)
    assert np.abs(image_errors(seen, "knee")[..., 0]) == pytest.approx(2.0)
    assert np.abs(world_errors(seen, "knee")[..., 2]) == pytest.approx(30.0)
    # what leaps from -x to x and back differs twice by 4 x
    assert np.abs(trembling(world_errors(seen, "knee"))[..., 2]) == pytest.approx(120.0)
    found = quantiles([seen], "knee")
    assert found["2D %, 50"] == pytest.approx(2.0)
    assert found["trembling depth mm, 90"] == pytest.approx(120.0)


def test_what_was_not_seen_does_not_count() -> None:
    error = np.zeros((FRAMES, 2))
    error[5] = 80.0
    seen = sequence("ankle", error, np.zeros(FRAMES))
    seen.track.landmarks2d[5, [LANDMARK_INDEX["left_ankle"], LANDMARK_INDEX["right_ankle"]], 2] = 0.1
    assert np.isnan(image_errors(seen, "ankle")[:, 5]).all()
    assert np.nanmax(np.abs(image_errors(seen, "ankle"))) == pytest.approx(0.0, abs=1e-9)


def test_the_table_shows_real_and_simulated() -> None:
    rest = [sequence(limb, np.zeros((FRAMES, 2)), np.zeros(FRAMES)) for limb in ("wrist",)]
    seen = table(rest, rest)
    assert [line.split()[0] for line in seen.splitlines()[2:]] == ["shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
