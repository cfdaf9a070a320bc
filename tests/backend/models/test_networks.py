"""What must hold for each of the five networks, whatever it is inside."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from backend.body import TorchBody
from backend.models import rotation6d
from backend.models.frame_features import Estimate, FrameFeatures, concatenate
from backend.models.sliding_window import run, stream
from backend.models.temporal_network import FeatureError, TemporalNetwork
from backend.training.losses import PAPER_WEIGHTS, over_steps

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


#: Maps by which frames attend to frames, of which there are none in the others: TAR's are torch's own, and STR-Net has
#: weights of two or three features, which its own tests look at.
ATTENTION = {
    "mps-net": ("NSSM", "attention map", "MoCA map"),
    "sps-net": ("attention",),
    "stc-net": ("nssm_h", "nssm_pose", "nssm_camera", "am_h", "am_camera"),
}


@torch.no_grad()
@pytest.mark.parametrize("name", ATTENTION)
def test_rows_of_attention_sum_to_one(name: str) -> None:
    torch.manual_seed(0)
    network = TINY[name]()
    clips = features(network.window.length, seed=11, batch=3)
    clips.observed[1, [2, 3, 4]] = False
    clips.observed[2] = False
    auxiliary = network(clips).auxiliary
    for attention in ATTENTION[name]:
        rows = auxiliary[attention]
        assert rows.shape[0] == 3
        assert torch.allclose(rows.sum(-1), torch.ones(rows.shape[:2]), atol=1e-6), attention
        assert (rows >= 0).all(), attention


@torch.no_grad()
@pytest.mark.parametrize("name", ATTENTION)
def test_attention_does_not_know_which_way_time_runs(name: str) -> None:
    torch.manual_seed(0)
    network = TINY[name]()
    clips = features(network.window.length, seed=12, batch=2)
    clips.observed[1, [2, 3]] = False
    frames = list(range(network.window.length))
    if name == "sps-net":  # the first one is there for a forecast only
        frames[1:] = reversed(frames[1:])
    else:
        frames.reverse()
    reversed_clips = FrameFeatures(**{field: value[:, frames] for field, value in clips.tensors().items()})
    forth, back = network(clips), network(reversed_clips)
    for attention in ATTENTION[name]:
        expected = forth.auxiliary[attention].flip(1, 2)
        assert torch.allclose(back.auxiliary[attention], expected, atol=1e-6), attention
    if name == "stc-net":  # all but the LSTM
        assert torch.allclose(back.steps[0].pose6d, forth.steps[0].pose6d.flip(1), atol=1e-6)


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
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_processor_and_gpu_agree(network: TemporalNetwork) -> None:
    clip = features(50, seed=13)
    on_gpu = FrameFeatures(**{name: value.cuda() for name, value in clip.tensors().items()})
    expected = run(network, clip)
    found = run(network.cuda(), on_gpu)
    assert found.pose6d.is_cuda
    on_processor = Estimate(found.pose6d.cpu(), found.betas.cpu(), found.camera.cpu(), found.frame_indices.cpu())
    assert_same(on_processor, expected, 1e-3)


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


@dataclass(frozen=True)
class Learned:
    """A network that has learned eight sequences by heart, and how far it still is from them, metres."""

    network: TemporalNetwork
    clips: FrameFeatures
    error: float


@pytest.fixture(scope="module", params=sorted(TINY))
def learned(request: pytest.FixtureRequest, torch_body: TorchBody) -> Learned:
    torch.manual_seed(0)
    network = TINY[request.param]().train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    clips, pose6d, positions = moving(network, torch_body)
    outputs = list(network.window.outputs)
    true_pose, true_joints = pose6d[:, outputs], positions[:, outputs]
    optimiser = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 8e-3, total_steps=450)
    error = torch.inf
    while error > 0.0095 and schedule.last_epoch < schedule.total_steps - 1:
        estimate = network(clips)
        losses = []
        for step in (*estimate.steps, estimate):
            apart = joints(torch_body, step).unflatten(0, (8, len(outputs))) - true_joints
            pose_error = (step.pose6d - true_pose).square().mean()
            losses.append(pose_error + 10 * apart.square().mean() + 0.1 * step.betas.square().mean())
            error = float(apart.detach().norm(dim=-1).mean())
        optimiser.zero_grad()
        over_steps(losses, PAPER_WEIGHTS[request.param].step_decay).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return Learned(network.eval(), clips, error)


def test_it_learns_eight_short_sequences_by_heart(learned: Learned) -> None:
    assert learned.error < 0.010


@torch.no_grad()
def test_bfloat16_is_within_a_millimetre(learned: Learned, torch_body: TorchBody) -> None:
    exact = joints(torch_body, learned.network(learned.clips))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = learned.network(learned.clips)
    rough = Estimate(rough.pose6d.float(), rough.betas.float(), rough.camera.float(), rough.frame_indices)
    assert (joints(torch_body, rough) - exact).norm(dim=-1).mean() < 1e-3
