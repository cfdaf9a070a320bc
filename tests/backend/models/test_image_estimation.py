from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from backend.body import TorchBody
from backend.encoding import VideoWriter
from backend.features.crops import cut, square_boxes
from backend.features.feature_cache import FeatureCache
from backend.features.image_backbones.backbone import CropFeatures, ImageBackbone
from backend.features.image_backbones.resnet import ResNet50
from backend.features.initial_pose import BodyInCamera
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.footage import Footage, open_footage
from backend.models import NETWORKS, NetworkError, choose_network, network_named, rotation6d, weights_path
from backend.models.image_estimation import IMAGE_NETWORKS, ImageNetwork, estimate_body, load_image_network
from backend.models.published import import_weights
from backend.people.tracks import Track
from smpl_rig.body import Body

from ..features.image_backbones.authored import authored_weights
from ..features.seen_track import seen_track
from .mps_net_by_the_book import by_the_book, weights_by_the_book
from .releases import MPS_NET_SHAPES, SMPL_SHAPES, empty, filled, save, uncounted_spin_shapes
from .tiny import FEATURES, TINY

K = np.array([[300.0, 0, 80], [0, 300, 60], [0, 0, 1]])
FRAMES = 9
BOXES = np.array([50.0, 30, 40, 60]) + np.arange(FRAMES)[:, None] * np.array([2.0, 0, 0, 0])
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def cache_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path / "user"))


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "features")


@pytest.fixture(scope="module")
def skin(body: Body) -> LandmarkSkin:
    return LandmarkSkin(landmark_points(body))


@pytest.fixture(scope="module")
def make_footage(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Footage]:
    """Pictures that are all different, at any rate."""

    def make(rate: int) -> Footage:
        path = tmp_path_factory.mktemp("footage") / "changing.mp4"
        x, y = np.meshgrid(np.arange(160), np.arange(120))
        with VideoWriter(path, Fraction(rate)) as writer:
            for frame in range(FRAMES):
                waves = [np.sin(x / (3 + frame) + y / (7 + channel) + 2 * frame) for channel in range(3)]
                colours = [(30 + 24 * frame) * (0.5 + 0.5 * wave) for wave in waves]
                writer.add(np.stack(colours, axis=-1).astype(np.uint8))
        return open_footage(path)

    return make


def silent(_fraction: float) -> None:
    """For what nobody watches."""


class ColourGrid(ImageBackbone):
    """Sees the brightness of 32 parts of a crop."""

    crop_px, feature_size, map_shape = 32, FEATURES, (3, 4, 8)

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def forward(self, crops: Tensor) -> CropFeatures:
        maps = self.gain * avg_pool2d(crops, (8, 4))
        return CropFeatures(maps.mean(1).flatten(1), maps)


@pytest.fixture
def tiny() -> ImageNetwork:
    torch.manual_seed(0)
    network = TINY["mps-net"]()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)  # else all frames get nearly the same answer
    return ImageNetwork(ColourGrid().eval(), network)


def import_synthetic(folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Imports checkpoints of exactly the releases' keys and shapes; gives what they hold."""
    released = filled(MPS_NET_SHAPES)
    released["regressor.decpose.weight"] *= 0.1
    import_weights(save(folder, released | empty(SMPL_SHAPES)), "mps-net")
    spin = authored_weights({name: torch.zeros(shape) for name, shape in uncounted_spin_shapes().items()})
    import_weights(save(folder, spin, entry="model"), "resnet50")
    return released, spin


@torch.no_grad()
def test_published_weights_give_the_answer_of_the_published_network(
    make_footage: Callable[[int], Footage],
    cache: FeatureCache,
    tmp_path: Path,
    torch_body: TorchBody,
    skin: LandmarkSkin,
) -> None:
    released, spin = import_synthetic(tmp_path)
    footage, track = make_footage(30), seen_track(np.arange(FRAMES) / 30, BOXES)
    network = load_image_network("mps-net-paper", CPU)
    answer = estimate_body(footage, track, K, torch_body, skin, network, cache, None, silent)

    backbone = ResNet50().eval()
    backbone.load_state_dict({name: spin[name] for name in spin if name in backbone.state_dict()}, strict=False)
    seen = zip(footage.frames(), square_boxes(BOXES), strict=True)
    crops = [cut(frame.image, square, 224) for frame, square in seen]
    x = backbone(torch.stack(crops)).global_features.double().numpy()
    weights = weights_by_the_book(released)
    windows = [x[np.clip(np.arange(t - 8, t + 8), 0, FRAMES - 1)] for t in range(FRAMES)]
    expected = [by_the_book(weights, window) for window in windows]
    pose6d = torch.tensor(np.concatenate([one["pose6d"] for one in expected]))
    matrices = rotation6d.to_matrix(pose6d).numpy()
    assert np.abs(np.diff(matrices, axis=0)).max((1, 2, 3)).min() > 1e-3, "frames must differ"
    assert answer.rotations == pytest.approx(matrices, abs=2e-5)
    assert answer.betas == pytest.approx(np.median([one["betas"][0] for one in expected], axis=0), abs=2e-5)


def estimate(
    network: ImageNetwork, footage: Footage, track: Track, cache: FeatureCache, body: TorchBody, skin: LandmarkSkin
) -> BodyInCamera:
    return estimate_body(footage, track, K, body, skin, network, cache, np.zeros(10), silent)


@torch.no_grad()
def test_the_body_is_placed_where_its_landmarks_are_seen(
    tiny: ImageNetwork,
    make_footage: Callable[[int], Footage],
    cache: FeatureCache,
    torch_body: TorchBody,
    skin: LandmarkSkin,
) -> None:
    footage, track = make_footage(30), seen_track(np.arange(FRAMES) / 30, BOXES)
    local = torch.tensor(estimate(tiny, footage, track, cache, torch_body, skin).rotations)
    # landmarks of that very pose, seen by a pinhole camera
    rest, betas = torch_body.rest_joints(torch.zeros(1, 10)), torch.zeros(1, 10)
    transl = torch.tensor([[0.2, -0.1, 5.0]]) + torch.arange(FRAMES)[:, None] * torch.tensor([0.02, 0.0, 0.1])
    turned, places = torch_body.forward_kinematics(local, rest, transl)
    points = skin(turned, places, rest, betas).numpy()
    track.landmarks2d[..., :2] = points[..., :2] / points[..., 2:] * K[0, 0] + K[:2, 2]

    answer = estimate(tiny, footage, track, cache, torch_body, skin)
    assert answer.rotations == pytest.approx(local.numpy(), abs=1e-6)
    assert (answer.betas == 0).all()
    assert answer.transl == pytest.approx(transl.numpy(), abs=2e-3)
    assert answer.confidence == pytest.approx(1, abs=1e-3)


def test_frames_without_the_person_and_fast_footage(
    tiny: ImageNetwork,
    make_footage: Callable[[int], Footage],
    cache: FeatureCache,
    torch_body: TorchBody,
    skin: LandmarkSkin,
) -> None:
    """Each second frame of 60 in a second is a sequence of its own; and one turn begins out of sight."""
    observed = np.array([True, False, True, True, False, True, True, True, True])
    times_s = np.arange(FRAMES) / 60
    footage = make_footage(60)
    answer = estimate(tiny, footage, seen_track(times_s, BOXES, observed), cache, torch_body, skin)
    even = estimate(tiny, footage, seen_track(times_s[::2], BOXES[::2], observed[::2]), cache, torch_body, skin)
    odd = estimate(tiny, footage, seen_track(times_s[3::2], BOXES[3::2], observed[3::2]), cache, torch_body, skin)
    assert answer.rotations[::2] == pytest.approx(even.rotations, abs=1e-6)
    assert answer.rotations[3::2] == pytest.approx(odd.rotations, abs=1e-6)
    assert (answer.rotations[1] == answer.rotations[[0, 2]]).all((1, 2, 3)).any()
    assert not np.allclose(answer.rotations[2], answer.rotations[3], atol=1e-3), "frames must differ"
    assert (answer.confidence[~observed] == 0).all()
    assert np.isfinite(answer.transl).all()


def test_progress_is_told_and_may_stop_it(
    tiny: ImageNetwork,
    make_footage: Callable[[int], Footage],
    cache: FeatureCache,
    torch_body: TorchBody,
    skin: LandmarkSkin,
) -> None:
    footage, track = make_footage(60), seen_track(np.arange(FRAMES) / 60, BOXES)
    fractions: list[float] = []
    estimate_body(footage, track, K, torch_body, skin, tiny, cache, None, fractions.append)
    assert fractions == pytest.approx([5 / 9, 1])

    class Stopped(Exception):  # noqa: N818
        pass

    def stop(_fraction: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        estimate_body(footage, track, K, torch_body, skin, tiny, cache, None, stop)


def test_it_can_be_chosen_once_all_its_weights_are_imported(tmp_path: Path) -> None:
    assert {network.name for network in NETWORKS if network.imported} == set(IMAGE_NETWORKS)
    with pytest.raises(NetworkError) as error:
        choose_network("mps-net-paper")
    for published in ("mps-net", "resnet50"):
        assert f"limber import-weights FILE --network {published}" in str(error.value)
    import_weights(save(tmp_path, empty(MPS_NET_SHAPES)), "mps-net")
    assert not network_named("mps-net-paper").ready
    with pytest.raises(NetworkError, match=r"offer them: limber import-weights FILE --network resnet50\. Choose"):
        choose_network("mps-net-paper")
    import_weights(save(tmp_path, empty(uncounted_spin_shapes()), entry="model"), "resnet50")
    assert network_named("mps-net-paper").ready
    assert choose_network("mps-net-paper") == "mps-net-paper"
    assert isinstance(load_image_network("mps-net-paper", CPU).backbone, ResNet50)


def test_weights_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    path = weights_path("mps-net", "paper")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    with pytest.raises(NetworkError, match=r"mps-net-paper\.safetensors cannot be used.*Import the weights again"):
        load_image_network("mps-net-paper", CPU)
    safetensors.torch.save_file({"other": torch.zeros(1)}, path)
    with pytest.raises(NetworkError, match=r"mps-net-paper\.safetensors cannot be used"):
        load_image_network("mps-net-paper", CPU)
    path.unlink()
    with pytest.raises(NetworkError, match=r"mps-net-paper\.safetensors cannot be used"):
        load_image_network("mps-net-paper", CPU)
