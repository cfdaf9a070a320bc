"""What a network sees of a person's pictures: a backbone's features of the square about them, frame by frame."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.footage import Footage, FootageError, Frame, Image
from backend.models import crop_camera
from backend.models.frame_features import FrameFeatures
from backend.people.tracks import Track

from .crops import cut, square_boxes
from .feature_cache import FeatureCache
from .image_backbones.backbone import ImageBackbone, weights_sha256

Floats = NDArray[np.floating[Any]]
#: Frames that are looked at together. Maps of 720 x 64 x 64 take 12 MB each.
FRAMES_AT_ONCE = 16
#: Counts up whenever crops or backbones come to give other numbers, so that none are taken for those of before.
_CACHE_VERSION = 1
#: Times of the same frame differ by less.
_SAME_TIME_S = 1e-4


def image_features(
    footage: Footage, track: Track, K: Tensor, backbone: ImageBackbone, with_maps: bool, cache: FeatureCache
) -> Iterator[FrameFeatures]:
    """The features of a track, in pieces, so that memory does not grow with its length.

    Footage is read from the first frame on whose features are not in the cache. Frames in which the person was not
    observed are not looked at; zeros stand for their features.

    Args:
        footage: in which the track was found.
        track: of one person; its frames may be every second one of the footage's, or the like.
        K: (3, 3) intrinsics of the footage, pixels.
        backbone: in evaluation mode. The work is done where it lies.
        with_maps: whether local maps are wanted.
        cache: where features are kept.

    Yields:
        (1, any number of frames, ...), in order: global features, box information and, if wanted, local maps.

    Raises:
        FootageError: if the footage cannot be read, or lacks a frame of the track.
    """
    squares = square_boxes(track.boxes)
    reader = _Reader(footage)
    shapes: dict[str, tuple[int, ...]] = {"global_features": (backbone.feature_size,)}
    if with_maps:
        shapes["local_maps"] = backbone.map_shape
    expected_bytes = 4 * int(track.observed.sum()) * sum(map(math.prod, shapes.values()))
    made_by = f"{type(backbone).__name__} {backbone.crop_px} {weights_sha256(backbone)} {footage.sha256}"
    device = next(backbone.parameters()).device
    for begin in range(0, len(track), FRAMES_AT_ONCE):
        piece = slice(begin, begin + FRAMES_AT_ONCE)
        observed = track.observed[piece]
        times_s, seen = track.timestamps_s[piece][observed], squares[piece][observed]
        key = _key(made_by, times_s, seen)
        arrays = cache.read(key, {name: (len(seen), *shape) for name, shape in shapes.items()})
        if arrays is None:
            arrays = _look(backbone, reader.images(times_s), seen, shapes)
            if expected_bytes <= cache.limit_bytes:  # else the last pieces would drive out the first
                cache.write(key, arrays)
        boxes = torch.from_numpy(np.nan_to_num(squares[piece])).to(K)[None]
        yield FrameFeatures(
            **{name: _spread(array, observed).to(device) for name, array in arrays.items()},
            observed=torch.from_numpy(observed.copy())[None].to(device),
            box_information=crop_camera.box_information(boxes, K).float().to(device),
        )


def _key(made_by: str, times_s: Floats, squares: Floats) -> str:
    digest = hashlib.sha256(f"{_CACHE_VERSION} {made_by} {len(squares)}\n".encode())
    digest.update(times_s.astype("<f8").tobytes())
    digest.update(squares.astype("<f8").tobytes())
    return digest.hexdigest()


@torch.no_grad()
def _look(
    backbone: ImageBackbone, images: Iterator[Image], squares: Floats, shapes: dict[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """(n, ...) features by name. Pictures are cut as they come, so that no two are in memory."""
    crops = [cut(image, square, backbone.crop_px) for image, square in zip(images, squares, strict=True)]
    if not crops:
        return {name: np.zeros((0, *shape), np.float32) for name, shape in shapes.items()}
    seen = backbone(torch.stack(crops).to(next(backbone.parameters()).device))
    return {name: getattr(seen, name).float().cpu().numpy() for name in shapes}


def _spread(array: NDArray[np.float32], observed: NDArray[np.bool_]) -> Tensor:
    """(n, ...) -> (1, T, ...), zeros where nothing was observed."""
    spread = np.zeros((1, len(observed), *array.shape[1:]), np.float32)
    spread[0, observed] = array
    return torch.from_numpy(spread)


class _Reader:
    """Reads footage once and forwards, from the first frame that is asked for."""

    def __init__(self, footage: Footage) -> None:
        self._footage = footage
        self._frames: Iterator[Frame] | None = None

    def images(self, times_s: Floats) -> Iterator[Image]:
        """The pictures of these times, all later than those asked for before."""
        for time_s in times_s:
            if self._frames is None:
                self._frames = self._footage.frames(float(time_s))
            frame = next((frame for frame in self._frames if frame.timestamp_s > time_s - _SAME_TIME_S), None)
            if frame is None or frame.timestamp_s > time_s + _SAME_TIME_S:
                raise FootageError(
                    f"{self._footage.name}: the frame at {time_s:.3f} s, in which the person was found, is not there "
                    "any more. Capture the footage again."
                )
            yield frame.image
