"""SPS-Net against its paper: sizes, attention, forecast and fusion, one shape for a window."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.models.frame_features import Estimate, FrameFeatures
from backend.models.self_attention import SelfAttention
from backend.models.sliding_window import run
from backend.models.sps_net import LANDMARK, FeatureFusion, SPSNet, SPSNetConfig
from backend.models.temporal_network import Frames

from .tiny import FEATURES, features

#: HMR, that is ResNet-50 without its classifier and a regressor.
HMR = 26_977_501
REGRESSOR = 3_469_469
N = 32


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture
def network() -> SPSNet:
    torch.manual_seed(0)
    return SPSNet(SPSNetConfig(features=FEATURES, hidden=64)).eval()


def window(network: SPSNet, clip: FrameFeatures, inside: torch.Tensor | None = None) -> Estimate:
    indices = torch.arange(-1, len(clip) - 1).expand(clip.observed.shape)
    inside = torch.ones_like(clip.observed) if inside is None else inside
    return network.over_window(Frames(network.per_frame(clip), clip.observed, inside, indices))


def test_the_papers_table_of_parameters() -> None:
    with torch.device("meta"):
        network = SPSNet()
    assert parameters(network.attention) == 16_785_408
    assert parameters(network.forecasting) == 4_196_352
    assert parameters(network.fusion) == 2_049
    assert parameters(network.regressor) == REGRESSOR
    assert parameters(network) + HMR == 51_430_779
    without_forecast = parameters(network) - parameters(network.forecasting) - parameters(network.fusion)
    assert round((without_forecast + HMR) / 1e6, 2) == 47.23
    without_attention = parameters(network) - parameters(network.attention) - parameters(network.fusion)
    assert without_attention + HMR == 34_643_322


def test_the_landmark_network_is_small() -> None:
    with torch.device("meta"):
        assert parameters(SPSNet(LANDMARK)) < 5_000_000


def test_the_papers_window() -> None:
    with torch.device("meta"):
        window = SPSNet().window
    assert len(window.outputs) == N
    assert (window.length, window.first, window.outputs[0]) == (33, -1, 1), "one frame more, to forecast the first"


@given(seed=st.integers(0, 1000), hidden=st.integers(0, N - 1))
def test_attention_sums_to_one_and_leaves_out_occluded_frames(seed: int, hidden: int) -> None:
    torch.manual_seed(seed)
    attention = SelfAttention(8)
    f = torch.randn(2, N, 8)
    visible = torch.rand(2, N) < 0.7
    visible[:, hidden] = False
    h, a = attention.latent(f, *attention.vectors(f), visible)
    assert torch.allclose(a.sum(-1), torch.ones(2, N), atol=1e-5)
    assert (a.transpose(1, 2)[~visible] == 0).all()
    assert torch.allclose(h, f + torch.einsum("bil,bld->bid", a, f), atol=1e-5)


def test_an_occluded_frame_looks_at_frames_that_do_not_look_at_it() -> None:
    """The two attention networks make attention antisymmetric, which one could not (section 3.2)."""
    attention = SelfAttention(2).double()
    for module in (attention.Q, attention.K):
        for layer in (module[0], module[2]):
            torch.nn.init.eye_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
    torch.nn.init.zeros_(attention.Q[0].weight)
    torch.nn.init.ones_(attention.Q[0].bias)  # all look for the same
    f = torch.tensor([[[0.0, 0.0], [9.0, 9.0]]], dtype=torch.float64)  # occluded, seen
    _, a = attention.latent(f, *attention.vectors(f))
    assert torch.allclose(a[0, :, 1], torch.ones(2, dtype=torch.float64))


@given(seed=st.integers(0, 1000))
def test_attention_does_not_know_which_way_time_runs(seed: int) -> None:
    torch.manual_seed(seed)
    attention = SelfAttention(8).double()
    f = torch.randn(2, N, 8, dtype=torch.float64)
    assert torch.allclose(attention(f.flip(1)), attention(f).flip(1), atol=1e-12)


@torch.no_grad()
def test_nobody_attends_to_frames_in_which_the_person_was_not_seen(network: SPSNet) -> None:
    clip = features(N + 1, seed=1)
    observed = torch.ones_like(clip.observed)
    observed[:, 10:14] = False
    clip = replace(clip, observed=observed)
    before = window(network, clip)
    assert (before.auxiliary["attention"][0, :, 9:13] == 0).all()
    other = clip.global_features.clone()
    other[:, 10:14] = torch.randn(1, 4, FEATURES, generator=torch.Generator().manual_seed(2))
    after = window(network, replace(clip, global_features=other))
    # their own answers change, of course; nobody else's, not even by a forecast, nor the shape
    elsewhere = [frame for frame in range(N) if not 9 <= frame < 13]
    assert torch.equal(before.pose6d[:, elsewhere], after.pose6d[:, elsewhere])
    assert torch.equal(before.camera[:, elsewhere], after.camera[:, elsewhere])
    assert torch.equal(before.betas, after.betas)
    assert not torch.equal(before.pose6d, after.pose6d)


@torch.no_grad()
def test_copies_beyond_the_sequence_get_no_attention(network: SPSNet) -> None:
    clip = features(N + 1, seed=3)
    inside = torch.ones_like(clip.observed)
    inside[:, 20:] = False
    assert (window(network, clip, inside).auxiliary["attention"][0, :, 19:] == 0).all()


@torch.no_grad()
def test_the_first_frame_comes_from_attention_alone(network: SPSNet) -> None:
    clip = features(N + 1, seed=4)
    inside = torch.ones_like(clip.observed)
    inside[:, 0] = False
    other = clip.global_features.clone()
    other[:, 0] = 5.0
    changed = replace(clip, global_features=other)
    begun, begun_changed = window(network, clip, inside), window(network, changed, inside)
    assert torch.equal(begun.pose6d, begun_changed.pose6d), "what stands before the sequence is not read"
    f = clip.global_features[:, 1:]
    pose6d, _, camera = network.regressor(network.attention(f)[:, :1])
    assert torch.allclose(begun.pose6d[:, :1], pose6d, atol=1e-6)
    assert torch.allclose(begun.camera[:, :1], camera, atol=1e-6)
    # within a sequence the frame before forecasts the first, and no other
    within, within_changed = window(network, clip), window(network, changed)
    assert not torch.allclose(within.pose6d[:, :1], within_changed.pose6d[:, :1], atol=1e-4)
    assert torch.equal(within.pose6d[:, 1:], within_changed.pose6d[:, 1:])


@given(seed=st.integers(0, 1000))
def test_fusion_weighs_two_features_and_takes_what_there_is(seed: int) -> None:
    torch.manual_seed(seed)
    fusion = FeatureFusion(6).double()
    h, forecast = torch.randn(2, 1, 5, 6, dtype=torch.float64).unbind()
    known = torch.tensor([[False, True, True, False, True]])
    fused = fusion(h, forecast, known)
    assert torch.equal(fused[~known], h[~known])
    weight = torch.sigmoid(fusion.fc(h) - fusion.fc(forecast))  # the softmax of two
    assert torch.allclose(fused[known], (weight * h + (1 - weight) * forecast)[known])
    assert torch.allclose(fusion(h, h, known), h), "where both say the same, so does their fusion"


@torch.no_grad()
def test_one_shape_for_a_window_read_from_all_of_it(network: SPSNet) -> None:
    clip = features(N + 1, seed=5, batch=2)
    estimate = window(network, clip)
    assert torch.equal(estimate.betas, estimate.betas[:, :1].expand_as(estimate.betas))
    assert not torch.allclose(estimate.betas[0], estimate.betas[1], atol=1e-5)
    for frame in (1, 17, 32):
        other = clip.global_features.clone()
        other[:, frame] += 1.0
        changed = window(network, replace(clip, global_features=other))
        assert not torch.allclose(estimate.betas, changed.betas, atol=1e-6)


@torch.no_grad()
def test_the_shape_is_what_the_regressor_finds_for_the_mean_fused_feature(network: SPSNet) -> None:
    clip = features(N + 1, seed=6)
    f = clip.global_features
    fused = network.fusion(network.attention(f[:, 1:]), network.forecasting(f[:, :-1]), clip.observed[:, 1:])
    _, beta, _ = network.regressor(fused.mean(1))
    assert torch.allclose(window(network, clip).betas[:, 0], beta, atol=1e-6)


def test_the_forecast_is_of_the_frame_after(network: SPSNet) -> None:
    """A sequence that grows by one each frame, and a forecast that adds one, agree everywhere."""
    layer = network.forecasting[0]
    assert isinstance(layer, torch.nn.Linear)
    torch.nn.init.eye_(layer.weight)
    torch.nn.init.ones_(layer.bias)
    growing = torch.arange(N + 1.0)[None, :, None].expand(1, -1, FEATURES)
    observed = torch.ones(1, N + 1, dtype=torch.bool)
    observed[:, 5] = False
    auxiliary = window(network, FrameFeatures(growing, observed)).auxiliary
    assert torch.allclose(auxiliary["forecast"], auxiliary["features"])
    counted = [frame for frame in range(N) if frame not in (4, 5)]
    assert auxiliary["forecast_counts"][0].nonzero().flatten().tolist() == counted


@torch.no_grad()
def test_two_windows_agree_on_a_constant_sequence(network: SPSNet) -> None:
    one = features(1, seed=7)
    constant = FrameFeatures(one.global_features.expand(1, 49, FEATURES), torch.ones(1, 49, dtype=torch.bool))
    inside = torch.ones(1, N + 1, dtype=torch.bool)
    inside[:, 0] = False
    first = window(network, constant.frames(0, N + 1), inside)
    second = window(network, constant.frames(16, N + 17))
    for name in ("pose6d", "betas", "camera"):
        # frames 16 to 31; the very first frame has no forecast
        assert torch.allclose(getattr(first, name)[:, 16:], getattr(second, name)[:, :16], atol=1e-6), name


@torch.no_grad()
def test_the_runner_fades_from_one_window_to_the_next(network: SPSNet) -> None:
    clip = features(60, seed=8)
    before = torch.cat((clip.global_features[:, :1], clip.global_features), dim=1)
    padded = FrameFeatures(before, torch.ones(1, 61, dtype=torch.bool))
    inside = torch.ones(1, N + 1, dtype=torch.bool)
    inside[:, 0] = False
    first = window(network, padded.frames(0, N + 1), inside)
    second = window(network, padded.frames(16, N + 17))
    estimate = run(network, clip)
    assert torch.allclose(estimate.camera[:, :16], first.camera[:, :16], atol=1e-5)
    part = torch.arange(1, 17)[:, None] / 17  # of the second; a window's ends count one, its middle sixteen
    camera = torch.lerp(first.camera[:, 16:], second.camera[:, :16], part)
    assert torch.allclose(estimate.camera[:, 16:32], camera, atol=1e-5)
    betas = torch.lerp(first.betas[:, 16:], second.betas[:, :16], part)
    assert torch.allclose(estimate.betas[:, 16:32], betas, atol=1e-5)
