"""What a track tells of itself."""

import numpy as np
import pytest

from backend.people.tracks import LANDMARK_MIRROR, Track


def test_a_person_is_as_large_as_the_longer_side_of_their_box() -> None:
    boxes = np.array([[5.0, 5, 30, 80], [5, 5, 90, 40], [np.nan] * 4, [5, 5, 0.2, 0.1]])
    count = len(boxes)
    observed = np.isfinite(boxes[:, 0])
    track = Track(0, np.arange(count), np.arange(count) / 30, np.zeros((count, 33, 3)), np.zeros((count, 33, 3)),
                  boxes, observed)  # fmt: skip
    assert track.heights_px.tolist() == [80.0, 90.0, 1.0, 1.0]


@pytest.mark.parametrize("chosen", [slice(1, 3), np.array([1, 2])], ids=["a slice", "numbers"])
@pytest.mark.parametrize("looked", [True, False], ids=["looked into a mirror", "did not look"])
def test_some_of_the_frames(chosen: slice | np.ndarray, looked: bool) -> None:
    def numbered(*shape: int) -> np.ndarray:
        return np.arange(float(np.prod((4, *shape)))).reshape(4, *shape)

    exchanged = np.eye(4, dtype=bool) if looked else None
    track = Track(
        3, np.arange(7, 11), numbered(), numbered(33, 3), -numbered(33, 3), numbered(4), np.eye(4)[1] > 0, exchanged
    )
    cut = track.of_frames(chosen)
    assert (cut.person, cut.frames.tolist(), cut.timestamps_s.tolist()) == (3, [8, 9], [1.0, 2.0])
    assert cut.observed.tolist() == [True, False]
    for name in ("landmarks2d", "landmarks3d", "boxes"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(track, name)[1:3])
    if looked:
        np.testing.assert_array_equal(cut.exchanged, np.eye(4)[1:3])
    else:
        assert cut.exchanged is None


def test_in_a_mirror_sides_change_and_the_nose_stays() -> None:
    assert sorted(LANDMARK_MIRROR) == list(range(33))
    assert LANDMARK_MIRROR[0] == 0
    assert all(LANDMARK_MIRROR[other] == place for place, other in enumerate(LANDMARK_MIRROR))
    assert all(LANDMARK_MIRROR[place] != place for place in range(1, 33))
