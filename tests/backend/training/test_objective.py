from dataclasses import replace

import pytest
import torch
from torch import Tensor

from backend.body import TorchBody
from backend.features.landmark_points import LandmarkSkin
from backend.models import crop_camera, rotation6d
from backend.models.frame_features import Estimate, concatenate
from backend.training.examples import Examples, ExampleSource, Variety
from backend.training.losses import LossWeights
from backend.training.objective import DirectWeights, MaskObjective, objective
from backend.training.variety import Clips

ONLY_PAPERS = DirectWeights(distance=0.0, velocity=0.0, camera=0.0)
NOTHING = LossWeights(joints_2d=0.0, joints_3d=0.0, shape=0.0, pose=0.0)


@pytest.fixture(scope="module")
def examples(clips: Clips, torch_body: TorchBody, skin: LandmarkSkin) -> Examples:
    return ExampleSource(clips, torch_body, skin, Variety(), 0).draw(4, 6)


def true_estimate(examples: Examples) -> Estimate:
    truth = examples.truth
    clips, frames = truth.rotations.shape[:2]
    return Estimate(
        rotation6d.from_matrix(truth.rotations),
        truth.betas[:, None].expand(-1, frames, -1),
        crop_camera.camera_from_translation(truth.joints[:, :, 0], examples.inputs.boxes, truth.K),
        torch.arange(frames).expand(clips, -1),
    )


@pytest.mark.parametrize("mixed", [False, True])
def test_the_truth_costs_nothing(mixed: bool, examples: Examples, torch_body: TorchBody) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        _, errors = objective(
            true_estimate(examples), examples.truth, examples.inputs.boxes, torch_body, LossWeights(), DirectWeights()
        )
    assert set(errors) == {"pose", "shape", "joints_3d", "joints_2d", "distance", "camera", "velocity", "acceleration"}
    assert all(value == pytest.approx(0, abs=1e-5) for value in errors.values()), errors


def test_where_two_windows_meet_no_motion_is_told(examples: Examples, torch_body: TorchBody) -> None:
    """Somebody stands still, and the second window has them turned."""
    first, moment = true_estimate(examples), slice(0, 1)
    still = replace(
        examples.truth,
        rotations=examples.truth.rotations[:, moment].expand_as(examples.truth.rotations),
        joints=examples.truth.joints[:, moment].expand_as(examples.truth.joints),
    )
    quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned = still.rotations.clone()
    turned[:, :, 0] = quarter @ turned[:, :, 0]
    windows = [replace(first, pose6d=rotation6d.from_matrix(pose)) for pose in (still.rotations, turned)]
    _, errors = objective(
        concatenate(windows), still, examples.inputs.boxes, torch_body, LossWeights(), DirectWeights()
    )
    assert errors["distance"] > 0.1
    assert errors["velocity"] == pytest.approx(0, abs=1e-5)
    assert errors["acceleration"] == pytest.approx(0, abs=1e-5)


def test_a_body_that_is_turned_about_its_pelvis_costs_what_geometry_says(
    examples: Examples, torch_body: TorchBody
) -> None:
    angle = torch.tensor(0.4)
    turn = torch.tensor([[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0], [0, 0, 1]])
    truth, estimate = examples.truth, true_estimate(examples)
    rotations = truth.rotations.clone()
    rotations[:, :, 0] = turn @ rotations[:, :, 0]
    turned = Estimate(rotation6d.from_matrix(rotations), estimate.betas, estimate.camera, estimate.frame_indices)
    centred = truth.joints - truth.joints[:, :, :1]
    apart = centred @ turn.T - centred
    loss, errors = objective(
        turned,
        truth,
        examples.inputs.boxes,
        torch_body,
        NOTHING,
        DirectWeights(distance=2.0, velocity=3.0, camera=5.0, acceleration=7.0),
    )
    distance, velocity, acceleration = (apart.diff(n=order, dim=1).norm(dim=-1).mean().item() for order in range(3))
    assert errors["distance"] == pytest.approx(distance, rel=1e-3)
    assert errors["velocity"] == pytest.approx(velocity, rel=1e-3)
    assert errors["joints_3d"] == pytest.approx(apart.square().mean().item(), rel=1e-3)
    assert errors["acceleration"] == pytest.approx(acceleration, rel=1e-3)
    assert loss.item() == pytest.approx(2 * distance + 3 * velocity + 7 * acceleration, rel=1e-3)


def test_the_papers_weights_weigh(examples: Examples, torch_body: TorchBody) -> None:
    estimate = true_estimate(examples)
    taller = Estimate(estimate.pose6d, estimate.betas + 0.5, estimate.camera, estimate.frame_indices)
    weights = LossWeights(joints_2d=0.0, joints_3d=0.0, shape=8.0, pose=1.0)
    loss, _ = objective(taller, examples.truth, examples.inputs.boxes, torch_body, weights, ONLY_PAPERS)
    assert loss.item() == pytest.approx(8 * 0.25, rel=1e-4)


def test_a_wild_camera_gives_a_finite_loss_and_gradient(examples: Examples, torch_body: TorchBody) -> None:
    estimate = true_estimate(examples)
    camera = torch.tensor([-3.0, 50.0, -50.0]).expand_as(estimate.camera).clone().requires_grad_()
    wild = Estimate(estimate.pose6d, estimate.betas, camera, estimate.frame_indices)
    loss, _ = objective(wild, examples.truth, examples.inputs.boxes, torch_body, LossWeights(), DirectWeights())
    loss.backward()
    assert torch.isfinite(loss)
    assert camera.grad is not None
    assert torch.isfinite(camera.grad).all()


@pytest.fixture(scope="module")
def mask_objective(torch_body: TorchBody) -> MaskObjective:
    return MaskObjective(torch_body)


def moved(examples: Examples, right: Tensor) -> Estimate:
    """The truth, farther right in its crop."""
    true = true_estimate(examples)
    return Estimate(true.pose6d, true.betas, true.camera + right * torch.tensor([0.0, 1, 0]), true.frame_indices)


def test_a_silhouette_is_pulled_to_the_true_bodys(examples: Examples, mask_objective: MaskObjective) -> None:
    losses, slopes = [], []
    for metres in (-0.2, -0.05, 0.0, 0.05, 0.2):
        right = torch.tensor(metres, requires_grad=True)
        torch.manual_seed(0)
        loss = mask_objective(moved(examples, right), examples.truth, examples.inputs.boxes)
        loss.backward()
        assert right.grad is not None
        losses.append(loss.item())
        slopes.append(right.grad.item())
    assert losses[0] > losses[1] > losses[2] < losses[3] < losses[4]
    assert slopes[0] < slopes[1] < 0 < slopes[3] < slopes[4]
    assert abs(slopes[2]) < 0.01 * slopes[3]


def test_which_silhouettes_are_drawn_is_chance_that_can_be_resumed(
    examples: Examples, mask_objective: MaskObjective
) -> None:
    estimate = moved(examples, torch.tensor(0.1))

    def drawn() -> float:
        return float(mask_objective(estimate, examples.truth, examples.inputs.boxes))

    kept = torch.get_rng_state()
    first, second = drawn(), drawn()
    torch.set_rng_state(kept)
    assert first != second
    assert (drawn(), drawn()) == (first, second)


def test_silhouettes_are_drawn_in_full_precision(examples: Examples, mask_objective: MaskObjective) -> None:
    estimate, losses = moved(examples, torch.tensor(0.1)), []
    for coarse in (False, True):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=coarse):
            losses.append(mask_objective(estimate, examples.truth, examples.inputs.boxes).item())
    assert losses[0] == losses[1]
