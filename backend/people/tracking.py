"""People over time: each in a region of their own, followed by SORT, kept through short gaps."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backend.footage import Frame

from .detection import Detection, PersonDetector
from .landmarks import LandmarkModel, Landmarks
from .regions import Region
from .sort import BoxFilter, match, overlaps
from .tracks import LANDMARK_COUNT, Track

#: A person who is lost for longer becomes another person when they come back.
LONGEST_GAP_S = 1.0
#: Shorter appearances are the detector's mistakes more often than people.
SHORTEST_TRACK_S = 0.3
#: How often parts of the picture are searched for people who are small in it.
CLOSER_LOOK_EVERY_S = 0.5
MIN_PRESENCE = 0.5
#: Somebody new must be surer than somebody who was there a moment ago.
MIN_PRESENCE_OF_NEWCOMER = 0.8
#: Who is seen in fewer of the frames between their first and last is a chain of mistakes.
MIN_OBSERVED_PART = 0.5
#: Two people whose landmarks lie this near, relative to the height of their box, are one.
SAME_PERSON_DISTANCE = 0.12


@dataclass
class _Person:
    """A track that grows."""

    box_filter: BoxFilter
    region: Region
    frames: list[int] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    seen: list[Landmarks] = field(default_factory=list)

    def add(self, frame: Frame, landmarks: Landmarks) -> None:
        self.frames.append(frame.index)
        self.times_s.append(frame.timestamp_s)
        self.seen.append(landmarks)
        self.region = landmarks.next_region
        self.box_filter.update(self.region.box)

    @property
    def area(self) -> float:
        """Picture area summed over time, by which people are ranked."""
        return float(sum(landmarks.box[2:].prod() for landmarks in self.seen))


class PeopleTracker:
    """Is given the frames in order and keeps, of each, only the landmarks of the people in it.

    The detector's region is preferred over the one predicted from the last landmarks: a picture taken by itself is
    less prone to keep left and right swapped once they are. The prediction serves where the detector sees nobody.

    Args:
        threads: processor threads for the models; None takes up to four.
    """

    def __init__(self, threads: int | None = None) -> None:
        count = threads or min(os.cpu_count() or 1, 4)
        self._detector = PersonDetector(count)
        self._landmarks = LandmarkModel(count)
        self._active: list[_Person] = []
        self._ended: list[_Person] = []
        self._times_s: list[float] = []
        self._closer_look_s = -np.inf

    def add(self, frame: Frame) -> int:
        """Takes in a frame; returns how many people are seen in it."""
        elapsed_s = frame.timestamp_s - self._times_s[-1] if self._times_s else 0.0
        self._times_s.append(frame.timestamp_s)
        for person in self._active:
            person.box_filter.predict(elapsed_s)
        self._retire(frame.timestamp_s)

        detections = self._detect(frame)
        pairs = match([person.box_filter.box for person in self._active], [found.region.box for found in detections])
        matched = dict(pairs)
        for index, person in enumerate(self._active):
            if index in matched:
                self._look(frame, person, detections[matched[index]].region)
            elif frame.index - person.frames[-1] == 1:  # the last landmarks still tell where to look
                self._look(frame, person, person.region)
        newcomers = set(range(len(detections))) - set(matched.values())
        for index in sorted(newcomers):
            self._welcome(frame, detections[index].region)
        self._merge_doubles(frame)
        return sum(person.frames[-1] == frame.index for person in self._active)

    def finish(self) -> list[Track]:
        """The people of the footage, the one who fills most of it over time first."""
        everybody = [person for person in self._ended + self._active if _lasting(person)]
        everybody.sort(key=lambda person: -person.area)
        return [_track(number, person, self._times_s) for number, person in enumerate(everybody)]

    def _retire(self, now_s: float) -> None:
        gone = [person for person in self._active if now_s - person.times_s[-1] > LONGEST_GAP_S]
        self._ended += gone
        self._active = [person for person in self._active if person not in gone]

    def _detect(self, frame: Frame) -> list[Detection]:
        found = self._detector.detect(frame.image)
        if frame.timestamp_s - self._closer_look_s < CLOSER_LOOK_EVERY_S:
            return found
        self._closer_look_s = frame.timestamp_s
        for detection in self._look_closer(frame.image):
            boxes = np.array([other.region.box for other in found]).reshape(-1, 4)
            if not len(boxes) or overlaps(detection.region.box[None], boxes).max() < 0.3:
                found.append(detection)
        return found

    def _look_closer(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Detections in overlapping squares of 0.6 of the shorter side, where small people look larger."""
        height, width = image.shape[:2]
        side = int(0.6 * min(height, width))
        found = []
        for top in _spread(height, side):
            for left in _spread(width, side):
                for detection in self._detector.detect(image[top : top + side, left : left + side]):
                    region = detection.region
                    moved = Region(region.x + left, region.y + top, region.side, region.angle)
                    found.append(Detection(detection.score, moved))
        return sorted(found, key=lambda detection: -detection.score)

    def _look(self, frame: Frame, person: _Person, region: Region) -> None:
        landmarks = self._landmarks.find(frame.image, region)
        if landmarks.presence >= MIN_PRESENCE:
            person.add(frame, landmarks)

    def _welcome(self, frame: Frame, region: Region) -> None:
        landmarks = self._landmarks.find(frame.image, region)
        if landmarks.presence >= MIN_PRESENCE_OF_NEWCOMER:
            person = _Person(BoxFilter(landmarks.next_region.box), landmarks.next_region)
            person.add(frame, landmarks)
            self._active.append(person)

    def _merge_doubles(self, frame: Frame) -> None:
        """Of two tracks that see the same person now, the older stays."""
        here = [person for person in self._active if person.frames[-1] == frame.index]
        here.sort(key=lambda person: person.frames[0])
        for index, older in enumerate(here):
            for younger in here[index + 1 :]:
                if younger in self._active and older in self._active and _same(older.seen[-1], younger.seen[-1]):
                    self._active.remove(younger)
                    if len(younger.frames) > 1:  # what it saw before they met is kept
                        del younger.frames[-1], younger.times_s[-1], younger.seen[-1]
                        self._ended.append(younger)


def _lasting(person: _Person) -> bool:
    span = person.frames[-1] - person.frames[0] + 1
    return person.times_s[-1] - person.times_s[0] >= SHORTEST_TRACK_S and len(person.frames) >= MIN_OBSERVED_PART * span


def _spread(length: int, part: int) -> list[int]:
    """Starts of evenly spread parts that cover the length and overlap by at least a quarter."""
    count = 1 if length <= part else int(np.ceil((length - part) / (0.75 * part))) + 1
    return [round(start) for start in np.linspace(0, length - part, count)]


def _same(a: Landmarks, b: Landmarks) -> bool:
    distance = np.linalg.norm(a.image[:, :2] - b.image[:, :2], axis=-1).mean()
    return bool(distance < SAME_PERSON_DISTANCE * max(a.box[3], b.box[3]))


def _track(number: int, person: _Person, times_s: list[float]) -> Track:
    first, last = person.frames[0], person.frames[-1]
    count = last - first + 1
    rows = np.array(person.frames) - first
    landmarks2d = np.full((count, LANDMARK_COUNT, 3), np.nan)
    landmarks2d[..., 2] = 0
    landmarks3d = np.full((count, LANDMARK_COUNT, 3), np.nan)
    boxes = np.full((count, 4), np.nan)
    observed = np.zeros(count, dtype=bool)
    landmarks2d[rows] = [landmarks.image for landmarks in person.seen]
    landmarks3d[rows] = [landmarks.world for landmarks in person.seen]
    boxes[rows] = [landmarks.box for landmarks in person.seen]
    observed[rows] = True
    frames = np.arange(first, last + 1)
    return Track(number, frames, np.array(times_s)[frames], landmarks2d, landmarks3d, boxes, observed)
