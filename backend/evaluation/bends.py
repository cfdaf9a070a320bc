"""How far elbows and knees are bent in BlazePose's 3D, beside how far they truly are, and beside its own picture."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from collections.abc import Sequence as ListOf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.people.tracks import LANDMARK_INDEX, Track
from backend.text_table import aligned
from smpl_rig.skeleton import INDEX

from .simulated import Sequence

Floats = NDArray[np.floating[Any]]

#: Joints that bend, each with those before and after it.
BENDING = {"elbow": ("shoulder", "elbow", "wrist"), "knee": ("hip", "knee", "ankle")}
#: Degrees between which bends are told apart.
BENDS = (0, 15, 30, 45, 60, 90, 180)
#: Bones shorter in the picture than this part of the trunk point towards the camera or away, which way nobody can tell.
LONG_ENOUGH = 0.25
SEEN = 0.6


def bends(sequence: Sequence, joint: str) -> Floats:
    """How far joints of both sides are bent, and how far in BlazePose's 3D: (2, 2 T) degrees, NaN where not known.

    Raises:
        KeyError: if ``joint`` does not bend.
    """
    found = []
    for side in ("left", "right"):
        names = [f"{side}_{name}" for name in BENDING[joint]]
        true = _bend(*(sequence.joints[:, INDEX[name]] for name in names))
        found.append([true, _bend(*(sequence.track.landmarks3d[:, LANDMARK_INDEX[name]] for name in names))])
    return np.concatenate(found, axis=1)


def bends_in_picture(track: Track, joint: str) -> Floats:
    """How far joints are bent in the picture, and how far BlazePose's 3D has them bent across the line of sight.

    Both are BlazePose's own: no truth is needed.

    Returns:
        (2, 2 T) degrees, NaN where it is not known or a bone is too short in the picture to tell.

    Raises:
        KeyError: if ``joint`` does not bend.
    """
    image = track.landmarks2d[..., :2]
    trunk = np.linalg.norm(_middle(image, "shoulder") - _middle(image, "hip"), axis=-1)
    found = []
    for side in ("left", "right"):
        indices = [LANDMARK_INDEX[f"{side}_{name}"] for name in BENDING[joint]]
        bones = np.linalg.norm(np.diff(image[:, indices], axis=1), axis=-1)  # (T, 2)
        seen = (track.landmarks2d[:, indices, 2] > SEEN).all(axis=1)
        told = seen & (bones > LONG_ENOUGH * trunk[:, None]).all(axis=1)
        both = [_bend(*(places[:, index] for index in indices)) for places in (image, track.landmarks3d[..., :2])]
        found.append([np.where(told, bend, np.nan) for bend in both])
    return np.concatenate(found, axis=1)


def table_of_bends(films: ListOf[Sequence], simulated: ListOf[Sequence]) -> str:
    """For what truly is bent between two angles, the median of how far its 3D has it bent, real and simulated."""
    rows = [["bent by", *_ranges()]]
    for joint in BENDING:
        medians = [
            _medians(np.concatenate([bends(sequence, joint) for sequence in group], axis=1))
            for group in (films, simulated)
        ]
        rows.append([joint, *(" / ".join(map(_shown, pair)) for pair in zip(*medians, strict=True))])
    return aligned(rows)


def table_of_bends_in_picture(tracks: Mapping[str, ListOf[Track]]) -> str:
    """For what is bent between two angles in the picture, the median of how far the 3D has it, for each name."""
    rows = [["bent in the picture by", *_ranges()]]
    for joint, (name, each) in itertools.product(BENDING, tracks.items()):
        found = np.concatenate([bends_in_picture(track, joint) for track in each], axis=1)
        rows.append([f"{joint}, {name}", *map(_shown, _medians(found))])
    return aligned(rows)


def _bend(start: Floats, middle: Floats, end: Floats) -> Floats:
    """Degrees from straight of three points, (T, 2) or (T, 3) each."""
    upper, lower = (_unit(bone) for bone in (middle - start, end - middle))
    # half the angle between unit vectors, exact for small ones too
    return np.degrees(2 * np.arctan2(np.linalg.norm(upper - lower, axis=-1), np.linalg.norm(upper + lower, axis=-1)))


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, np.nan)


def _middle(points: Floats, part: str) -> Floats:
    return np.asarray((points[:, LANDMARK_INDEX[f"left_{part}"]] + points[:, LANDMARK_INDEX[f"right_{part}"]]) / 2)


def _ranges() -> list[str]:
    return [f"{low} to {high}" for low, high in itertools.pairwise(BENDS)]


def _medians(found: Floats) -> list[float]:
    """Of the second row where the first lies within each range; NaN where it never does."""
    first, second = found
    among = [second[(first >= low) & (first < high) & np.isfinite(second)] for low, high in itertools.pairwise(BENDS)]
    return [float(np.median(values)) if len(values) else np.nan for values in among]


def _shown(degrees: float) -> str:
    return "-" if np.isnan(degrees) else f"{degrees:.0f}"
