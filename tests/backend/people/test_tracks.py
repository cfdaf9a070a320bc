"""What a track tells of itself."""

import numpy as np

from backend.people.tracks import Track


def test_a_person_is_as_large_as_the_longer_side_of_their_box() -> None:
    boxes = np.array([[5.0, 5, 30, 80], [5, 5, 90, 40], [np.nan] * 4, [5, 5, 0.2, 0.1]])
    count = len(boxes)
    observed = np.isfinite(boxes[:, 0])
    track = Track(0, np.arange(count), np.arange(count) / 30, np.zeros((count, 33, 3)), np.zeros((count, 33, 3)),
                  boxes, observed)  # fmt: skip
    assert track.heights_px.tolist() == [80.0, 90.0, 1.0, 1.0]
