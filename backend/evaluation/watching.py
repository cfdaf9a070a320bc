"""A dataset's person as our own tracker sees them.

In each frame they are the one whose box overlaps the dataset's most. Frames in which nobody is found are not scored.
Nothing bridges a gap, a change of tracks or two sequences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.footage import Footage, Frame, open_footage
from backend.people.model_files import AUTO
from backend.people.sort import MIN_OVERLAP, overlaps
from backend.people.tracking import PeopleTracker
from backend.people.tracks import Track
from smpl_rig.image_sequence import images_of, is_image_sequence

from .datasets.filmed import DatasetError, FilmedPerson
from .protocol import Shape

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Seen:
    """What the tracker saw of a dataset's person.

    Attributes:
        track: somebody who was that person in some frames.
        frames: (N,) the truth's frame of each of the track's.
        counted: (N,) where the track is that person, was observed, and the protocol counts the frame.
        footage: the images.
    """

    track: Track
    frames: NDArray[np.int64]
    counted: Mask
    footage: Footage

    @property
    def stretch(self) -> slice:
        """Of the truth, from the track's first frame to its last."""
        return slice(int(self.frames[0]), int(self.frames[-1]) + 1)


def watch(person: FilmedPerson, detector: str = AUTO) -> list[Seen]:
    """Tracks a dataset's person through its images, seen by one of BlazePose's landmark models.

    Raises:
        LimberError: if the images are missing or cannot be read.
    """
    if not person.images.parent.is_dir():
        raise DatasetError(f"{person.images.parent} does not exist. Unpack the images of {person.name} there.")
    tracks, numbers, footage = _tracks(
        person.images, person.first_image, person.stride, person.frame_rate, len(person.valid), detector
    )
    found = []
    for track, is_theirs in zip(tracks, _is_theirs(person.boxes, tracks, numbers), strict=True):
        frames = numbers[track.frames]
        found.append(Seen(track, frames, is_theirs & track.observed & person.valid[frames], footage))
    return [seen for seen in found if seen.counted.any()]


@lru_cache(maxsize=1)  # several people of one sequence are read one after the other
def _tracks(
    images: Path, first_image: int, stride: int, frame_rate: Fraction, length: int, detector: str
) -> tuple[list[Track], NDArray[np.int64], Footage]:
    """Everybody in the images, the truth's frame of each image that was read, and the images."""
    footage = open_footage(images, frame_rate if is_image_sequence(images) else None)
    tracker = PeopleTracker(detector=detector)
    numbers: list[int] = []
    for number, frame in numbered(footage, first_image, stride, length):
        tracker.add(Frame(len(numbers), frame.timestamp_s, frame.image))
        numbers.append(number)
    return tracker.finish(), np.array(numbers, dtype=np.int64), footage


def numbered(footage: Footage, first_image: int, stride: int, length: int) -> Iterator[tuple[int, Frame]]:
    """The images that show a frame of a truth of so many frames, with that frame's number; a video begins with 0."""
    begins = images_of(footage.path)[0][0] if is_image_sequence(footage.path) else 0
    for frame in footage.frames():
        number, between = divmod(begins - first_image + round(frame.timestamp_s * footage.frame_rate), stride)
        if not between and 0 <= number < length:
            yield number, frame


def _is_theirs(boxes: Floats, tracks: Sequence[Track], numbers: NDArray[np.int64]) -> list[Mask]:
    """For each track, in which of its frames it is the one whose box overlaps the dataset's most."""
    shared = np.zeros((len(tracks), len(numbers)))
    for row, track in enumerate(tracks):
        for box, index in zip(track.boxes, track.frames, strict=True):
            true = boxes[numbers[index]]
            if np.isfinite(box).all() and np.isfinite(true).all():
                shared[row, index] = overlaps(true[None], box[None]).item()
    best = shared.argmax(axis=0) if len(tracks) else np.zeros(len(numbers), dtype=np.intp)
    return [
        (best[track.frames] == row) & (shared[row, track.frames] >= MIN_OVERLAP) for row, track in enumerate(tracks)
    ]


def stretched(shape: Shape, seen: Seen, truth: Shape) -> tuple[Shape, Shape, Mask]:
    """An answer and the truth on the time line of :attr:`Seen.stretch`, on which frames that were left out are gaps,
    and which of its frames count.
    """
    low, high = seen.stretch.start, seen.stretch.stop
    rows = seen.frames - low
    counted = np.zeros(high - low, dtype=bool)
    counted[rows] = seen.counted

    def spread(values: Floats) -> Floats:
        spaced = np.zeros((high - low, *values.shape[1:]), dtype=values.dtype)
        spaced[rows] = values
        return spaced

    vertices = None if shape.vertices is None else spread(shape.vertices)
    true_vertices = None if truth.vertices is None else truth.vertices[low:high]
    return Shape(spread(shape.joints), vertices), Shape(truth.joints[low:high], true_vertices), counted
