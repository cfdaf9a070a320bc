"""A body that is seen exactly comes near to its landmarks, and the less the more they err."""

from dataclasses import replace

import numpy as np

from backend.demo.choreography import perform
from backend.evaluation.agreement import left_over, table_of_agreement
from backend.people.tracks import Track
from smpl_rig.body import Body

from ..features.performed_track import K, performed_track


def exact(body: Body) -> Track:
    return performed_track(body, np.zeros(10), perform(body.rest_joints(np.zeros(10)), 15.0))


def erring(track: Track, deviation: float) -> Track:
    """By that part of the person's height in every frame anew."""
    landmarks = track.landmarks2d.copy()
    error = np.random.default_rng(0).normal(size=landmarks[..., :2].shape)
    landmarks[..., :2] += deviation * track.heights_px[:, None, None] * error
    return replace(track, landmarks2d=landmarks)


def test_what_is_left_is_what_no_body_explains(body: Body) -> None:
    track = exact(body)
    near, far = left_over(track, K, "mps-net"), left_over(erring(track, 0.03), K, "mps-net")
    assert near < 1.0
    # the mean length of an error of that deviation in either direction is sqrt(pi / 2) of it, 3.8 %
    assert 2.0 < far < 4.5


def test_a_row_for_each_kind(body: Body) -> None:
    track = exact(body).of_frames(slice(12))
    printed = table_of_agreement({"people": [(track, K)], "worse": [(erring(track, 0.03), K)]}, "mps-net", 1)
    *_, people, worse = (line.split() for line in printed.splitlines())
    assert people[:2] == ["people", "1"]
    assert float(people[2]) == float(people[4]) < float(worse[2])
