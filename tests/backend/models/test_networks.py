"""What must hold for each of the five networks, whatever it is inside."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from backend.body import TorchBody
from backend.models import rotation6d
from backend.models.frame_features import Estimate, FrameFeatures, concatenate
from backend.models.sliding_window import run, stream
from backend.models.temporal_network import FeatureError, TemporalNetwork

from .tiny import TINY, features

LENGTHS = [1, 2, 15, 16, 17, 100]


@pytest.fixture(params=sorted(TINY))
def network(request: pytest.FixtureRequest) -> TemporalNetwork:
    torch.manual_seed(0)
    return TINY[request.param]()


def joints(torch_body: TorchBody, estimate: Estimate) -> Tensor:
    """(frames, 24, 3) metres from the pelvis."""
    rotations = rotation6d.to_matrix(estimate.pose6d).flatten(0, -4)
    betas = estimate.betas.flatten(0, -2)
    rest = torch_body.rest_joints(betas)
    _, positions = torch_body.forward_kinematics(rotations, rest, torch.zeros_like(rest[:, 0]))
    return positions - positions[:, :1]


def assert_same(one: Estimate, other: Estimate, tolerance: float) -> None:
    assert one.frame_indices.tolist() == other.frame_indices.tolist()
    for name in ("pose6d", "betas", "camera"):
        assert torch.allclose(getattr(one, name), getattr(other, name), atol=tolerance), name


@torch.no_grad()
@pytest.mark.parametrize("length", LENGTHS)
def test_an_answer_for_every_frame_of_any_length(network: TemporalNetwork, length: int) -> None:
    estimate = run(network, features(length))
    assert estimate.frame_indices.tolist() == [list(range(length))]
    assert estimate.pose6d.shape == (1, length, 24, 6)
    assert estimate.betas.shape == (1, length, 10)
    assert estimate.camera.shape == (1, length, 3)
    assert estimate.pose6d.isfinite().all()
    assert estimate.betas.isfinite().all()
    assert estimate.camera.isfinite().all()


@torch.no_grad()
def test_a_window_does_not_depend_on_what_else_is_in_the_batch(network: TemporalNetwork) -> None:
    clips = features(network.window.length, seed=1, batch=5)
    together = network(clips)
    for clip in range(5):
        alone = network(FrameFeatures(**{name: value[clip : clip + 1] for name, value in clips.tensors().items()}))
        for name in ("pose6d", "betas", "camera"):
            assert torch.allclose(getattr(alone, name)[0], getattr(together, name)[clip], atol=1e-5), name


@torch.no_grad()
def test_work_on_a_frame_depends_on_that_frame_only(network: TemporalNetwork) -> None:
    clip = features(12, seed=2)
    whole = network.per_frame(clip)
    for frame in (0, 5, 11):
        alone = network.per_frame(clip.frames(frame, frame + 1))
        for name, value in alone.items():
            assert torch.allclose(value[0, 0], whole[name][0, frame], atol=1e-5), name


@torch.no_grad()
def test_a_constant_sequence_gives_a_constant_answer(network: TemporalNetwork) -> None:
    one = features(1, seed=3)
    constant = FrameFeatures(**{name: value.repeat_interleave(70, 1) for name, value in one.tensors().items()})
    estimate = run(network, constant)
    window = network.window
    if any(isinstance(module, torch.nn.RNNBase) for module in network.modules()):
        # a recurrence begins anew in every window: the answer repeats with them
        period, settled = window.stride, slice(window.length, -window.length)
    else:
        # SPS-Net has no forecast for the very first frame
        period, settled = 1, slice(1, None)
    for name in ("pose6d", "betas", "camera"):
        values = getattr(estimate, name)[0, settled]
        first_ones = values[torch.arange(len(values)) % period]
        assert torch.allclose(values, first_ones, atol=2e-5), name


#: Moves both of the weights that SPS-Net fuses by alike, which their softmax undoes.
WITHOUT_EFFECT = {"fusion.fc.bias"}


def test_gradients_reach_every_parameter(network: TemporalNetwork) -> None:
    network.train()
    torch.manual_seed(1)
    estimate = network(features(network.window.length, seed=4, batch=3))
    everything = [estimate, *estimate.steps]
    answers = sum(
        (step.pose6d * torch.randn_like(step.pose6d)).sum() + step.betas.square().sum() + step.camera.sum()
        for step in everything
    )
    loss = torch.as_tensor(answers) + sum(
        value.square().sum() for value in estimate.auxiliary.values() if value.is_floating_point()
    )
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad.abs().sum() > 0) != (name in WITHOUT_EFFECT), name


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 17, 75])
def test_streamed_it_is_the_same_as_whole(network: TemporalNetwork, length: int) -> None:
    clip = features(length, seed=5)
    observed = torch.rand(1, length, generator=torch.Generator().manual_seed(6)) < 0.8
    observed[:, 0] = True
    clip = replace(clip, observed=observed)
    pieces = [clip.frames(begin, begin + 11) for begin in range(0, length, 11)]
    assert_same(concatenate(list(stream(network, pieces, windows_at_once=4))), run(network, clip), 1e-5)


@torch.no_grad()
def test_unobserved_frames_are_not_read(network: TemporalNetwork) -> None:
    clip = features(60, seed=7)
    observed = torch.ones(1, 60, dtype=torch.bool)
    observed[:, 20:30] = False
    spoilt = {
        name: value.clone().index_fill_(1, torch.arange(20, 30), torch.nan)
        for name, value in clip.tensors().items()
        if name != "observed"
    }
    estimate = run(network, FrameFeatures(**spoilt, observed=observed))
    assert_same(estimate, run(network, replace(clip, observed=observed)), 1e-6)
    assert estimate.pose6d.isfinite().all()


@torch.no_grad()
def test_bfloat16_is_within_a_millimetre(network: TemporalNetwork, torch_body: TorchBody) -> None:
    clip = features(network.window.length, seed=8, batch=4)
    exact = joints(torch_body, network(clip))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = network(clip)
    rough = Estimate(rough.pose6d.float(), rough.betas.float(), rough.camera.float(), rough.frame_indices)
    assert (joints(torch_body, rough) - exact).norm(dim=-1).mean() < 1e-3


def test_a_missing_field_is_named(network: TemporalNetwork) -> None:
    clip = features(network.window.length)
    for name in network.needs:
        if name in {"global_features", "observed"}:
            continue
        with pytest.raises(FeatureError, match=name):
            network(replace(clip, **{name: None}))


def moving(network: TemporalNetwork, torch_body: TorchBody) -> tuple[FrameFeatures, Tensor, Tensor]:
    """Eight authored sequences: features, the pose of every frame (B, T, 24, 6) and its joints (B, T, 24, 3)."""
    length = network.window.length
    clips = features(length, seed=9, batch=8)
    time = torch.linspace(0, 1, length)
    generator = torch.Generator().manual_seed(10)
    amplitude = 0.4 * torch.randn(8, 1, 24, 3, generator=generator)
    vectors = amplitude * torch.sin(6.28 * (time[None, :, None, None] + torch.rand(8, 1, 24, 3, generator=generator)))
    rotations = torch.matrix_exp(torch.stack([skew(vector) for vector in vectors.flatten(0, 2)])).unflatten(
        0, (8, length, 24)
    )
    rest = torch_body.rest_joints(torch.zeros(1, 10))
    flat = rotations.flatten(0, 1)
    _, positions = torch_body.forward_kinematics(flat, rest, torch.zeros(len(flat), 3))
    positions = (positions - positions[:, :1]).unflatten(0, (8, length))
    return clips, rotation6d.from_matrix(rotations), positions


def skew(vector: Tensor) -> Tensor:
    x, y, z = vector
    zero = torch.zeros(())
    return torch.stack((zero, -z, y, z, zero, -x, -y, x, zero)).view(3, 3)


def test_it_learns_eight_short_sequences_by_heart(network: TemporalNetwork, torch_body: TorchBody) -> None:
    clips, pose6d, positions = moving(network, torch_body)
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    outputs = list(network.window.outputs)
    true_pose, true_joints = pose6d[:, outputs], positions[:, outputs]
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=400)
    error = torch.inf
    for _ in range(400):
        estimate = network(clips)
        found = joints(torch_body, estimate).unflatten(0, (8, len(outputs)))
        loss = (estimate.pose6d - true_pose).square().mean() + 10 * (found - true_joints).square().mean()
        loss = loss + 0.1 * estimate.betas.square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        error = float((found.detach() - true_joints).norm(dim=-1).mean())
        if error < 0.009:
            break
    assert error < 0.010
