import itertools
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backend.models import rotation6d
from backend.models.frame_features import Estimate, FrameFeatures
from backend.models.sps_net import SPSNet, SPSNetConfig
from backend.training.losses import (
    PAPER_WEIGHTS,
    LossWeights,
    camera_consistency_loss,
    feature_loss,
    joint_loss_2d,
    joint_loss_3d,
    mask_loss,
    occlusion_losses,
    over_steps,
    pose_loss,
    shape_loss,
    weighted,
)


def rotations(seed: int, *shape: int) -> Tensor:
    """Turns about the pelvis's axes by up to a radian."""
    angle = torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    rows = (angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos(), zero, zero, zero, one)
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def estimate(seed: int, batch: int = 2, frames: int = 5) -> Estimate:
    generator = torch.Generator().manual_seed(seed)
    return Estimate(
        rotation6d.from_matrix(rotations(seed, batch, frames, 24)).requires_grad_(),
        torch.randn(batch, frames, 10, generator=generator).requires_grad_(),
        torch.randn(batch, frames, 3, generator=generator).requires_grad_(),
        torch.arange(frames).expand(batch, frames),
    )


ALL = torch.ones(2, 5)


def test_the_truth_costs_nothing() -> None:
    one = estimate(0)
    assert shape_loss(one.betas, one.betas.detach(), ALL) == 0
    assert pose_loss(one.pose6d, rotations(0, 2, 5, 24), ALL).item() == pytest.approx(0, abs=1e-12)
    joints = torch.randn(2, 5, 24, 3)
    assert joint_loss_3d(joints, joints, torch.ones(2, 5, 24)) == 0
    assert joint_loss_2d(joints[..., :2], joints[..., :2], torch.ones(2, 5, 24)) == 0


def test_by_hand() -> None:
    found, true = torch.zeros(1, 2, 1, 3), torch.tensor([[[[1.0, 2.0, 3.0]], [[6.0, 0.0, 0.0]]]])
    # 14 / 3 and 36 / 3, of which the second counts thrice
    assert joint_loss_3d(found, true, torch.tensor([[[1.0], [3.0]]])).item() == pytest.approx((14 / 3 + 3 * 12) / 4)
    assert joint_loss_2d(found[..., :2], true[..., :2], torch.ones(1, 2, 1)).item() == pytest.approx((5 / 2 + 18) / 2)
    betas = torch.zeros(1, 2, 10)
    assert shape_loss(betas, torch.full((1, 1, 10), 2.0), torch.ones(1, 2)).item() == pytest.approx(4)
    # half a turn about z turns x and y round: two of nine numbers differ by 2
    half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0])).expand(1, 1, 24, 3, 3)
    assert pose_loss(rotation6d.identity(1, 1, 24), half_turn, torch.ones(1, 1)).item() == pytest.approx(8 / 9)


def test_the_number_of_frames_and_of_unknown_ones_changes_nothing() -> None:
    found, true = torch.randn(2, 5, 24, 3), torch.randn(2, 5, 24, 3)
    once = joint_loss_3d(found, true, torch.ones(2, 5, 24))
    assert torch.allclose(joint_loss_3d(found.repeat(1, 3, 1, 1), true.repeat(1, 3, 1, 1), torch.ones(2, 15, 24)), once)
    confidence = torch.cat((torch.ones(2, 5, 24), torch.zeros(2, 5, 24)), dim=1)
    more = torch.cat((true, torch.randn(2, 5, 24, 3)), dim=1)
    assert torch.allclose(joint_loss_3d(found.repeat(1, 2, 1, 1), more, confidence), once)


def test_what_is_not_known_is_not_read() -> None:
    one = estimate(1)
    known = torch.tensor([[1.0, 0, 1, 1, 0], [0, 0, 1, 1, 1]])
    unknown = (known == 0)[..., None]
    betas = torch.randn(2, 5, 10).masked_fill(unknown, torch.nan)
    matrices = rotations(2, 2, 5, 24).masked_fill(unknown[..., None, None], torch.nan)
    points = one.pose6d[..., :2]
    seen = known[..., None].expand(-1, -1, 24)
    true_points = torch.randn(2, 5, 24, 2).masked_fill(seen[..., None] == 0, torch.nan)
    loss = (
        shape_loss(one.betas, betas, known)
        + pose_loss(one.pose6d, matrices, known)
        + joint_loss_2d(points, true_points, seen)
    )
    loss.backward()
    assert loss.isfinite()
    for value in (one.betas, one.pose6d):
        assert value.grad is not None
        assert value.grad.isfinite().all()
        assert (value.grad[known == 0] == 0).all()
        assert (value.grad[known > 0].flatten(1).abs().sum(-1) > 0).all()


def test_nothing_known_at_all_is_zero() -> None:
    one = estimate(1)
    loss = shape_loss(one.betas, torch.full((2, 5, 10), torch.nan), torch.zeros(2, 5))
    loss.backward()
    assert loss == 0
    assert one.betas.grad is not None
    assert (one.betas.grad == 0).all()


def test_the_papers_weights() -> None:
    assert set(PAPER_WEIGHTS) == {"mps-net", "sps-net", "stc-net", "tar", "str-net"}
    for weights in PAPER_WEIGHTS.values():
        assert (weights.joints_2d, weights.joints_3d, weights.shape, weights.pose) == (300, 300, 0.06, 60)
    sps = PAPER_WEIGHTS["sps-net"]
    assert (sps.adversarial, sps.feature, sps.mask, sps.camera) == (2, 1, 300, 0.1)
    assert (sps.occluded_shape, sps.occluded_pose, sps.occluded_camera) == (0.06, 60, 0.1)
    assert PAPER_WEIGHTS["mps-net"].adversarial == 0.5
    assert PAPER_WEIGHTS["tar"].step_decay == 0.85


def test_losses_are_weighted_by_name() -> None:
    names = [field.name for field in fields(LossWeights) if field.name != "step_decay"]
    weights = LossWeights(**{name: float(place + 1) for place, name in enumerate(names)})
    assert weighted({name: torch.tensor(1.0) for name in names}, weights) == sum(range(1, len(names) + 1))
    assert weighted({"pose": torch.tensor(2.0)}, replace(weights, pose=7.0)) == 14
    with pytest.raises(AttributeError, match="poze"):
        weighted({"poze": torch.tensor(1.0)}, weights)


def test_steps_count_less_the_earlier_they_are() -> None:
    losses = [torch.tensor(value) for value in (1.0, 10.0, 100.0)]
    assert over_steps(losses, 0.85).item() == pytest.approx(0.85**2 + 0.85 * 10 + 100)
    assert over_steps(losses, 0.0).item() == 100


def test_a_perfect_forecaster_costs_nothing() -> None:
    network = SPSNet(SPSNetConfig(features=8, frames=4, hidden=8))
    layer = network.forecasting[0]
    assert isinstance(layer, torch.nn.Linear)
    torch.nn.init.eye_(layer.weight)
    torch.nn.init.ones_(layer.bias)
    growing = torch.arange(5.0)[None, :, None].expand(1, -1, 8)  # each frame is the one before and 1
    seen = torch.ones(1, 5, dtype=torch.bool)

    def loss(features: Tensor, observed: Tensor) -> Tensor:
        auxiliary = network(FrameFeatures(features, observed)).auxiliary
        return feature_loss(auxiliary["features"], auxiliary["forecast"], auxiliary["forecast_counts"])

    assert loss(growing, seen) == 0
    leaping = growing.clone()
    leaping[:, 3, :2] += torch.tensor([3.0, 4.0])
    # the forecasts of frame 3 and from frame 3, 2 of 4, are wrong by 5
    assert loss(leaping, seen).item() == pytest.approx(2.5)
    assert loss(leaping, torch.tensor([[True, True, True, False, True]])) == 0, "where nobody was seen none is compared"


def test_features_do_not_learn_to_be_forecast() -> None:
    features, forecast = torch.randn(2, 4, 8, requires_grad=True), torch.randn(2, 4, 8, requires_grad=True)
    feature_loss(features, forecast, torch.ones(2, 4, dtype=torch.bool)).backward()
    assert features.grad is None
    assert forecast.grad is not None
    assert forecast.grad.abs().sum() > 0


@given(shift=st.integers(1, 8), frames=st.integers(9, 40))
def test_a_frame_with_one_camera_in_both_segments_costs_nothing(shift: int, frames: int) -> None:
    video = torch.randn(2, frames + shift, 3)
    first, second = video[:, :frames], video[:, shift:]
    assert camera_consistency_loss(first, second, shift) == 0
    other = second + torch.tensor([2.0, 3.0, 6.0])
    assert camera_consistency_loss(first, other, shift).item() == pytest.approx(7, rel=1e-4)


def test_the_whole_person_teaches_the_occluded_one() -> None:
    whole, occluded = estimate(3), estimate(4)
    counts = torch.ones(2, 5, dtype=torch.bool)
    losses = occlusion_losses(whole, occluded, counts)
    assert all(loss > 0 for loss in losses.values())
    weighted(losses, PAPER_WEIGHTS["sps-net"]).backward()
    for name in ("pose6d", "betas", "camera"):
        assert getattr(whole, name).grad is None, name
        assert getattr(occluded, name).grad.abs().sum() > 0, name
    for name, loss in occlusion_losses(whole, whole, counts).items():
        assert loss.item() == pytest.approx(0, abs=1e-12), name


def test_the_mask_loss_is_least_where_the_silhouette_fits() -> None:
    """A half plane whose edge stands at different columns, against one whose edge is at column 10."""
    columns = torch.arange(20) + 0.5
    mask = (columns < 10).float().expand(1, 20, 20)
    known = torch.ones(1)
    by_edge = [mask_loss((edge - columns).expand(1, 20, 20), mask, known).item() for edge in range(21)]
    assert by_edge.index(min(by_edge)) == 10
    assert all(one > other for one, other in itertools.pairwise(by_edge[:11]))
    assert all(one < other for one, other in itertools.pairwise(by_edge[10:]))
    # at the edge itself either class is as likely
    assert mask_loss(torch.zeros(1, 20, 20), mask, known).item() == pytest.approx(0.6931, abs=1e-4)


def test_the_mask_loss_pulls_from_afar_and_skips_unknown_masks() -> None:
    signed = torch.full((2, 8, 8), -300.0, requires_grad=True)
    mask = torch.zeros(2, 8, 8)
    mask[0, 2:5, 2:5] = 1.0
    mask[1] = torch.nan
    loss = mask_loss(signed, mask, torch.tensor([1.0, 0.0]))
    loss.backward()
    assert loss.item() == pytest.approx(9 / 64 * 600)
    assert signed.grad is not None
    assert (signed.grad[0, 2:5, 2:5] < 0).all(), "the silhouette is to grow towards the person"
    assert (signed.grad[1] == 0).all()
