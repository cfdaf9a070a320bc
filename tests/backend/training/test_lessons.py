import pytest
import torch

from backend.body import TorchBody
from backend.features.landmark_points import LandmarkSkin
from backend.features.landmarks import LandmarkEncoder
from backend.models import rotation6d
from backend.models.frame_features import Estimate
from backend.models.weights import LANDMARK_NETWORKS, build_landmark_network
from backend.training.examples import Examples, ExampleSource, Variety
from backend.training.lessons import ADVERSARIES, EncoderLesson, NetworkLesson, over_windows
from backend.training.losses import PAPER_WEIGHTS
from backend.training.variety import Clips


@pytest.fixture(scope="module")
def source(clips: Clips, torch_body: TorchBody, skin: LandmarkSkin) -> ExampleSource:
    return ExampleSource(clips, torch_body, skin, Variety(), 0)


def drawn(lesson: NetworkLesson, source: ExampleSource, clips: int = 2) -> Examples:
    return source.draw(clips, lesson.frames, clips if lesson.occluded else 0)


@pytest.mark.parametrize("name", sorted(LANDMARK_NETWORKS))
def test_every_loss_of_the_paper_is_asked_for(name: str, torch_body: TorchBody, source: ExampleSource) -> None:
    lesson = NetworkLesson(build_landmark_network(name), name, torch_body, frames_out=4)
    loss, errors = lesson(drawn(lesson, source))
    weights = {key: value for key, value in vars(PAPER_WEIGHTS[name]).items() if key != "step_decay"}
    assert {key for key, value in weights.items() if value} <= set(errors)
    assert torch.isfinite(loss)


def test_the_silhouette_does_not_outweigh_the_pose(torch_body: TorchBody, source: ExampleSource) -> None:
    lesson = NetworkLesson(build_landmark_network("sps-net"), "sps-net", torch_body, frames_out=4)
    loss, errors = lesson(drawn(lesson, source))
    assert 0 < lesson.weights.mask * errors["mask"] < 0.5 * loss.item()


@pytest.mark.parametrize("name", sorted(LANDMARK_NETWORKS))
def test_everything_that_is_to_learn_gets_a_gradient(name: str, torch_body: TorchBody, source: ExampleSource) -> None:
    torch.manual_seed(0)
    lesson = NetworkLesson(build_landmark_network(name), name, torch_body, frames_out=4)
    lesson(drawn(lesson, source)).loss.backward()
    left_out = {key for key, value in lesson.named_parameters() if value.grad is None or not value.grad.any()}
    heads = tuple(f"taught.encoder.{head}" for head in ("pose", "shape", "camera"))
    # the encoder's own first estimate is read by STC-Net and TAR at most; a bias before a softmax adds to all alike
    assert not {key for key in left_out if not key.startswith(heads) and key != "taught.network.fusion.fc.bias"}


def test_the_encoder_learns_all_of_its_estimate(torch_body: TorchBody, source: ExampleSource) -> None:
    lesson = EncoderLesson(LandmarkEncoder(), torch_body)
    loss, _ = lesson(source.draw(2, lesson.frames))
    loss.backward()
    assert all(value.grad is not None and value.grad.any() for value in lesson.parameters())


@pytest.mark.parametrize("name", ["mps-net", "tar"])
def test_windows_of_a_lesson_answer_as_the_runner_does(name: str, source: ExampleSource) -> None:
    """Where no window reaches beyond the clip. Where windows overlap, the runner gives the mean of their answers."""
    network = build_landmark_network(name).eval()
    examples = source.draw(1, network.network.window.length + 3)
    with torch.no_grad():
        taught = over_windows(network, examples.inputs, examples.truth.K, stride=1)
        run = network(examples.inputs, examples.truth.K)
    assert taught.frame_indices.shape == (1, 4)
    there = rotation6d.to_matrix(run.pose6d[0, taught.frame_indices[0]])
    assert torch.allclose(rotation6d.to_matrix(taught.pose6d[0]), there, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ADVERSARIES))
def test_neither_learns_through_the_others_loss(name: str, source: ExampleSource) -> None:
    torch.manual_seed(0)
    adversary = ADVERSARIES[name]().eval()
    truth = source.draw(2, 8).truth
    pose6d = (truth.rotations[..., :2].flatten(-2) + 0.1 * torch.randn(2, 8, 24, 6)).requires_grad_()
    frames = torch.arange(8).expand(2, 8)
    estimate = Estimate(pose6d, torch.zeros(2, 8, 10), torch.zeros(2, 8, 3), frames)
    of_network, of_discriminator = adversary(estimate, truth)
    of_network.backward()
    assert pose6d.grad is not None
    assert pose6d.grad.any()
    assert all(value.grad is None for value in adversary.parameters())
    pose6d.grad = None
    of_discriminator.backward()
    assert pose6d.grad is None
    assert all(value.grad is not None for value in adversary.parameters())
