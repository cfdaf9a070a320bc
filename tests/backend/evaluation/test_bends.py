"""Bends that are known by construction are told as they are."""

import numpy as np
import pytest

from backend.evaluation.bends import bends, bends_in_picture, table_of_bends, table_of_bends_in_picture
from backend.evaluation.simulated import Sequence
from backend.people.tracks import LANDMARK_INDEX, Track
from smpl_rig.skeleton import INDEX

FRAMES = 12
#: Hips, knees and ankles of legs that are bent by one radian, the shins away from the camera, metres.
AWAY = np.array([[0, 0, 0], [0, 0.4, 0], [0, 0.4 + 0.3 * np.cos(1.0), 0.3 * np.sin(1.0)]])
#: The same, the shins sideways.
SIDEWAYS = AWAY[:, [2, 1, 0]]


def sequence(true: np.ndarray, image: np.ndarray, world: np.ndarray, visibility: float = 1.0) -> Sequence:
    """Somebody whose legs truly are ``true``, ``image`` (3, 2) in the picture, and ``world`` in BlazePose's 3D."""
    joints, landmarks2d, landmarks3d = np.zeros((FRAMES, 24, 3)), np.ones((FRAMES, 33, 3)), np.zeros((FRAMES, 33, 3))
    for side in ("left", "right"):
        names = [f"{side}_{name}" for name in ("hip", "knee", "ankle")]
        indices = [LANDMARK_INDEX[name] for name in names]
        joints[:, [INDEX[name] for name in names]] = true
        landmarks2d[:, indices, :2], landmarks3d[:, indices] = 100 * image, world
        landmarks2d[:, LANDMARK_INDEX[f"{side}_shoulder"], :2] = (0, -50)
    landmarks2d[..., 2] = visibility
    boxes, observed = np.tile([0.0, 0, 100, 100], (FRAMES, 1)), np.ones(FRAMES, dtype=bool)
    track = Track(0, np.arange(FRAMES), np.arange(FRAMES) / 30, landmarks2d, landmarks3d, boxes, observed)
    return Sequence(track, np.eye(3), joints, np.tile(np.eye(3), (FRAMES, 24, 1, 1)), np.zeros(10))


def test_bends_are_told_from_straight_and_beside_what_is_true() -> None:
    seen = sequence(AWAY, AWAY[:, :2], AWAY * [1, 1, 0])  # all depth is lost
    true, blazepose = bends(seen, "knee")
    assert true == pytest.approx(np.degrees(1.0))
    assert blazepose == pytest.approx(0.0, abs=1e-6)
    knees = table_of_bends([seen], [seen]).splitlines()[-1].split()
    assert knees[0] == "knee"
    # 57 degrees lie between 45 and 60
    assert " ".join(knees[1:]) == "- / - - / - - / - 0 / 0 - / - - / -"


def test_bends_in_the_picture_need_no_truth() -> None:
    half = SIDEWAYS.copy()
    half[2] = (0.3 * np.sin(0.5), 0.4 + 0.3 * np.cos(0.5), 0.2)  # in the 3D bent half as far, and away
    track = sequence(np.zeros((3, 3)), SIDEWAYS[:, :2], half).track
    image, world = bends_in_picture(track, "knee")
    assert image == pytest.approx(np.degrees(1.0))
    assert world == pytest.approx(np.degrees(0.5))
    knees = table_of_bends_in_picture({"ours": [track]}).splitlines()[-1].split()
    assert knees == ["knee,", "ours", "-", "-", "-", "29", "-", "-"]


def test_short_bones_and_what_is_not_seen_tell_nothing() -> None:
    towards = SIDEWAYS[:, :2].copy()
    towards[2] = towards[1] + 0.05  # the shin points at the camera
    for track in (
        sequence(np.zeros((3, 3)), towards, SIDEWAYS).track,
        sequence(np.zeros((3, 3)), SIDEWAYS[:, :2], SIDEWAYS, visibility=0.3).track,
    ):
        assert np.isnan(bends_in_picture(track, "knee")).all()
