from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from backend.features.swaps import STATES, WHOLE, repair_swaps
from backend.people.tracks import LANDMARK_INDEX, PARTS, Track
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


ARMS, ARMS_AND_SHOULDERS, LEGS, LEGS_AND_HIPS = 1, 2, 3, 4


@pytest.mark.parametrize(
    ("state", "frames"),
    [
        (ARMS, slice(40, 41)),
        (LEGS, slice(40, 41)),
        (WHOLE, slice(40, 41)),
        (ARMS, slice(30, 42)),
        (ARMS_AND_SHOULDERS, slice(30, 55)),
        (LEGS, slice(30, 55)),
        (LEGS_AND_HIPS, slice(30, 55)),
        (WHOLE, slice(30, 42)),
        (WHOLE, slice(10, 35)),
    ],
)
def test_swapped_labels_are_put_back(track: Track, state: int, frames: slice) -> None:
    repaired, trusted = repair_swaps(swapped(track, frames, state))
    np.testing.assert_array_equal(repaired.landmarks2d, track.landmarks2d)
    assert not trusted[frames].any()
    assert trusted.sum() == 90 - (frames.stop - frames.start)


@pytest.fixture
def walker() -> Track:
    """Somebody seen from the side, whose legs pass each other twice a second, by a detector that errs by 5 pixels."""
    times_s = np.arange(120) / 30
    random = np.random.default_rng(3)
    landmarks = np.ones((120, 33, 3))
    landmarks[..., 0] = 300 + 60 * times_s[:, None]
    stride = np.sin(2 * np.pi * times_s)
    for name, index in LANDMARK_INDEX.items():
        side = 1 if name.startswith("left") else -1
        part = name.removeprefix("left_").removeprefix("right_")
        height, reach = _WALKER.get(part, (0.0, 0.0))
        landmarks[:, index, 0] += side * reach * stride
        landmarks[:, index, 1] = height
    landmarks[..., :2] += random.normal(0, 5, (120, 33, 2))
    boxes = np.column_stack((landmarks[:, 0, 0] - 150, np.zeros(120), np.full(120, 300.0), np.full(120, 600.0)))
    world = np.zeros((120, 33, 3))
    world[:, LANDMARK_INDEX["left_shoulder"], 2], world[:, LANDMARK_INDEX["right_shoulder"], 2] = 0.15, -0.15
    return Track(0, np.arange(120), times_s, landmarks, world, boxes, np.ones(120, dtype=bool))


#: Pixels from the top, and how far a landmark goes ahead of the body and behind.
_WALKER = {
    "shoulder": (120.0, 0.0),
    "elbow": (220.0, -30.0),
    "wrist": (310.0, -70.0),
    "pinky": (325.0, -80.0),
    "index": (325.0, -80.0),
    "thumb": (320.0, -75.0),
    "hip": (310.0, 0.0),
    "knee": (450.0, 50.0),
    "ankle": (570.0, 110.0),
    "heel": (585.0, 110.0),
    "foot_index": (590.0, 110.0),
}


#: From the knee down; hips seen from the side lie in one place, and their labels say nothing.
_LEG = [index for name, index in LANDMARK_INDEX.items() if name.endswith(("knee", "ankle", "heel", "foot_index"))]


def test_legs_that_cross_are_not_taken_for_swapped_ones(walker: Track) -> None:
    _, trusted = repair_swaps(walker)
    assert trusted.all()


@pytest.mark.parametrize("first", [32, 38, 44])
def test_legs_that_stay_swapped_for_longer_are_put_back(walker: Track, first: int) -> None:
    frames = slice(first, first + 15)
    repaired, trusted = repair_swaps(swapped(walker, frames, LEGS))
    wrong = np.flatnonzero((repaired.landmarks2d[:, _LEG] != walker.landmarks2d[:, _LEG]).any(axis=(1, 2)))
    assert len(wrong) <= 2  # where legs pass each other, nothing tells
    assert not trusted[frames].all()


@pytest.mark.parametrize("first", [36, 40, 50, 54])
def test_a_swapped_frame_is_put_back_after_frames_that_had_both_legs_in_one_place(walker: Track, first: int) -> None:
    """As on somebody who jogs: the detector, undecided, has both legs half-way between them, and then has them swapped.

    That frame looks like any other stray, and only those after it show that the legs went on as they had gone.
    """
    landmarks = walker.landmarks2d.copy()
    undecided = slice(first - 2, first)
    landmarks[undecided] = (landmarks[undecided] + landmarks[undecided][:, STATES[LEGS]]) / 2
    seen = replace(walker, landmarks2d=landmarks)
    repaired, trusted = repair_swaps(swapped(seen, slice(first, first + 1), LEGS))
    np.testing.assert_array_equal(repaired.landmarks2d[first:, _LEG], landmarks[first:, _LEG])
    assert not trusted[first]


@pytest.mark.parametrize("looked", [True, False])
def test_a_swap_that_begins_where_legs_lie_in_one_place_is_told_by_the_mirror(walker: Track, looked: bool) -> None:
    """From when both legs are seen in one place to when they are again, their motion tells either way."""
    landmarks = walker.landmarks2d.copy()
    for together in (slice(40, 50), slice(60, 70)):
        landmarks[together] = (landmarks[together] + landmarks[together][:, STATES[LEGS]]) / 2
    exchanged = np.zeros((120, len(PARTS)), dtype=bool)
    exchanged[[51, 52, 55, 57, 58], list(PARTS).index("legs")] = True
    seen = replace(walker, landmarks2d=landmarks, exchanged=exchanged if looked else None)
    _, trusted = repair_swaps(swapped(seen, slice(50, 60), LEGS))
    assert (~trusted[50:60]).all() == looked
    assert trusted[:40].all()
    assert trusted[70:].all()


def test_a_mirror_alone_swaps_nothing_that_moves_as_it_did(walker: Track) -> None:
    """The mirror image may be the one that is wrong."""
    exchanged = np.zeros((120, len(PARTS)), dtype=bool)
    exchanged[[33, 60, 61, 90], list(PARTS).index("legs")] = True
    _, trusted = repair_swaps(replace(walker, exchanged=exchanged))
    assert trusted.all()


@pytest.mark.parametrize("flips", [True, False])
def test_a_back_taken_for_a_front_is_told_by_its_depth(walker: Track, flips: bool) -> None:
    """Nobody moves, and only narrow shoulders tell left from right: they may err unless front and back change, too."""
    landmarks = np.tile(walker.landmarks2d[:1], (120, 1, 1))
    landmarks[..., :2] = 300.0
    for side, x in (("left", 318.0), ("right", 282.0)):
        landmarks[:, LANDMARK_INDEX[f"{side}_shoulder"], 0] = x
    world = np.zeros((120, 33, 3))
    world[:, LANDMARK_INDEX["left_shoulder"], 0], world[:, LANDMARK_INDEX["right_shoulder"], 0] = 0.2, -0.2
    world[:, LANDMARK_INDEX["nose"], 2] = -0.2
    if flips:
        world[50:65, LANDMARK_INDEX["nose"], 2] = 0.2
    still = replace(walker, landmarks2d=landmarks, landmarks3d=world)
    _, trusted = repair_swaps(swapped(still, slice(50, 65), WHOLE))
    np.testing.assert_array_equal(np.flatnonzero(~trusted), np.arange(50, 65) if flips else [])


def test_gaps_are_passed_over(track: Track) -> None:
    observed = track.observed.copy()
    observed[50:55] = False
    landmarks = track.landmarks2d.copy()
    landmarks[50:55] = (np.nan, np.nan, 0)
    boxes = track.boxes.copy()
    boxes[50:55] = np.nan
    gapped = replace(track, landmarks2d=landmarks, boxes=boxes, observed=observed)
    repaired, trusted = repair_swaps(swapped(gapped, slice(60, 70), WHOLE))
    np.testing.assert_array_equal(repaired.landmarks2d, landmarks)
    assert not trusted[50:55].any()


@pytest.mark.parametrize("frames", [1, 2])
def test_very_short_tracks(track: Track, frames: int) -> None:
    repaired, trusted = repair_swaps(track.of_frames(slice(frames)))
    assert len(repaired) == frames
    assert trusted.all()
