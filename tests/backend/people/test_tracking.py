"""The rendered body is moved about in front of its own background, and the real models follow it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from backend.demo.clip import RenderedClip
from backend.footage import Frame, open_footage
from backend.people.model_files import HEAVY
from backend.people.tracking import PeopleTracker
from backend.people.tracks import Track

RATE = 20.0
WIDTH, HEIGHT = 640, 360
#: The columns of the picture in which the body is.
BODY = slice(200, 340)
needs_heavy = pytest.mark.skipif(not HEAVY.is_here, reason=f"{HEAVY.name} is absent; limber setup --heavy brings it")
SHARED_FOOTAGE = Path(__file__).resolve().parents[3].parent / "shared" / "footage"


class Stage:
    """Scenes of one or more copies of the rendered body, each at a column."""

    def __init__(self, picture: np.ndarray, hips: float) -> None:
        self._body = picture[:, BODY]
        #: Column of the middle of the hips within a copy.
        self.hips = hips - BODY.start
        self._backdrop = np.repeat(picture[:, 20:21], WIDTH, axis=1)

    def scene(self, columns: Iterable[float]) -> np.ndarray:
        image = self._backdrop.copy()
        for column in columns:
            left = round(column)
            first, last = max(left, 0), min(left + self._body.shape[1], WIDTH)
            if first < last:
                image[:, first:last] = self._body[:, first - left : last - left]
        return image


@pytest.fixture(scope="module")
def stage(rendered: dict) -> Stage:
    golden = rendered["body_0.png"]
    return Stage(golden.image, golden.landmarks[23:25, 0].mean())


def track(images: Iterable[np.ndarray], rate: float = RATE) -> tuple[list[Track], list[int], list[str]]:
    tracker = PeopleTracker(threads=2)
    seen = [tracker.add(Frame(index, index / rate, image)) for index, image in enumerate(images)]
    return tracker.finish(), seen, tracker.warnings


def middle(one: Track) -> np.ndarray:
    """(T,) column of the middle of the hips."""
    return one.landmarks2d[:, 23:25, 0].mean(axis=1)


def assert_sound(tracks: list[Track]) -> None:
    assert [one.person for one in tracks] == list(range(len(tracks)))
    for one in tracks:
        assert (np.diff(one.frames) == 1).all()
        assert one.observed[0]
        assert one.observed[-1]
        assert one.landmarks2d.shape == (len(one), 33, 3)
        assert one.landmarks3d.shape == (len(one), 33, 3)
        assert one.boxes.shape == (len(one), 4)
        assert np.isfinite(one.landmarks2d[one.observed]).all()
        assert np.isfinite(one.landmarks3d[one.observed]).all()
        assert np.isnan(one.landmarks2d[~one.observed, :, :2]).all()
        assert (one.landmarks2d[~one.observed, :, 2] == 0).all()
        assert np.isnan(one.landmarks3d[~one.observed]).all()
        assert np.isnan(one.boxes[~one.observed]).all()


def test_nobody(stage: Stage) -> None:
    tracks, seen, warnings = track(stage.scene([]) for _ in range(15))
    assert tracks == []
    assert seen == [0] * 15
    assert warnings == []


def test_no_frames() -> None:
    assert PeopleTracker(threads=1).finish() == []


def test_somebody_who_walks(stage: Stage) -> None:
    columns = np.linspace(20, 420, 40)
    tracks, seen, warnings = track(stage.scene([column]) for column in columns)
    (walker,) = tracks
    assert_sound(tracks)
    assert seen == [1] * 40
    assert warnings == []
    assert walker.observed.all()
    np.testing.assert_array_equal(walker.frames, np.arange(40))
    np.testing.assert_allclose(walker.timestamps_s, np.arange(40) / RATE)
    off = middle(walker) - np.round(columns) - stage.hips
    assert np.abs(off).max() < 6  # of 290 pixels of height
    x, y, width, height = walker.boxes.T
    assert (x >= np.round(columns) - 5).all()
    assert (x + width <= np.round(columns) + 145).all()
    assert (y > 60).all()
    assert (y + height < HEIGHT + 5).all()


def test_short_gap_is_bridged_and_a_long_one_is_not(stage: Stage) -> None:
    def images(gap: int) -> list[np.ndarray]:
        return [stage.scene([200])] * 12 + [stage.scene([])] * gap + [stage.scene([200])] * 12

    tracks, seen, _ = track(images(round(0.7 * RATE)))
    assert_sound(tracks)
    (one,) = tracks
    assert seen[12 + 6 : 12 + 14] == [0] * 8
    assert not one.observed[12 + 6 : 12 + 14].any()
    assert one.observed[:12].all()
    assert len(one) == 38

    tracks, _, _ = track(images(round(1.5 * RATE)))
    assert_sound(tracks)
    assert len(tracks) == 2
    assert sorted(one.frames[0] for one in tracks)[0] == 0


@pytest.mark.parametrize("backwards", [False, True])
def test_a_moment_after_a_gap_is_no_part_of_the_person(stage: Stage, backwards: bool) -> None:
    here, nobody = [stage.scene([200])], [stage.scene([])]
    images = here * 12 + nobody * 8 + here * 2 + nobody * 4
    tracks, _, _ = track(reversed(images) if backwards else images)
    assert_sound(tracks)
    (one,) = tracks
    assert one.observed.all()
    # landmarks lead on for a moment after the detector sees nobody
    assert 12 <= len(one) <= 12 + 0.25 * RATE + 1


def test_somebody_who_enters_and_leaves(stage: Stage) -> None:
    columns = np.concatenate((np.full(10, -300), np.linspace(-140, 640, 60), np.full(10, 900)))
    tracks, seen, _ = track(stage.scene([column]) for column in columns)
    assert_sound(tracks)
    (one,) = tracks
    wholly_in = np.flatnonzero((columns >= 0) & (columns <= WIDTH - 140))
    assert one.frames[0] <= wholly_in[0] + 0.3 * RATE
    assert one.frames[-1] >= wholly_in[-1]
    assert one.frames[-1] < 75
    assert seen[:10] == [0] * 10
    assert seen[-1] == 0
    trunk = one.landmarks2d[one.observed][:, [11, 12, 23, 24], 0]
    assert (((trunk >= 0) & (trunk < WIDTH)).sum(axis=1) >= 2).all()  # what is left of them makes no person


def test_two_people_the_longer_first(stage: Stage) -> None:
    tracks, seen, _ = track(stage.scene([60] if index < 14 else [60, 400]) for index in range(36))
    assert_sound(tracks)
    first, second = tracks
    assert np.nanmax(middle(first)) < 200
    assert np.nanmin(middle(second)) > 400
    assert len(first) == 36
    assert 14 <= second.frames[0] <= 14 + 0.5 * RATE + 1
    assert seen[-1] == 2


def test_two_people_who_cross_keep_their_numbers(stage: Stage) -> None:
    count = 50
    right, left = np.linspace(0, 480, count), np.linspace(480, 0, count)
    tracks, _, _ = track(stage.scene(pair) for pair in zip(right, left, strict=True))
    assert_sound(tracks)
    assert len(tracks) == 2
    for one in tracks:
        way = (right if middle(one)[0] < WIDTH / 2 else left) + stage.hips
        off = np.abs(middle(one) - way[one.frames])
        assert np.nanmedian(off) < 6
        assert off[-1] < 10
    assert sorted(middle(one)[0] < middle(one)[-1] for one in tracks) == [False, True]


def test_a_moment_is_no_person(stage: Stage) -> None:
    tracks, seen, warnings = track([stage.scene([200])] * 3 + [stage.scene([])] * 30)
    assert tracks == []
    assert seen[:3] == [1, 1, 1]
    assert warnings == ["1 appearance was too short or too broken to be followed."]


@pytest.mark.parametrize("frames", [1, 3])
def test_footage_of_a_moment_shows_people(stage: Stage, frames: int) -> None:
    tracks, _, warnings = track([stage.scene([200])] * frames)
    assert_sound(tracks)
    assert [len(one) for one in tracks] == [frames]
    assert warnings == []


def test_a_lower_rate_follows_too(stage: Stage) -> None:
    columns = np.linspace(20, 420, 20)
    tracks, _, _ = track((stage.scene([column]) for column in columns), rate=8.0)
    (one,) = tracks
    assert one.observed.all()
    assert len(one) == 20


@pytest.mark.parametrize("detector", ["full", pytest.param("heavy", marks=needs_heavy)])
def test_the_far_man_and_the_woman_are_two(detector: str) -> None:
    """Against the light, partly hidden; he turns a somersault in the air, in which the detector loses him."""
    clip = SHARED_FOOTAGE / "sports2d_demo.mp4"
    if not clip.is_file():
        pytest.skip("shared/footage/sports2d_demo.mp4 is absent")
    tracker = PeopleTracker(2, detector)
    for frame in open_footage(clip).frames(end_s=4.8):
        tracker.add(frame)
    tracks = tracker.finish()
    assert_sound(tracks)
    man, woman = tracks
    assert man.frames[0] < 5
    assert man.observed.mean() > 0.9
    assert woman.frames[0] < 60
    assert woman.observed.mean() > 0.9
    assert np.nanmax(man.landmarks2d[:, 23:25, 1]) < 450  # he stays on the roof
    assert np.nanmin(woman.landmarks2d[:, 23:25, 1]) > 550
    steps = np.diff(middle(woman)[woman.observed])
    assert (steps < 40).all()  # she walks to the left


def followed(clip: RenderedClip, detector: str) -> Track:
    """Whoever is in the first second of a clip."""
    tracker = PeopleTracker(2, detector)
    for frame in open_footage(clip.path).frames(0.0, 1.0):
        tracker.add(frame)
    (person,) = tracker.finish()
    return person


@needs_heavy
def test_the_heavy_landmark_model_sees_the_person_whom_the_full_one_sees(rendered_clip: RenderedClip) -> None:
    full, heavy = (followed(rendered_clip, name) for name in ("full", "heavy"))
    np.testing.assert_array_equal(heavy.frames, full.frames)
    apart = np.linalg.norm((heavy.landmarks2d - full.landmarks2d)[..., :2], axis=-1) / full.boxes[:, None, 3]
    assert 0 < np.median(apart) < 0.03
    assert np.linalg.norm(heavy.landmarks3d - full.landmarks3d, axis=-1).mean() < 0.2
