"""What a track tells of itself."""

import numpy as np

from backend.people.tracks import LANDMARK_MIRROR, Track


def test_a_person_is_as_large_as_the_longer_side_of_their_box() -> None:
    boxes = np.array([[5.0, 5, 30, 80], [5, 5, 90, 40], [np.nan] * 4, [5, 5, 0.2, 0.1]])
    count = len(boxes)
    observed = np.isfinite(boxes[:, 0])
    track = Track(0, np.arange(count), np.arange(count) / 30, np.zeros((count, 33, 3)), np.zeros((count, 33, 3)),
                  boxes, observed)  # fmt: skip
    assert track.heights_px.tolist() == [80.0, 90.0, 1.0, 1.0]


def test_in_a_mirror_sides_change_and_the_nose_stays() -> None:
    assert sorted(LANDMARK_MIRROR) == list(range(33))
    assert LANDMARK_MIRROR[0] == 0
    assert all(LANDMARK_MIRROR[other] == place for place, other in enumerate(LANDMARK_MIRROR))
    assert all(LANDMARK_MIRROR[place] != place for place in range(1, 33))
