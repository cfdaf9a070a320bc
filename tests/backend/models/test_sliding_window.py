"""The runner, with a network whose answers are known: the mean of the window, as the shape's first number."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backend.models import rotation6d
from backend.models.frame_features import Estimate, FrameFeatures, concatenate
from backend.models.sliding_window import run, stream
from backend.models.temporal_network import FeatureError, Frames, TemporalNetwork, Window, one_frame_out


class WindowMean(TemporalNetwork):
    """Answers with the window's mean and tells whether all of it was observed and inside the sequence."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window
        self.frames_worked_on = 0

    def per_frame(self, features: FrameFeatures) -> dict[str, Tensor]:
        self.frames_worked_on += len(features)
        return {"value": features.global_features}

    def over_window(self, frames: Frames) -> Estimate:
        value = frames.work["value"]
        outputs = list(self.window.outputs)
        betas = torch.zeros(len(value), len(outputs), 10)
        betas[..., 0] = value[..., 0].mean(1, keepdim=True)
        betas[..., 1] = value[:, outputs, 0]
        betas[..., 2] = (frames.inside & frames.observed).all(1, keepdim=True).float()
        pose6d = rotation6d.identity(len(value), len(outputs), 24)
        return Estimate(pose6d, betas, torch.zeros(*betas.shape[:2], 3), frames.frame_indices[:, outputs])


ONE_OUT = one_frame_out(16, 8)
ALL_OUT = Window(16, 15, range(16), 0)
HALF_OVERLAP = Window(32, 16, range(32), 0)


def features(values: list[float], observed: list[bool] | None = None) -> FrameFeatures:
    seen = torch.tensor([observed if observed is not None else [True] * len(values)])
    return FrameFeatures(torch.tensor(values)[None, :, None], seen)


@pytest.mark.parametrize("window", [ONE_OUT, ALL_OUT, HALF_OVERLAP])
@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 100])
def test_every_frame_is_answered_for_once_in_order(window: Window, length: int) -> None:
    network = WindowMean(window)
    estimate = run(network, features([float(i) for i in range(length)]))
    assert estimate.frame_indices.tolist() == [list(range(length))]
    assert torch.allclose(estimate.betas[0, :, 1], torch.arange(length).float())
    assert network.frames_worked_on == length, "work on a frame is shared by the windows that see it"


def test_a_window_sees_copies_of_the_border_frames() -> None:
    values = [float(i * i) for i in range(20)]
    estimate = run(WindowMean(ONE_OUT), features(values))
    for frame in range(20):
        seen = [values[min(max(i, 0), 19)] for i in range(frame - 8, frame + 8)]
        assert estimate.betas[0, frame, 0].item() == pytest.approx(sum(seen) / 16, rel=1e-5)
        assert estimate.betas[0, frame, 2].item() == float(8 <= frame <= 12)


def test_border_frames_get_the_mean_of_neighbouring_windows() -> None:
    values = [float(i) for i in range(31)]
    estimate = run(WindowMean(ALL_OUT), features(values))
    first, second = sum(values[:16]) / 16, sum(values[15:]) / 16
    assert estimate.betas[0, 14, 0].item() == pytest.approx(first)
    assert estimate.betas[0, 15, 0].item() == pytest.approx((first + second) / 2)
    assert estimate.betas[0, 16, 0].item() == pytest.approx(second)


def test_overlapping_windows_fade_into_each_other() -> None:
    """A window's weight grows from its ends to its middle, frame by frame."""
    values = [float(i) for i in range(24)]
    window = Window(16, 8, range(16), 0)
    estimate = run(WindowMean(window), features(values))
    first, second = sum(values[:16]) / 16, sum(values[8:]) / 16
    for frame in range(8, 16):
        weights = 16 - frame, frame - 7
        expected = (weights[0] * first + weights[1] * second) / sum(weights)
        assert estimate.betas[0, frame, 0].item() == pytest.approx(expected, rel=1e-5)
    assert estimate.betas[0, 7, 0].item() == pytest.approx(first)


@pytest.mark.parametrize("window", [ONE_OUT, ALL_OUT, HALF_OVERLAP])
@given(
    values=st.lists(st.floats(-9, 9, width=16), min_size=1, max_size=120),
    cuts=st.lists(st.integers(0, 120), max_size=6),
    at_once=st.integers(1, 9),
)
def test_in_pieces_it_is_the_same_as_whole(window: Window, values: list[float], cuts: list[int], at_once: int) -> None:
    whole = features(values)
    borders = sorted({0, len(values), *(min(cut, len(values)) for cut in cuts)})
    pieces = [whole.frames(begin, end) for begin, end in pairwise(borders)]
    streamed = concatenate(list(stream(WindowMean(window), pieces, at_once)))
    together = run(WindowMean(window), whole)
    assert streamed.frame_indices.tolist() == together.frame_indices.tolist()
    assert torch.allclose(streamed.betas, together.betas, atol=1e-5)


def test_what_stands_in_unobserved_frames_is_never_seen() -> None:
    observed = [i % 7 < 4 for i in range(40)]
    values = [float(i) for i in range(40)]
    spoilt = [value if seen else math.nan for value, seen in zip(values, observed, strict=True)]
    estimate = run(WindowMean(ONE_OUT), features(spoilt, observed))
    held = [float(max(j for j in range(i + 1) if observed[j])) for i in range(40)]
    assert estimate.betas[0, :, 1].tolist() == held
    assert estimate.betas[0, :, 2].sum() == 0


def test_memory_does_not_grow_with_the_sequence() -> None:
    kept: list[int] = []

    class Watching(WindowMean):
        def over_window(self, frames: Frames) -> Estimate:
            kept.append(frames.work["value"].numel())
            return super().over_window(frames)

    pieces = (features([float(i)] * 10) for i in range(300))
    total = sum(estimate.betas.shape[1] for estimate in stream(Watching(ONE_OUT), pieces, 8))
    assert total == 3000
    assert max(kept) <= 8 * 16


def test_refusals_name_what_is_wrong() -> None:
    with pytest.raises(FeatureError, match="no frame"):
        run(WindowMean(ONE_OUT), features([]))
    with pytest.raises(FeatureError, match="first frame"):
        run(WindowMean(ONE_OUT), features([1.0, 2.0], [False, True]))
    network = WindowMean(ONE_OUT)
    network.needs = ("global_features", "local_maps")
    with pytest.raises(FeatureError, match="local_maps"):
        run(network, features([1.0]))
    with pytest.raises(FeatureError, match="16 frames"):
        WindowMean(ONE_OUT)(features([1.0, 2.0]))
