import torch

from backend.body import TorchBody
from backend.features.landmark_points import LandmarkSkin
from backend.training.detector import DetectorErrors
from backend.training.examples import ExampleSource, Variety
from backend.training.variety import Clips

from .perfect import PERFECT


def source(clips: Clips, body: TorchBody, skin: LandmarkSkin, seed: int = 0, perfect: bool = False) -> ExampleSource:
    return ExampleSource(clips, body, skin, Variety(detector=PERFECT if perfect else DetectorErrors()), seed)


def test_a_detector_without_errors_sees_the_truth(clips: Clips, torch_body: TorchBody, skin: LandmarkSkin) -> None:
    examples = source(clips, torch_body, skin, perfect=True).draw(6, 10)
    truth = examples.truth
    pixels = torch.einsum("bij,btlj->btli", truth.K, truth.landmarks)
    assert torch.allclose(examples.observation.landmarks2d[..., :2], pixels[..., :2] / pixels[..., 2:], atol=0.05)


def test_the_truth_hangs_together(clips: Clips, torch_body: TorchBody, skin: LandmarkSkin) -> None:
    """Joints and landmarks are those of the body in that pose."""
    truth = source(clips, torch_body, skin).draw(3, 5).truth
    for clip in range(3):
        rest = torch_body.rest_joints(truth.betas[clip : clip + 1]).expand(5, -1, -1)
        transl = truth.joints[clip, :, 0] - rest[:, 0]
        turned, joints = torch_body.forward_kinematics(truth.rotations[clip], rest, transl)
        assert torch.allclose(joints, truth.joints[clip], atol=1e-4)
        betas = truth.betas[clip].expand(5, -1)
        assert torch.allclose(skin(turned, joints, rest, betas), truth.landmarks[clip], atol=1e-4)


def test_the_same_seed_draws_the_same_and_goes_on_where_it_was(
    clips: Clips, torch_body: TorchBody, skin: LandmarkSkin
) -> None:
    one, other = source(clips, torch_body, skin, 4), source(clips, torch_body, skin, 4)
    assert torch.equal(one.draw(2, 6).inputs.values, other.draw(2, 6).inputs.values)
    state = one.state()
    drawn = one.draw(2, 6).inputs.values
    third = source(clips, torch_body, skin, 99)
    third.restore(state)
    assert torch.equal(third.draw(2, 6).inputs.values, drawn)
    assert not torch.equal(source(clips, torch_body, skin, 5).draw(2, 6).inputs.values, drawn)


def test_hidden_clips_are_the_first_ones_with_less_to_see(
    clips: Clips, torch_body: TorchBody, skin: LandmarkSkin
) -> None:
    examples = source(clips, torch_body, skin, perfect=True).draw(8, 12, occluded=2)
    hidden = examples.occluded
    assert hidden is not None
    assert hidden.values.shape == (2, 12, examples.inputs.values.shape[-1])
    assert torch.equal(hidden.observed, examples.inputs.observed[:2])
    visibility = slice(66, 99)  # after x and y of 33 landmarks
    assert (hidden.values[..., visibility] == 0).any(-1).all()
    assert (examples.inputs.values[..., visibility] > 0).all()


def test_a_source_that_is_reseeded_repeats_nothing(clips: Clips, torch_body: TorchBody, skin: LandmarkSkin) -> None:
    drawn = []
    for seed, step in ((0, None), (0, 100), (0, 200), (10, 100)):
        one = source(clips, torch_body, skin, seed)
        if step is not None:
            one.reseed(step)
        drawn.append(one.draw(2, 4).truth.betas)
    for number, betas in enumerate(drawn):
        assert not any(torch.allclose(betas, other) for other in drawn[:number])
