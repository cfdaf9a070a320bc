import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.models import rotation6d
from backend.models.frame_features import Estimate, FrameFeatures
from backend.models.sliding_window import run
from backend.models.stc_net import LANDMARK, PAPER, STCNet, STCNetConfig
from backend.models.temporal_network import FeatureError

from .tiny import FEATURES, LOCAL_CHANNELS, TINY, features

MAPS = ("nssm_h", "nssm_pose", "nssm_camera", "am_h", "am_camera")
Floats = NDArray[np.float64]


@pytest.fixture
def network() -> STCNet:
    """With weights large enough that its parts differ from each other."""
    torch.manual_seed(0)
    network = TINY["stc-net"]()
    assert isinstance(network, STCNet)
    with torch.no_grad():
        network.phi_6.weight.copy_(torch.tensor([0.5, -0.2, 0.3, 0.8, 0.1]).view(1, 5, 1, 1))
        network.residual.weight.mul_(30)
    return network


def parameter_count(config: STCNetConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in STCNet(config).parameters())


def test_the_paper_s_sizes() -> None:
    gammas = (144 * 512 + 512) + (3 * 512 + 512) + (16 * 7 * 7 * 2048 + 2048)
    phis = 2 * 512 * 256 + 3 * 2048 * 1024 + 5 + 1024 * 2048
    regressor = 3_469_469  # SPIN's
    theta = 24 * 6 + 10 + 3
    first_layer = 4 * ((2048 + theta) * 2048 + 2048 * 2048 + 2 * 2048)
    other_layers = 2 * 4 * (2 * 2048 * 2048 + 2 * 2048)
    head = 2048 * theta + theta
    assert parameter_count(PAPER) == gammas + phis + regressor + first_layer + other_layers + head


def test_the_compact_one_is_compact() -> None:
    assert parameter_count(LANDMARK) < 5_000_000


def test_what_has_a_size_is_read_and_nothing_else() -> None:
    from_maps = STCNet(
        STCNetConfig(map_channels=LOCAL_CHANNELS, pooled=4, spatial=16, lifted=8, regressor=8, hidden=8)
    ).eval()
    from_vector = STCNet(
        STCNetConfig(map_channels=0, features=FEATURES, spatial=16, lifted=8, regressor=8, hidden=8)
    ).eval()
    clip = features(16)
    for network, read, not_read in (
        (from_maps, "local_maps", "global_features"),
        (from_vector, "global_features", "local_maps"),
    ):
        before = network(clip).pose6d
        for name in (not_read, "initial_betas", "box_information"):
            other = replace(clip, **{name: torch.full_like(getattr(clip, name), 7.0)})
            assert torch.equal(network(other).pose6d, before)
        for name in (read, "initial_pose6d", "initial_camera"):
            other = replace(clip, **{name: getattr(clip, name).flip(1)})
            assert not torch.equal(network(other).pose6d, before)
    with pytest.raises(FeatureError, match="local_maps"):
        from_maps(replace(clip, local_maps=None))
    from_vector(replace(clip, local_maps=None))


@torch.no_grad()
def test_of_the_maps_the_mean_of_each_square_is_read(network: STCNet) -> None:
    clip = features(16)
    assert clip.local_maps is not None
    squares = clip.local_maps.unflatten(-1, (4, 4)).unflatten(-3, (4, 4))  # (1, 16, 8, 4, 4, 4, 4): row, in it, column
    shuffled = squares.flip(-1).flip(-3).flatten(-4, -3).flatten(-2)
    h = network.per_frame(clip)["h"]
    assert not torch.equal(shuffled, clip.local_maps)
    assert torch.allclose(network.per_frame(replace(clip, local_maps=shuffled))["h"], h, atol=1e-5)
    moved = squares.flip(-2).flatten(-4, -3).flatten(-2)
    assert not torch.allclose(network.per_frame(replace(clip, local_maps=moved))["h"], h, atol=1e-2)


@torch.no_grad()
def test_no_map_attends_to_an_unobserved_frame(network: STCNet) -> None:
    clip = features(16, batch=2)
    clip.observed[0, [3, 9, 10]] = False
    clip.observed[1] = False  # nobody was ever seen: then all frames count
    auxiliary = network(clip).auxiliary
    assert set(auxiliary) == {*MAPS, "fused"}
    for name in MAPS:
        assert torch.allclose(auxiliary[name].sum(-1), torch.ones(2, 16)), name
        assert torch.equal(auxiliary[name][0][:, [3, 9, 10]], torch.zeros(16, 3)), name
        assert (auxiliary[name][1] > 0).all(), name
    assert torch.equal(auxiliary["fused"][0][:, [3, 9, 10]], torch.zeros(16, 3))


def test_the_fused_map_begins_as_the_mean_of_the_five() -> None:
    torch.manual_seed(0)
    network = TINY["stc-net"]()
    with torch.no_grad():
        auxiliary = network(features(16)).auxiliary
    mean = torch.stack([auxiliary[name] for name in MAPS]).mean(0)
    assert torch.allclose(auxiliary["fused"], mean, atol=1e-6)


def array(tensor: Tensor) -> Floats:
    return tensor.detach().double().numpy()


def similarity(queries: Floats, keys: Floats) -> Floats:
    """Softmax of each frame's dot products, frame by frame."""
    length = len(queries)
    rows = np.zeros((length, length))
    for i in range(length):
        scores = [sum(a * b for a, b in zip(queries[i], keys[j], strict=True)) for j in range(length)]
        largest = max(scores)
        total = sum(math.exp(score - largest) for score in scores)
        rows[i] = [math.exp(score - largest) / total for score in scores]
    return rows


def lstm(network: STCNet, inputs: Floats) -> Floats:
    """Hochreiter and Schmidhuber's cell, step by step (with the forget gate): (W, in) -> (W, hidden)."""

    def sigmoid(x: Floats) -> Floats:
        return 1 / (1 + np.exp(-x))

    for layer in range(network.zeta.num_layers):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_x, w_h, b_x, b_h = (array(getattr(network.zeta, f"{name}_l{layer}")) for name in names)
        h = c = np.zeros(network.zeta.hidden_size)
        outputs = []
        for x in inputs:
            i, f, g, o = np.split(w_x @ x + b_x + w_h @ h + b_h, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            outputs.append(h)
        inputs = np.stack(outputs)
    return inputs


@torch.no_grad()
def test_it_computes_what_the_paper_writes(network: STCNet) -> None:
    clip = features(16, seed=1)
    estimate = network(clip)
    assert clip.local_maps is not None
    assert clip.initial_pose6d is not None
    assert clip.initial_camera is not None
    maps = array(clip.local_maps)[0]  # (16, 8, 16, 16)
    pooled = np.zeros((16, 8, 4, 4))
    for row in range(4):
        for column in range(4):
            square = maps[:, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            pooled[:, :, row, column] = square.mean((-1, -2))
    body_aware = np.concatenate((pooled.reshape(16, -1), array(clip.global_features)[0]), axis=1)

    def layer(name: str, x: Floats) -> Floats:
        linear = getattr(network, name)
        y = x @ array(linear.weight).T
        return y if linear.bias is None else y + array(linear.bias)

    pose = layer("gamma_1", array(clip.initial_pose6d)[0].reshape(16, 144))
    camera = layer("gamma_2", array(clip.initial_camera)[0])
    H = layer("gamma_3", body_aware)
    five = {
        "nssm_h": similarity(H, H),
        "nssm_pose": similarity(pose, pose),
        "nssm_camera": similarity(camera, camera),
        "am_h": similarity(layer("phi_3", H), layer("phi_4", H)),
        "am_camera": similarity(layer("phi_1", camera), layer("phi_2", camera)),
    }
    for name, expected in five.items():
        assert np.allclose(array(estimate.auxiliary[name])[0], expected, atol=1e-5), name
    fused = sum(weight * five[name] for weight, name in zip((0.5, -0.2, 0.3, 0.8, 0.1), MAPS, strict=True))
    assert np.allclose(array(estimate.auxiliary["fused"])[0], fused, atol=1e-5)

    Z = H + layer("phi_7", fused @ layer("phi_5", H))  # eq. 2
    coarse_pose, coarse_betas, coarse_camera = network.g(torch.tensor(Z).float())  # eq. 3
    (coarse,) = estimate.steps
    assert torch.allclose(coarse.pose6d[0], coarse_pose, atol=1e-5)
    assert torch.allclose(coarse.betas[0], coarse_betas, atol=1e-5)
    assert torch.allclose(coarse.camera[0], coarse_camera, atol=1e-5)
    assert coarse.frame_indices.tolist() == [list(range(16))]

    theta = array(torch.cat((coarse_pose.flatten(1), coarse_betas, coarse_camera), dim=1))
    refined = theta + layer("residual", lstm(network, np.concatenate((Z, theta), axis=1)))  # eq. 4, 5
    assert np.abs(refined - theta).max() > 1e-2
    assert np.allclose(array(estimate.pose6d)[0].reshape(16, 144), refined[:, :144], atol=1e-5)
    assert np.allclose(array(estimate.betas)[0], refined[:, 144:154], atol=1e-5)
    assert np.allclose(array(estimate.camera)[0], refined[:, 154:], atol=1e-5)


@torch.no_grad()
def test_without_residuals_the_coarse_estimate_stands(network: STCNet) -> None:
    network.residual.weight.zero_()
    network.residual.bias.zero_()
    estimate = network(features(16, batch=2))
    (coarse,) = estimate.steps
    assert torch.equal(estimate.pose6d, coarse.pose6d)
    assert torch.equal(estimate.betas, coarse.betas)
    assert torch.equal(estimate.camera, coarse.camera)


@torch.no_grad()
def test_initial_estimates_reach_the_answer_through_the_maps_only(network: STCNet) -> None:
    clip = features(16)
    assert clip.initial_pose6d is not None
    other = replace(clip, initial_pose6d=clip.initial_pose6d.flip(1))
    assert not torch.equal(network(other).pose6d, network(clip).pose6d)
    network.phi_6.weight[:, MAPS.index("nssm_pose")] = 0
    assert torch.equal(network(other).pose6d, network(clip).pose6d)


@torch.no_grad()
def test_a_border_frame_is_the_mean_of_its_two_windows(network: STCNet) -> None:
    clip = features(31, seed=2)
    whole = run(network, clip)
    first, second = network(clip.frames(0, 16)), network(clip.frames(15, 31))

    def upright(estimate: Estimate) -> Tensor:
        return rotation6d.from_matrix(rotation6d.to_matrix(estimate.pose6d[0]))

    before, after = upright(first)[-1], upright(second)[0]
    assert not torch.allclose(before, after, atol=1e-2)
    mean = rotation6d.from_matrix(rotation6d.to_matrix((before + after) / 2))
    assert torch.allclose(whole.pose6d[0, 15], mean, atol=1e-5)
    assert torch.allclose(whole.betas[0, 15], (first.betas[0, -1] + second.betas[0, 0]) / 2, atol=1e-5)
    assert torch.allclose(whole.camera[0, 15], (first.camera[0, -1] + second.camera[0, 0]) / 2, atol=1e-5)
    assert torch.allclose(whole.pose6d[0, :15], upright(first)[:15], atol=1e-5)
    assert torch.allclose(whole.pose6d[0, 16:], upright(second)[1:], atol=1e-5)


@torch.no_grad()
def test_a_constant_clip_repeats_with_the_windows(network: STCNet) -> None:
    """The LSTM begins anew in every window; nothing else tells frames of a constant clip apart."""
    one = features(1, seed=3)
    constant = FrameFeatures(**{name: value.repeat_interleave(50, 1) for name, value in one.tensors().items()})
    estimate = run(network, constant)
    assert torch.allclose(estimate.pose6d[0, 1:15], estimate.pose6d[0, 16:30], atol=1e-5)
    (coarse,) = network(constant.frames(0, 16)).steps
    assert torch.allclose(coarse.pose6d[0], coarse.pose6d[0, :1].expand(16, -1, -1), atol=1e-5)
