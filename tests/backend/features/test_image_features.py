from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from backend.encoding import VideoWriter
from backend.features import image_features as module
from backend.features.feature_cache import FeatureCache
from backend.features.image_backbones.backbone import CropFeatures, ImageBackbone
from backend.features.image_features import FRAMES_AT_ONCE, image_features
from backend.footage import Footage, FootageError, open_footage
from backend.models.frame_features import FrameFeatures
from backend.people.tracks import Track

from .seen_track import seen_track

FRAMES, WIDTH, HEIGHT = 40, 160, 120
#: Seconds between frames are not all alike.
TIMES_S = np.cumsum([0.0, *np.tile([0.03, 0.05], FRAMES)][:FRAMES])
#: In the middle of the picture, with its square inside.
BOX = np.array([60.0, 40, 30, 40])
K = torch.tensor([[200.0, 0, 80], [0, 200, 60], [0, 0, 1]])


class MeanColour(ImageBackbone):
    """Sees the mean colour of a crop, and of each sixteenth of it, as levels from 0 to 255."""

    crop_px, feature_size, map_shape = 32, 3, (3, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None])
        self.gain = nn.Parameter(torch.tensor(255.0))

    def forward(self, crops: Tensor) -> CropFeatures:
        maps = avg_pool2d(self.gain * (crops * self.deviation + self.mean), 8)
        return CropFeatures(maps.mean((-2, -1)), maps)


def level(frame: int) -> int:
    return 20 + 5 * frame


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """Grey frames, each brighter than the one before, with a white patch where the box has its upper left quarter."""
    path = tmp_path_factory.mktemp("footage") / "brighter.mp4"
    with VideoWriter(path, Fraction(25), quality=4) as writer:
        for frame, time_s in enumerate(TIMES_S):
            picture = np.full((HEIGHT, WIDTH, 3), level(frame), dtype=np.uint8)
            picture[38:60, 53:75] = 255
            writer.add(picture, float(time_s))
    return open_footage(path)


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "features")


def features(
    footage: Footage, track: Track, cache: FeatureCache, with_maps: bool = True, backbone: ImageBackbone | None = None
) -> FrameFeatures:
    pieces = list(image_features(footage, track, K, backbone or MeanColour(), with_maps, cache))
    assert max(map(len, pieces)) <= FRAMES_AT_ONCE
    together: dict[str, list[Tensor]] = {}
    for piece in pieces:
        for name, tensor in piece.tensors().items():
            together.setdefault(name, []).append(tensor)
    return FrameFeatures(**{name: torch.cat(tensors, 1) for name, tensors in together.items()})


def same(one: FrameFeatures, other: FrameFeatures) -> bool:
    """To the last bit."""
    mine, theirs = one.tensors(), other.tensors()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def brightness(found: FrameFeatures) -> Tensor:
    """(T,) of the lower right sixteenth, which the patch does not touch."""
    assert found.local_maps is not None
    return found.local_maps[0, :, 0, 3, 3]


def test_each_frame_is_seen_in_its_own_picture(footage: Footage, cache: FeatureCache) -> None:
    found = features(footage, seen_track(TIMES_S, BOX), cache)
    assert found.global_features.shape == (1, FRAMES, 3)
    assert found.local_maps is not None
    assert found.local_maps.shape == (1, FRAMES, 3, 4, 4)
    assert found.global_features.dtype == torch.float32
    assert not found.global_features.requires_grad
    assert brightness(found).numpy() == pytest.approx([level(frame) for frame in range(FRAMES)], abs=2)
    # a sixteenth that lies in the patch; the square is 44 wide from (53, 38)
    assert found.local_maps[0, :, :, 0, 0].numpy() == pytest.approx(255, abs=2)
    assert found.global_features.numpy() == pytest.approx(found.local_maps.mean((-2, -1)).numpy(), abs=1e-3)


def test_maps_come_only_where_they_are_wanted(footage: Footage, cache: FeatureCache) -> None:
    track = seen_track(TIMES_S, BOX)
    without = features(footage, track, cache, with_maps=False)
    assert without.local_maps is None
    both = features(footage, track, cache)
    assert both.local_maps is not None
    assert torch.equal(without.global_features, both.global_features)


@pytest.mark.parametrize(("first", "step"), [(0, 2), (1, 2), (17, 1), (30, 3)])
def test_a_track_may_begin_anywhere_and_leave_frames_out(
    first: int, step: int, footage: Footage, cache: FeatureCache
) -> None:
    found = features(footage, seen_track(TIMES_S[first::step], BOX), cache)
    expected = [level(frame) for frame in range(first, FRAMES, step)]
    assert brightness(found).numpy() == pytest.approx(expected, abs=2)


def test_frames_without_the_person_are_zeros_and_count_as_not_observed(footage: Footage, cache: FeatureCache) -> None:
    observed = np.ones(FRAMES, dtype=bool)
    observed[5:9] = observed[FRAMES_AT_ONCE : 2 * FRAMES_AT_ONCE] = False  # all of a piece among them
    found = features(footage, seen_track(TIMES_S, BOX, observed), cache)
    assert (found.observed[0].numpy() == observed).all()
    assert (found.global_features[0, ~observed] == 0).all()
    expected = np.array([level(frame) for frame in range(FRAMES)])[observed]
    assert brightness(found)[observed].numpy() == pytest.approx(expected, abs=2)
    assert all(bool(tensor.isfinite().all()) for tensor in found.tensors().values())


def test_the_box_is_told_in_focal_lengths(footage: Footage, cache: FeatureCache) -> None:
    found = features(footage, seen_track(TIMES_S[:2], np.array([[60.0, 40, 30, 40], [0, 10, 50, 20]])), cache)
    assert found.box_information is not None
    # the middle from the principal point, and 1.1 times the longer side
    expected = np.array([[75 - 80, 60 - 60, 44], [25 - 80, 20 - 60, 55]]) / 200
    assert found.box_information[0].numpy() == pytest.approx(expected, abs=1e-6)


def test_what_was_seen_once_is_not_looked_at_again(
    footage: Footage, cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    track, backbone = seen_track(TIMES_S, BOX), MeanColour()
    first = features(footage, track, cache, backbone=backbone)
    gone = replace(footage, path=footage.path.with_name("gone.mp4"))
    assert same(features(gone, track, cache, backbone=backbone), first)

    def must_look(*, at: Footage = gone, track: Track = track, backbone: ImageBackbone = backbone) -> None:
        with pytest.raises(FootageError):
            features(at, track, cache, backbone=backbone)

    must_look(at=replace(gone, sha256="0" * 64))
    must_look(track=seen_track(TIMES_S, BOX + 1))
    must_look(track=seen_track(TIMES_S[1:], BOX))
    other = MeanColour()
    with torch.no_grad():
        other.gain += 1
    must_look(backbone=other)
    monkeypatch.setattr(module, "_CACHE_VERSION", 0)
    must_look()


def test_a_piece_that_was_lost_is_computed_anew(footage: Footage, cache: FeatureCache) -> None:
    track = seen_track(TIMES_S, BOX)
    first = features(footage, track, cache)
    kept = sorted(cache.folder.iterdir())
    assert len(kept) == 3  # 40 frames, 16 at once
    for path in kept:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert same(features(footage, track, cache), first)
        assert path.stat().st_size == len(whole)


def test_a_track_that_is_too_long_for_the_cache_does_not_fill_it(footage: Footage, tmp_path: Path) -> None:
    needed = 4 * FRAMES * (3 + 3 * 4 * 4)
    cache = FeatureCache(tmp_path / "features", limit_bytes=needed - 1)
    found = features(footage, seen_track(TIMES_S, BOX), cache)
    assert len(found) == FRAMES
    assert not cache.folder.exists()


def test_a_frame_that_the_footage_lacks_is_told_by_its_time(footage: Footage, cache: FeatureCache) -> None:
    with pytest.raises(FootageError, match=r"brighter\.mp4: the frame at 0\.040 s"):
        features(footage, seen_track(np.array([0.0, 0.04, 0.08]), BOX), cache)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_sees_what_the_processor_sees(footage: Footage, tmp_path: Path) -> None:
    track = seen_track(TIMES_S, BOX)
    here = features(footage, track, FeatureCache(tmp_path / "processor"))
    there = features(footage, track, FeatureCache(tmp_path / "cuda"), backbone=MeanColour().cuda())
    for name, tensor in there.tensors().items():
        assert tensor.is_cuda, name
        assert torch.allclose(tensor.cpu(), here.tensors()[name], atol=1e-2), name
