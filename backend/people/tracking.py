"""People over time: each in a region of their own, followed by SORT, kept through short gaps.

Who is known is looked for by the detector about the place where they should be: in a part of the picture one and a half
times their region it sees people whom it misses in the whole picture (measured on a far man against the light: 90 % of
frames against 3 %). The whole picture, and parts of it, are searched for newcomers from time to time only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from backend.footage import Frame

from .detection import Detection, PersonDetector
from .landmarks import LandmarkModel, Landmarks
from .model_files import AUTO, choose_landmarks
from .regions import Region
from .sort import BoxFilter, match, overlaps
from .tracks import LANDMARK_COUNT, PARTS, TRUNK, Track

#: A person who is lost for longer becomes another person when they come back.
LONGEST_GAP_S = 1.0
#: Shorter appearances are the detector's mistakes more often than people, unless the footage itself is hardly longer.
SHORTEST_TRACK_S = 0.3
SHORTEST_TRACK_PART = 0.5
#: Who is seen in fewer of the frames between their first and last is a chain of mistakes.
MIN_OBSERVED_PART = 0.5
#: How often the whole picture is searched for newcomers while somebody is followed.
WHOLE_LOOK_EVERY_S = 0.2
#: How often parts of the picture are searched for people who are small in it.
CLOSER_LOOK_EVERY_S = 0.5
#: How long landmarks alone may lead from one frame to the next. Fed with its own output for longer, the landmark model
#: wanders off to walls and shoes, and is sure of them.
LONGEST_UNDETECTED_S = 0.25
#: Of people it is right about, the landmark model is surer than this in nearly every frame (mediapipe takes 0.5).
MIN_PRESENCE = 0.8
#: Of shoulders and hips, as many lie in the picture when somebody is seen. Beyond its edge landmarks are guessed, and
#: of an arm that is still in it the landmark model makes a small person.
MIN_TRUNK_IN_PICTURE = 2
#: A person is looked for in a part of the picture that is this much larger than their region.
SEARCH_ENLARGEMENT = 1.5
#: Smaller parts of the picture show too little of a person.
SMALLEST_PART_PX = 16
#: How far a person can be from where they were expected, in sides of their region: at once, and more for each second
#: since they were seen. Somebody running does 10 m/s, about 3 sides.
REACH = 0.1
REACH_PER_S = 3.0
#: Detections from different parts of the picture that overlap by more are of the same person.
SAME_DETECTION_OVERLAP = 0.5
#: Two people whose torsos lie this near, relative to the side of their region, are one.
SAME_PERSON_DISTANCE = 0.1


@dataclass(eq=False)
class _Person:
    """A track that grows."""

    box_filter: BoxFilter
    region: Region
    frames: list[int] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    seen: list[Landmarks] = field(default_factory=list)
    detected_s: float = -np.inf

    def add(self, frame: Frame, landmarks: Landmarks) -> None:
        self.frames.append(frame.index)
        self.times_s.append(frame.timestamp_s)
        self.seen.append(landmarks)
        self.region = landmarks.next_region
        self.box_filter.update(self.region.box)

    def reach_px(self, now_s: float) -> float:
        """How far from the expected place they can be."""
        return (REACH + REACH_PER_S * (now_s - self.times_s[-1])) * self.region.side

    def drop_strays(self) -> None:
        """Forgets moments at either end that are shorter than the gap beside them: mistakes more often than the person.

        Wrong landmarks in between are held in check by right ones on both sides; at an end they lead a body astray.
        """
        kept = _without_strays(self.frames, self.times_s)
        self.frames, self.times_s, self.seen = self.frames[kept], self.times_s[kept], self.seen[kept]

    def forget_last(self) -> None:
        """Takes back the frame that was added last."""
        del self.frames[-1], self.times_s[-1], self.seen[-1]

    @property
    def area(self) -> float:
        """Picture area summed over time, by which people are ranked."""
        return float(sum(landmarks.box[2:].prod() for landmarks in self.seen))


class PeopleTracker:
    """Is given the frames in order and keeps, of each, only the landmarks of the people in it.

    The detector's region is preferred over the one predicted from the last landmarks: a picture taken by itself is
    less prone to keep left and right swapped once they are. The prediction serves for a moment where the detector sees
    nobody.

    Args:
        threads: processor threads for the models; None takes up to four.
        detector: which landmark model sees them, one of ``model_files.DETECTORS``.
    """

    def __init__(self, threads: int | None = None, detector: str = AUTO) -> None:
        count = threads or min(os.cpu_count() or 1, 4)
        self._detector = PersonDetector(count)
        self._landmarks = LandmarkModel(count, choose_landmarks(detector))
        self._active: list[_Person] = []
        self._ended: list[_Person] = []
        self._times_s: list[float] = []
        self._whole_look_s = -np.inf
        self._closer_look_s = -np.inf
        self.warnings: list[str] = []

    def add(self, frame: Frame) -> int:
        """Takes in a frame; returns how many people are seen in it."""
        elapsed_s = frame.timestamp_s - self._times_s[-1] if self._times_s else 0.0
        self._times_s.append(frame.timestamp_s)
        for person in self._active:
            person.box_filter.predict(elapsed_s)
        self._retire(frame.timestamp_s)
        self._follow(frame)
        self._discover(frame)
        return len(self._seen_in(frame))

    def boxes_in(self, frame: Frame) -> list[NDArray[np.float64]]:
        """(4,) x, y, width, height in pixels about everybody who is seen in the frame that was added last."""
        return [person.seen[-1].box for person in self._seen_in(frame)]

    def _follow(self, frame: Frame) -> None:
        """Looks for everybody who is known. Who was there a moment ago comes before who is lost."""
        near = (self._detect_about(frame.image, person.box_filter.box) for person in self._active)
        detections = _distinct(found for part in near for found in part)
        here = [person for person in self._active if person.frames[-1] == frame.index - 1]
        detected = self._assign(frame, here, detections)
        for person in here:
            if person not in detected and frame.timestamp_s - person.detected_s <= LONGEST_UNDETECTED_S:
                self._look(frame, person, person.region)
        self._part_doubles(frame, detected)
        self._find_lost(frame, detections)

    def _find_lost(self, frame: Frame, detections: list[Detection]) -> list[Detection]:
        """Gives the lost what is left of the detections, and returns what then still belongs to nobody."""
        lost = [person for person in self._active if person.frames[-1] != frame.index]
        self._assign(frame, lost, self._unclaimed(frame, detections))
        return self._unclaimed(frame, detections)

    def _unclaimed(self, frame: Frame, detections: list[Detection]) -> list[Detection]:
        known = [person.box_filter.box for person in self._seen_in(frame)]
        return [detection for detection in detections if not _overlaps_any(detection, known)]

    def _discover(self, frame: Frame) -> None:
        """Searches the picture for newcomers, when it is time, and for the lost, who may have come back elsewhere."""
        found = []
        if not self._seen_in(frame) or frame.timestamp_s - self._whole_look_s >= WHOLE_LOOK_EVERY_S:
            self._whole_look_s = frame.timestamp_s
            found += self._detector.detect(frame.image)
        if frame.timestamp_s - self._closer_look_s >= CLOSER_LOOK_EVERY_S:
            self._closer_look_s = frame.timestamp_s
            found += self._look_closer(frame.image)
        confirmed = (self._look_again(frame.image, detection) for detection in self._unclaimed(frame, _distinct(found)))
        certain = _distinct(detection for detection in confirmed if detection is not None)
        for detection in self._find_lost(frame, certain):
            self._welcome(frame, detection.region)

    def _assign(self, frame: Frame, people: list[_Person], detections: list[Detection]) -> list[_Person]:
        """Gives each detection to the person whom it fits, looks there, and returns who was found."""
        expected = [person.box_filter.box for person in people]
        reach_px = [person.reach_px(frame.timestamp_s) for person in people]
        found = []
        for index, number in match(expected, [detection.region.box for detection in detections], reach_px):
            if self._look(frame, people[index], detections[number].region):
                people[index].detected_s = frame.timestamp_s
                found.append(people[index])
        return found

    def finish(self) -> list[Track]:
        """The people of the footage, who fills most of it over time first; ``warnings`` says how many were left out."""
        appearances = self._ended + self._active
        for person in appearances:
            person.drop_strays()
        span_s = self._times_s[-1] - self._times_s[0] if self._times_s else 0.0
        shortest_s = min(SHORTEST_TRACK_S, SHORTEST_TRACK_PART * span_s)
        people = sorted((found for found in appearances if _lasting(found, shortest_s)), key=lambda found: -found.area)
        if len(people) < len(appearances):
            left_out = len(appearances) - len(people)
            who = "1 appearance was" if left_out == 1 else f"{left_out} appearances were"
            self.warnings.append(f"{who} too short or too broken to be followed.")
        return [_track(number, person, self._times_s) for number, person in enumerate(people)]

    def _retire(self, now_s: float) -> None:
        gone = [person for person in self._active if now_s - person.times_s[-1] > LONGEST_GAP_S]
        self._ended += gone
        self._active = [person for person in self._active if person not in gone]

    def _look_closer(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Detections in overlapping squares of 0.6 of the shorter side, where small people look larger."""
        height, width = image.shape[:2]
        side = int(0.6 * min(height, width))
        return [
            detection
            for top in _spread(height, side)
            for left in _spread(width, side)
            for detection in self._detect_in(image, left, top, left + side, top + side)
        ]

    def _detect_about(self, image: NDArray[np.uint8], box: NDArray[np.float64]) -> list[Detection]:
        """Detections in the part of the picture about a box (x, y, width, height)."""
        margin = (SEARCH_ENLARGEMENT - 1) / 2 * box[2:]
        low = np.clip(box[:2] - margin, 0, None).astype(int)
        high = np.clip(box[:2] + box[2:] + margin, 0, (image.shape[1], image.shape[0])).astype(int)
        return self._detect_in(image, low[0], low[1], high[0], high[1])

    def _detect_in(self, image: NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> list[Detection]:
        if right - left < SMALLEST_PART_PX or bottom - top < SMALLEST_PART_PX:
            return []
        return [
            Detection(found.score, replace(found.region, x=found.region.x + left, y=found.region.y + top))
            for found in self._detector.detect(image[top:bottom, left:right])
        ]

    def _look(self, frame: Frame, person: _Person, region: Region) -> bool:
        """Takes in the landmarks in a region, if a person is there."""
        landmarks = self._landmarks.find_twice(frame.image, region)
        if not _is_person(landmarks, frame.image):
            return False
        person.add(frame, landmarks)
        return True

    def _look_again(self, image: NDArray[np.uint8], detection: Detection) -> Detection | None:
        """What a closer look about a detection sees there, if it sees anybody."""
        box = detection.region.box
        again = self._detect_about(image, box)
        pairs = match([box], [other.region.box for other in again], [detection.region.side / 2])
        return again[pairs[0][1]] if pairs else None

    def _welcome(self, frame: Frame, region: Region) -> None:
        """Takes in somebody new, if the landmark model sees them and nobody else has that body."""
        landmarks = self._landmarks.find_twice(frame.image, region)
        if not _is_person(landmarks, frame.image):
            return
        if any(_same(person.seen[-1], landmarks) for person in self._seen_in(frame)):
            return
        person = _Person(BoxFilter(landmarks.next_region.box), landmarks.next_region, detected_s=frame.timestamp_s)
        person.add(frame, landmarks)
        self._active.append(person)

    def _seen_in(self, frame: Frame) -> list[_Person]:
        return [person for person in self._active if person.frames[-1] == frame.index]

    def _part_doubles(self, frame: Frame, detected: list[_Person]) -> None:
        """Of two who see the same body, one was hidden by the other and is unseen in this frame.

        Who was detected stays, then who has been here for longer.
        """
        here = sorted(self._seen_in(frame), key=lambda person: (person not in detected, person.frames[0]))
        staying: list[_Person] = []
        for person in here:
            if any(_same(other.seen[-1], person.seen[-1]) for other in staying):
                person.forget_last()
            else:
                staying.append(person)
        self._active = [person for person in self._active if person.frames]


def _without_strays(frames: list[int], times_s: list[float]) -> slice:
    """What is left of frames in which somebody was seen."""
    starts = [0, *(np.flatnonzero(np.diff(frames) > 1) + 1).tolist(), len(frames)]  # of what goes on without a gap
    first, last = 0, len(starts) - 2

    def is_moment(part: int, gap: int) -> bool:
        """Whether a part is one, beside the gap that comes before a part."""
        start, end = starts[part], starts[part + 1]
        lost = frames[starts[gap]] - frames[starts[gap] - 1] - 1
        return end - start < lost and times_s[end - 1] - times_s[start] < SHORTEST_TRACK_S

    while first < last and is_moment(last, last):
        last -= 1
    while first < last and is_moment(first, first + 1):
        first += 1
    return slice(starts[first], starts[last + 1])


def _lasting(person: _Person, shortest_s: float) -> bool:
    span = person.frames[-1] - person.frames[0] + 1
    return person.times_s[-1] - person.times_s[0] >= shortest_s and len(person.frames) >= MIN_OBSERVED_PART * span


def _spread(length: int, part: int) -> list[int]:
    """Starts of evenly spread parts that cover the length and overlap by at least a quarter."""
    count = 1 if length <= part else int(np.ceil((length - part) / (0.75 * part))) + 1
    return [round(start) for start in np.linspace(0, length - part, count)]


def _distinct(detections: Iterable[Detection]) -> list[Detection]:
    """Best first, without those that see the same person in another part of the picture."""
    distinct: list[Detection] = []
    for detection in sorted(detections, key=lambda found: -found.score):
        boxes = np.array([other.region.box for other in distinct]).reshape(-1, 4)
        if not len(boxes) or overlaps(detection.region.box[None], boxes).max() < SAME_DETECTION_OVERLAP:
            distinct.append(detection)
    return distinct


def _overlaps_any(detection: Detection, boxes: list[NDArray[np.float64]]) -> bool:
    return bool(boxes) and bool(overlaps(detection.region.box[None], np.array(boxes)).max() > SAME_DETECTION_OVERLAP)


def _is_person(landmarks: Landmarks, image: NDArray[np.uint8]) -> bool:
    height, width = image.shape[:2]
    trunk = landmarks.image[TRUNK, :2]
    inside = ((trunk >= 0) & (trunk < (width, height))).all(axis=1)
    return landmarks.presence >= MIN_PRESENCE and int(inside.sum()) >= MIN_TRUNK_IN_PICTURE


def _same(one: Landmarks, other: Landmarks) -> bool:
    """Whether two see the same body; by the middles of shoulders and hips, which do not mind left and right swapped."""
    distance = np.linalg.norm(_torso(one) - _torso(other), axis=-1).mean()
    return bool(distance < SAME_PERSON_DISTANCE * max(one.next_region.side, other.next_region.side))


def _torso(landmarks: Landmarks) -> NDArray[np.float64]:
    """(2, 2) pixels: the middle of the shoulders and the middle of the hips."""
    return np.asarray(landmarks.image[TRUNK, :2].reshape(2, 2, 2).mean(axis=1))


def _track(number: int, person: _Person, times_s: list[float]) -> Track:
    first, last = person.frames[0], person.frames[-1]
    count = last - first + 1
    rows = np.array(person.frames) - first
    landmarks2d = np.full((count, LANDMARK_COUNT, 3), np.nan)
    landmarks2d[..., 2] = 0
    landmarks3d = np.full((count, LANDMARK_COUNT, 3), np.nan)
    boxes = np.full((count, 4), np.nan)
    observed = np.zeros(count, dtype=bool)
    exchanged = np.zeros((count, len(PARTS)), dtype=bool)
    landmarks2d[rows] = [landmarks.image for landmarks in person.seen]
    landmarks3d[rows] = [landmarks.world for landmarks in person.seen]
    boxes[rows] = [landmarks.box for landmarks in person.seen]
    observed[rows] = True
    exchanged[rows] = [landmarks.exchanged for landmarks in person.seen]
    frames = np.arange(first, last + 1)
    return Track(number, frames, np.array(times_s)[frames], landmarks2d, landmarks3d, boxes, observed, exchanged)
