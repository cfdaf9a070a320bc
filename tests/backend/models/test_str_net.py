import cmath
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from backend.models import rotation6d
from backend.models.frame_features import FrameFeatures
from backend.models.sliding_window import run
from backend.models.str_net import (
    LANDMARK,
    PAPER,
    Integration,
    IntegrationStrategies,
    SpatialTendencyEnhancing,
    STRNet,
    STRNetConfig,
    TemporalTendencyReasoning,
)

from .tiny import TINY, features

CHANNELS = 6
Floats = NDArray[np.float64]


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    torch.manual_seed(0)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def array(tensor: Tensor) -> Floats:
    return tensor.detach().double().numpy()


def close(tensor: Tensor, expected: Floats) -> bool:
    return np.allclose(array(tensor), expected, atol=1e-5)


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def plain_gru(gru: nn.GRU, inputs: Floats) -> Floats:
    """Cho et al.'s cell in both directions, step by step: (frames, C) -> (frames, C)."""

    def direction(suffix: str, steps: Floats) -> list[Floats]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_x, w_h, b_x, b_h = (array(getattr(gru, f"{name}_l0{suffix}")) for name in names)
        h, states = np.zeros(gru.hidden_size), []
        for x in steps:
            r_x, z_x, n_x = np.split(w_x @ x + b_x, 3)
            r_h, z_h, n_h = np.split(w_h @ h + b_h, 3)
            r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
            h = (1 - z) * np.tanh(n_x + r * n_h) + z * h
            states.append(h)
        return states

    forth, back = direction("", inputs), direction("_reverse", inputs[::-1])[::-1]
    return np.concatenate((forth, back), axis=1)


def plain_weights(network: Integration, members: list[Floats]) -> Floats:
    hidden = np.concatenate([array(network.reduce.weight) @ member + array(network.reduce.bias) for member in members])
    for layer in network.weigh:
        if isinstance(layer, nn.Linear):
            hidden = array(layer.weight) @ np.maximum(hidden, 0) + array(layer.bias)
    exponentials = np.exp(hidden)
    return exponentials / exponentials.sum()


def plain_integration(network: Integration, members: list[Floats], seen: list[bool] | None = None) -> Floats:
    weights = plain_weights(network, members)
    if seen is not None and any(seen):
        weights = weights * seen
        weights = weights / weights.sum()
    return sum(weight * member for weight, member in zip(weights, members, strict=True))


def plain_ttr(network: TemporalTendencyReasoning, F: Floats) -> Floats:
    fragments = [F[0:4], F[4:8], F[8:12], F[12:16]]
    reasoned = [plain_gru(gru, fragment) for gru, fragment in zip(network.grus, fragments[1:], strict=True)]
    results = np.zeros_like(F)
    for t in range(16):
        results[t] = fragments[0][t % 4]
        for i in range(1, t // 4 + 1):
            results[t] += reasoned[i - 1][t % 4]
    return F + results


def plain_ste(network: SpatialTendencyEnhancing, F: Floats) -> tuple[Floats, Floats]:
    kernel = array(network.convolution.weight)[:, 0]  # (C, 3)
    S = np.zeros_like(F)
    for t in range(16):
        for c in range(F.shape[1]):
            S[t, c] = sum(kernel[c, k] * F[min(max(t + k - 1, 0), 15), c] for k in range(3))
    M_1 = np.array([(S[t + 1] - S[t]) - (F[t + 1] - F[t]) for t in range(15)])
    F_G = plain_gru(network.gru, F)
    F_fft = np.zeros_like(F)
    gains = array(network.gains)
    for c in range(F.shape[1]):
        spectrum = [sum(F[t, c] * cmath.exp(-2j * math.pi * k * t / 16) for t in range(16)) for k in range(16)]
        for t in range(16):
            terms = [gains[min(k, 16 - k)] * spectrum[k] * cmath.exp(2j * math.pi * k * t / 16) for k in range(16)]
            F_fft[t, c] = sum(terms).real / 16
    M_2 = F_G - F
    return F_G * sigmoid(M_1.mean(0)), plain_gru(network.gru, F_fft) * sigmoid(M_2.mean(0))


def plain_strategies(network: IntegrationStrategies, F: Floats, seen: list[bool]) -> tuple[Floats, Floats]:
    parts = [plain_gru(network.gru, F[:8]), plain_gru(network.gru, F[8:])]
    ends, ends_seen = [], []
    for part, part_seen in zip(parts, (seen[:8], seen[8:]), strict=True):
        members, members_seen = list(part), part_seen
        while len(members) > 1:
            pairs = range(0, len(members), 2)
            members, members_seen = (
                [plain_integration(network.integration, members[i : i + 2], members_seen[i : i + 2]) for i in pairs],
                [any(members_seen[i : i + 2]) for i in pairs],
            )
        ends.append(members[0])
        ends_seen.append(members_seen[0])
    F_SF = plain_integration(network.integration, ends, ends_seen)
    F_CF = [
        plain_integration(network.integration, [parts[0][t % 8], parts[1][t % 8]], [seen[t % 8], seen[t % 8 + 8]])
        for t in range(16)
    ]
    return np.tile(F_SF, (16, 1)), np.array(F_CF)


def parameter_count(config: STRNetConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in STRNet(config).parameters())


def test_the_paper_s_sizes() -> None:
    gru = 2 * 3 * (2048 * 1024 + 1024 * 1024 + 2 * 1024)  # two directions of three gates

    def integration(members: int) -> int:
        reduce = 2048 * 256 + 256
        return reduce + (members * 256 * 256 + 256) + (256 * 256 + 256) + (256 * members + members)

    convolution, gains = 3 * 2048, 9
    regressor = 3_469_469  # SPIN's
    count = 5 * gru + convolution + gains + 2 * integration(3) + integration(2) + regressor
    assert parameter_count(PAPER) == count
    resnet_50, smpl_pose = 23_508_032, 5_248
    assert round((count + resnet_50 + regressor + smpl_pose) / 1e6, 2) == 127.19, "what the authors state"


def test_the_compact_one_is_compact() -> None:
    assert parameter_count(LANDMARK) < 5_000_000


@torch.no_grad()
def test_ttr_adds_up_the_fragments() -> None:
    network, F = TemporalTendencyReasoning(CHANNELS), noise(2, 16, CHANNELS)
    found = network(F)
    for clip in range(2):
        assert close(found[clip], plain_ttr(network, array(F[clip])))


@torch.no_grad()
def test_ste_enhances_in_time_and_in_frequency() -> None:
    network, F = SpatialTendencyEnhancing(CHANNELS), noise(2, 16, CHANNELS)
    network.gains.copy_(torch.linspace(0.5, 2, 9))
    first, second = network(F)
    for clip in range(2):
        expected = plain_ste(network, array(F[clip]))
        assert close(first[clip], expected[0])
        assert close(second[clip], expected[1])


@torch.no_grad()
def test_there_is_no_difference_where_nothing_moves() -> None:
    network = SpatialTendencyEnhancing(CHANNELS)
    still = noise(1, 1, CHANNELS).expand(1, 16, CHANNELS)
    assert torch.allclose(network.difference(still), torch.zeros(1, 15, CHANNELS), atol=1e-6)
    assert network.difference(noise(1, 16, CHANNELS)).abs().min() > 0
    enhanced, _ = network(still)
    assert torch.allclose(enhanced, network.gru(still)[0] / 2, atol=1e-6), "the sigmoid of nothing is one half"


@torch.no_grad()
def test_the_frequency_branch_begins_as_the_identity() -> None:
    F = noise(2, 16, CHANNELS)
    assert torch.allclose(SpatialTendencyEnhancing(CHANNELS).highlighted(F), F, atol=1e-6)


@torch.no_grad()
@settings(deadline=None)
@given(
    frequency=st.integers(0, 8),
    gain=st.floats(-3, 3),
    phase=st.floats(0, 6),
    amplitude=st.floats(0.1, 5),
    its_own=st.booleans(),
)
def test_a_gain_scales_its_frequency_only(
    frequency: int, gain: float, phase: float, amplitude: float, its_own: bool
) -> None:
    network = SpatialTendencyEnhancing(CHANNELS)
    t = torch.arange(16, dtype=torch.float64)
    wave = amplitude * torch.cos(2 * math.pi * frequency * t / 16 + phase).float()
    F = wave[None, :, None].expand(1, 16, CHANNELS)
    network.gains[frequency if its_own else (frequency + 3) % 9] = gain
    assert torch.allclose(network.highlighted(F), (gain if its_own else 1.0) * F, atol=1e-5)


@torch.no_grad()
@settings(deadline=None)
@given(
    members=st.integers(2, 4),
    hidden=st.lists(st.integers(0, 3), max_size=4),
    seed=st.integers(0, 1000),
)
def test_weights_of_an_integration_sum_to_one(members: int, hidden: list[int], seed: int) -> None:
    network = Integration(members, CHANNELS, 5)
    sets = noise(7, 3, members, CHANNELS, seed=seed)
    visible = torch.ones(7, 3, members, dtype=torch.bool)
    visible[..., [member for member in hidden if member < members]] = False
    weights = network.weights(sets, visible)
    assert torch.allclose(weights.sum(-1), torch.ones(7, 3))
    if visible.any():
        assert weights[~visible].abs().sum() == 0
        assert (weights[visible] > 0).all()
    else:
        assert torch.equal(weights, network.weights(sets))
    expected = plain_weights(network, [array(member) for member in sets[4, 1]])
    assert close(network.weights(sets)[4, 1], expected)
    same = sets[..., :1, :].expand_as(sets)
    assert torch.allclose(network(same, visible), sets[..., 0, :], atol=1e-5), "of equal members, one is the mean"


@torch.no_grad()
def test_algorithm_1() -> None:
    network, F = IntegrationStrategies(CHANNELS, 5), 3 * noise(4, 16, CHANNELS)
    observed = torch.ones(4, 16, dtype=torch.bool)
    observed[1, [2, 3, 4, 11]] = False
    observed[2, 8:] = False
    observed[3] = False
    F_SF, F_CF = network(F, observed)
    for clip in range(4):
        expected = plain_strategies(network, array(F[clip]), observed[clip].tolist())
        assert close(F_SF[clip], expected[0])
        assert close(F_CF[clip], expected[1])


@torch.no_grad()
def test_the_answer_is_regressed_from_what_is_integrated_last() -> None:
    network = TINY["str-net"]()
    assert isinstance(network, STRNet)
    clip = features(16, seed=1)
    clip.observed[0, [5, 6]] = False
    F = array(clip.global_features[0]) @ array(network.resize.weight).T + array(network.resize.bias)
    three = (plain_ttr(network.ttr, F), *plain_ste(network.ste, F))
    F_STR = [plain_integration(network.integration_str, [branch[t] for branch in three]) for t in range(16)]
    F_SF, F_CF = plain_strategies(network.strategies, F, clip.observed[0].tolist())
    Z = np.array([plain_integration(network.integration, [F_SF[t], F_STR[t], F_CF[t]]) for t in range(16)])
    pose6d, betas, camera = network.regressor(torch.tensor(Z).float())
    estimate = network(clip)
    assert torch.allclose(estimate.pose6d[0], pose6d, atol=1e-5)
    assert torch.allclose(estimate.betas[0], betas, atol=1e-5)
    assert torch.allclose(estimate.camera[0], camera, atol=1e-5)
    assert estimate.frame_indices.tolist() == [list(range(16))]
    assert (pose6d[1:] - pose6d[:-1]).abs().amax((1, 2)).min() > 1e-3, "frames differ"


def test_features_of_the_network_s_own_size_are_read_as_they_are() -> None:
    network = STRNet(STRNetConfig(features=8, channels=8, integration=4, regressor=4))
    given_features = noise(1, 3, 8)
    clip = FrameFeatures(given_features, torch.ones(1, 3, dtype=torch.bool))
    assert torch.equal(network.per_frame(clip)["F"], given_features)


@torch.no_grad()
def test_a_frame_is_answered_for_as_a_part_of_each_fragment() -> None:
    network, clip = TINY["str-net"](), features(40, seed=2)
    whole = run(network, clip)
    answers = [(network(clip.frames(begin, begin + 16)), 21 - begin) for begin in (8, 12, 16, 20)]
    upright = [rotation6d.from_matrix(rotation6d.to_matrix(estimate.pose6d[0, place])) for estimate, place in answers]
    # frames 13, 9, 5 and 1 of their windows, which count by how far they are from the nearer end
    weights = torch.tensor([3.0, 7.0, 6.0, 2.0]) / 18
    mean = rotation6d.from_matrix(rotation6d.to_matrix(torch.tensordot(weights, torch.stack(upright), dims=1)))
    assert not torch.allclose(upright[0], mean, atol=1e-3)
    assert torch.allclose(whole.pose6d[0, 21], mean, atol=1e-5)
    betas = torch.stack([estimate.betas[0, place] for estimate, place in answers])
    assert torch.allclose(whole.betas[0, 21], weights @ betas, atol=1e-5)
