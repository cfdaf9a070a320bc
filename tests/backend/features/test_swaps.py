from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from backend.features.swaps import STATES, repair_swaps
from backend.people.tracks import Track
from smpl_rig.motion import Motion
from smpl_rig.skeleton import INDEX

#: BlazePose's landmarks from SMPL's joints, near enough to tell left from right.
_FROM_JOINT = (
    ["head"] * 11
    + [f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist") for side in ("left", "right")]
    + [f"{side}_hand" for _ in range(3) for side in ("left", "right")]
    + [f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "ankle", "foot") for side in ("left", "right")]
)


@pytest.fixture
def track(make_motion: Callable[..., Motion]) -> Track:
    motion = make_motion(frames=90)
    landmarks = np.ones((90, 33, 3))
    landmarks[..., :2] = motion.landmarks2d[:, [INDEX[name] for name in _FROM_JOINT], :2]
    low, high = landmarks[..., :2].min(axis=1), landmarks[..., :2].max(axis=1)
    boxes = np.concatenate((low, high - low), axis=-1)
    world = np.zeros((90, 33, 3))
    return Track(0, np.arange(90), motion.timestamps_s, landmarks, world, boxes, np.ones(90, dtype=bool))


def swapped(track: Track, frames: slice, state: int) -> Track:
    landmarks = track.landmarks2d.copy()
    landmarks[frames] = landmarks[frames][:, STATES[state]]
    return replace(track, landmarks2d=landmarks)


def test_right_labels_are_left_alone(track: Track) -> None:
    repaired, trusted = repair_swaps(track)
    np.testing.assert_array_equal(repaired.landmarks2d, track.landmarks2d)
    assert trusted.all()


ARMS, LEGS, WHOLE = 1, 2, 3


@pytest.mark.parametrize(
    ("state", "frames"),
    [
        (ARMS, slice(40, 41)),
        (LEGS, slice(40, 41)),
        (WHOLE, slice(40, 41)),
        (ARMS, slice(30, 42)),
        (WHOLE, slice(30, 42)),
        (WHOLE, slice(10, 35)),
    ],
)
def test_swapped_labels_are_put_back(track: Track, state: int, frames: slice) -> None:
    repaired, trusted = repair_swaps(swapped(track, frames, state))
    np.testing.assert_array_equal(repaired.landmarks2d, track.landmarks2d)
    assert not trusted[frames].any()
    assert trusted.sum() == 90 - (frames.stop - frames.start)


def test_gaps_are_passed_over(track: Track) -> None:
    observed = track.observed.copy()
    observed[50:55] = False
    landmarks = track.landmarks2d.copy()
    landmarks[50:55] = (np.nan, np.nan, 0)
    boxes = track.boxes.copy()
    boxes[50:55] = np.nan
    gapped = replace(track, landmarks2d=landmarks, boxes=boxes, observed=observed)
    repaired, trusted = repair_swaps(swapped(gapped, slice(60, 70), 3))
    np.testing.assert_array_equal(repaired.landmarks2d, landmarks)
    assert not trusted[50:55].any()


@pytest.mark.parametrize("frames", [1, 2])
def test_very_short_tracks(track: Track, frames: int) -> None:
    first = slice(0, frames)
    short = Track(
        0,
        track.frames[first],
        track.timestamps_s[first],
        track.landmarks2d[first],
        track.landmarks3d[first],
        track.boxes[first],
        track.observed[first],
    )
    repaired, trusted = repair_swaps(short)
    assert len(repaired) == frames
    assert trusted.all()
