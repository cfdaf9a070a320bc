"""TAR against its paper: sizes, both encoders, and a refinement that looks where the body's markers are seen."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from backend.models import crop_camera, rotation6d
from backend.models.frame_features import Estimate, FrameFeatures
from backend.models.markers import MARKER_NAMES
from backend.models.sliding_window import run
from backend.models.tar import (
    LANDMARK,
    PAPER,
    TAR,
    ConvGRU,
    LocalTemporalEncoder,
    ParallelGRUs,
    ParallelLinear,
    TARConfig,
    windows,
)
from backend.training.losses import over_steps

from .tar_by_the_book import Sizes, by_the_book
from .tiny import FEATURES, LOCAL_CHANNELS, LOCAL_SIZE, features

MIDDLE = 4
SMALL = TARConfig(
    features=FEATURES,
    width=16,
    feedforward=24,
    heads=4,
    layers=2,
    local_channels=LOCAL_CHANNELS,
    local_size=LOCAL_SIZE,
    hidden_size=LOCAL_SIZE // 2,
    state=8,
    radius=2,
)
#: Table S3: S, parameters in millions, GFLOPs of a window.
TABLE_S3 = [(64, 25.0, 184.6), (32, 29.9, 72.4), (16, 34.3, 43.5), (8, 38.5, 36.3)]


def tar(config: TARConfig = SMALL, seed: int = 0) -> TAR:
    """In double precision, with updates large enough to matter."""
    torch.manual_seed(seed)
    network = TAR(config).eval().double()
    with torch.no_grad():
        for regressor in (network.GTE.regressor, network.RRM.regressor):
            for decoder in (regressor.pose, regressor.shape, regressor.camera):
                decoder.weight.mul_(20)
        network.GTE.weighted_average.weight.normal_(std=0.3)
    return network


def clip(length: int = 9, seed: int = 0, batch: int = 1) -> FrameFeatures:
    """A person whose box is as large as one that stands three to ten metres away."""
    found = features(length, seed, batch)
    doubled = {name: value.double() for name, value in found.tensors().items() if value.is_floating_point()}
    box = doubled["box_information"]
    box[..., 2] = 0.35 + 0.5 * box[..., 2].tanh()
    return FrameFeatures(**doubled, observed=found.observed)


def phi(estimate: Estimate) -> Tensor:
    """(B, 157)."""
    return torch.cat((estimate.pose6d.flatten(1), estimate.betas.flatten(1), estimate.camera.flatten(1)), dim=1)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("hidden_size", "millions", "gigaflops"), TABLE_S3)
def test_table_s3(hidden_size: int, millions: float, gigaflops: float) -> None:
    with torch.device("meta"):
        network = TAR(replace(PAPER, hidden_size=hidden_size)).eval()
        window = FrameFeatures(
            torch.empty(1, 9, 384),
            torch.ones(1, 9, dtype=torch.bool),
            local_maps=torch.empty(1, 9, 256, 64, 64),
            box_information=torch.empty(1, 9, 3),
        )
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(window)
    assert parameters(network) == pytest.approx(millions * 1e6, rel=0.02)
    assert counter.get_total_flops() == pytest.approx(gigaflops * 1e9, rel=0.02)


def test_the_compact_one_is_compact() -> None:
    with torch.device("meta"):
        assert parameters(TAR(LANDMARK)) < 5_000_000


@torch.no_grad()
@pytest.mark.parametrize("halvings", [0, 1, 2])
def test_it_is_the_papers_formulas(halvings: int) -> None:
    network = tar(replace(SMALL, hidden_size=LOCAL_SIZE >> halvings), seed=halvings)
    frames = clip(seed=halvings, batch=3)
    frames.observed[1, [0, 3, 7]] = False
    frames.observed[2] = False
    estimate = network(frames)
    assert estimate.frame_indices.tolist() == [[MIDDLE]] * 3
    found = torch.stack([phi(step) for step in (*estimate.steps, estimate)], dim=1)
    assert found.shape == (3, 6, 157), "the initial estimate and five refined ones"
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    weights |= {name: value.numpy() for name, value in network.named_buffers()}
    assert frames.local_maps is not None
    assert frames.box_information is not None
    for person in range(3):
        expected = by_the_book(
            weights,
            frames.global_features[person].numpy(),
            frames.local_maps[person, 2:7].numpy(),
            frames.box_information[person, MIDDLE].numpy(),
            frames.observed[person].tolist(),
            Sizes(heads=4, halvings=halvings, radius=2, steps=5),
        )
        assert np.abs(np.diff(expected, axis=0)).max(1).min() > 1e-2, "every step does something"
        assert np.allclose(found[person].numpy(), np.array(expected), atol=1e-6)


@torch.no_grad()
def test_before_it_has_learned_anything_the_body_stands_upright_and_faces_the_camera() -> None:
    network = tar()
    places = network.RRM.keypoints(network.GTE.phi_mean[None], torch.tensor([[0.0, 0.0, 0.3]]).double())[0]
    pose, _, _ = network.GTE.phi_mean.split((144, 10, 3))
    body = network.RRM.markers(rotation6d.to_matrix(pose.view(1, 24, 6)), torch.zeros(1, 10).double())[0]
    at = dict(zip(MARKER_NAMES, range(26), strict=True))
    # the picture's y points down, the camera's z away from it
    assert places[at["face"], 1] < places[at["navel"], 1] < places[at["left_toe"], 1]
    assert places[at["left_hand"], 0] > 0 > places[at["right_hand"], 0], "who faces us has the left hand at our right"
    assert body[at["face"], 2] < body[at["nape"], 2]
    assert body[at["left_toe"], 2] < body[at["left_heel"], 2]
    upright = places[[at[name] for name in MARKER_NAMES if not name.endswith(("hand", "wrist"))]]
    assert (upright.abs() < 1.1).all(), "and fills the crop"


@torch.no_grad()
def test_local_maps_of_five_frames_and_global_features_of_nine_are_read() -> None:
    network, frames = tar(), clip()
    before = network(frames)
    for name, read in (("local_maps", {2, 3, 4, 5, 6}), ("global_features", set(range(9))), ("box_information", {4})):
        for frame in range(9):
            changed = getattr(frames, name).clone()
            changed[:, frame] *= 0.5
            after = network(replace(frames, **{name: changed}))
            assert torch.equal(phi(after), phi(before)) == (frame not in read), (name, frame)
            if name == "local_maps":
                assert torch.equal(phi(after.steps[0]), phi(before.steps[0])), "the first estimate is from vectors"


@torch.no_grad()
def test_a_frame_is_seen_from_four_before_it_to_four_after() -> None:
    network, frames = tar(), clip(30)
    changed = frames.global_features.clone()
    changed[:, 15] += 1
    one, other = run(network, frames), run(network, replace(frames, global_features=changed))
    assert (one.betas != other.betas).any(-1)[0].nonzero().flatten().tolist() == list(range(11, 20))


@torch.no_grad()
def test_time_reversed_each_branch_reads_what_the_other_did() -> None:
    """The encoder of local maps is symmetric in time but for its branches' weights and those that fuse them."""
    torch.manual_seed(0)
    encoder = LocalTemporalEncoder(replace(SMALL, hidden_size=LOCAL_SIZE)).double()
    maps = clip(5).local_maps
    assert maps is not None
    forth = encoder(maps)
    assert not torch.allclose(encoder(maps.flip(1)), forth, atol=1e-3)
    encoder.history, encoder.future = encoder.future, encoder.history
    encoder.fuse.weight.copy_(encoder.fuse.weight.roll(LOCAL_CHANNELS, 1))
    assert torch.allclose(encoder(maps.flip(1)), forth)


@torch.no_grad()
def test_a_conv_gru_forgets_or_keeps_as_its_gate_says() -> None:
    torch.manual_seed(0)
    gru = ConvGRU(3).double()
    maps = torch.randn(2, 4, 3, 6, 5, dtype=torch.float64)
    z_bias = gru.W.bias
    assert z_bias is not None
    z_bias[:3] = -1e3  # Z = 0: as it began
    assert torch.equal(gru(maps), torch.zeros(2, 3, 6, 5).double())
    z_bias[:3] = 1e3  # Z = 1: only the last frame, and what the reset gate lets through of the one before
    z_bias[3:6] = -1e3
    assert torch.allclose(gru(maps), gru(maps[:, 3:]))
    assert torch.allclose(gru(maps), torch.tanh(gru.W(maps[:, 3])[:, 6:]))


@torch.no_grad()
def test_layers_side_by_side_are_torchs_own() -> None:
    torch.manual_seed(0)
    gru, layers = ParallelGRUs(5, 7, 4), ParallelLinear(5, 7, 3)
    s, h, x = torch.randn(6, 7), torch.randn(6, 5, 4), torch.randn(6, 5, 7)
    for n in range(5):
        cell, layer = nn.GRUCell(7, 4), nn.Linear(7, 3)
        cell.weight_ih.copy_(gru.of_signal.weight.view(5, 12, 7)[n])
        cell.bias_ih.copy_(gru.of_signal.bias.view(5, 12)[n])
        cell.weight_hh.copy_(gru.of_state.weight[n])
        cell.bias_hh.copy_(gru.of_state.bias[n])
        layer.weight.copy_(layers.weight[n])
        layer.bias.copy_(layers.bias[n])
        assert torch.allclose(gru(s, h)[:, n], cell(s, h[:, n]), atol=1e-6)
        assert torch.allclose(layers(x)[:, n], layer(x[:, n]), atol=1e-6)


@settings(deadline=None)
@given(
    st.integers(0, 3),
    st.sampled_from([8, 16, 64]),
    st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)), min_size=1, max_size=3),
)
def test_a_window_of_a_slope_holds_the_places_it_looked_at(
    radius: int, size: int, points: list[tuple[float, float]]
) -> None:
    """Interpolating a linear function is exact, so a map of x, or of y, shows where each value came from."""
    size = max(size, 4 * radius)
    cells = (torch.arange(size, dtype=torch.float64) + 0.5) * 2 / size - 1
    of_x, of_y = cells.expand(size, size), cells[:, None].expand(size, size)
    places = torch.tensor(points, dtype=torch.float64)[None]  # (1, K, 2)
    for axis, slope in enumerate((of_x, of_y)):
        found = windows(slope.expand(1, len(points), size, size), places, radius).view(
            -1, 2 * radius + 1, 2 * radius + 1
        )
        steps = torch.arange(-radius, radius + 1, dtype=torch.float64) * 2 / size
        expected = places[0, :, axis, None, None] + (steps if axis == 0 else steps[:, None]).expand_as(found)
        assert torch.allclose(found, expected)


def test_a_window_at_a_pixel_is_that_pixel_and_those_about_it() -> None:
    maps = torch.arange(2 * 3 * 64.0).view(2, 3, 8, 8)
    column, row = 5, 2
    place = torch.tensor([(column + 0.5) / 4 - 1, (row + 0.5) / 4 - 1]).expand(2, 3, 2)
    found = windows(maps, place, 1)
    assert torch.allclose(found, maps[:, :, row - 1 : row + 2, column - 1 : column + 2].flatten(2))
    corner = windows(maps + 1, torch.full((2, 3, 2), -1 + 1 / 8), 1)
    inside = torch.tensor([False, False, False, False, True, True, False, True, True])
    assert (corner[..., inside] > 0).all()
    assert (corner[..., ~inside] == 0).all()
    assert (windows(maps + 1, torch.full((2, 3, 2), 3.0), 1) == 0).all()


@torch.no_grad()
def test_only_what_is_seen_about_a_marker_counts() -> None:
    network = tar()
    torch.manual_seed(1)
    H, m = torch.rand(1, 26, 8).double(), torch.randn(1, LOCAL_CHANNELS, 16, 16).double()
    v_cliff = torch.tensor([[0.0, 0.0, 0.3]]).double()
    start = network.GTE.phi_mean[None]
    before = network.RRM(H, start, m, v_cliff)[0]
    j = network.RRM.keypoints(start, v_cliff)[0]  # (26, 2)
    cells = (torch.arange(16) + 0.5) / 8 - 1
    reach = (SMALL.radius + 1) / 8
    far = ((cells[None, :, None] - j[:, 1, None, None]).abs() > reach) | (
        (cells[None, None, :] - j[:, 0, None, None]).abs() > reach
    )
    nowhere_near = far.all(0)  # (16, 16)
    assert nowhere_near.any()
    assert torch.equal(network.RRM(H, start, torch.where(nowhere_near, 9.0, m), v_cliff)[0], before)
    assert not torch.equal(network.RRM(H, start, torch.where(nowhere_near, m, 9.0), v_cliff)[0], before)


@torch.no_grad()
def test_a_person_at_the_side_of_the_picture_is_looked_for_as_the_full_camera_sees_them() -> None:
    network = tar()
    K = torch.tensor([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]]).double()
    boxes = torch.tensor([[1150.0, 250.0, 420.0]]).double()
    v_cliff = crop_camera.box_information(boxes, K)
    start = network.GTE.phi_mean[None]
    transl = crop_camera.full_translation(start[:, 154:], boxes, K)
    pose = rotation6d.to_matrix(start[:, :144].view(1, 24, 6))
    markers = network.RRM.markers(pose, torch.zeros(1, 10).double())[0] + transl
    pixels = (markers @ K.T)[:, :2] / markers[:, 2:]
    expected = (pixels - boxes[:, :2]) / (boxes[:, 2:] / 2)
    found = network.RRM.keypoints(start, v_cliff)[0]
    assert torch.allclose(found, expected, atol=1e-12)
    in_the_middle = network.RRM.keypoints(start, v_cliff * torch.tensor([0.0, 0.0, 1.0]).double())[0]
    assert (found - in_the_middle).norm(dim=-1).max() > 1 / 32, "a pixel of the paper's maps"


def test_a_step_learns_from_its_own_loss_and_those_after_it() -> None:
    network = tar()
    estimate = network(clip())
    assert len(estimate.steps) == 5
    first = [parameter for name, parameter in network.named_parameters() if name.startswith("GTE.regressor.")]
    states = network.GTE.hidden_states.weight
    (last,) = torch.autograd.grad(phi(estimate).square().sum(), states, retain_graph=True)
    assert last.abs().sum() > 0, "through the hidden states"
    assert torch.autograd.grad(phi(estimate).square().sum(), first, retain_graph=True, allow_unused=True) == tuple(
        None for _ in first
    ), "not through the estimate"
    loss = over_steps([phi(step).square().sum() for step in (*estimate.steps, estimate)], 0.85)
    grown = torch.autograd.grad(loss, first, retain_graph=True)
    alone = torch.autograd.grad(phi(estimate.steps[0]).square().sum(), first)
    for found, expected in zip(grown, alone, strict=True):
        assert torch.allclose(found, 0.85**5 * expected), "gamma to the power of five (eq. 14)"


@torch.no_grad()
def test_a_frame_in_which_nobody_was_seen_gets_no_attention() -> None:
    network, frames = tar(), clip()
    network.GTE.weighted_average.weight[:, :, 0] = torch.eye(9, dtype=torch.float64)[MIDDLE]
    frames.observed[:, [1, 6]] = False
    changed = frames.global_features.clone()
    changed[:, [1, 6]] += 1
    assert torch.equal(phi(network(frames)), phi(network(replace(frames, global_features=changed))))
    everybody = replace(frames, observed=torch.ones_like(frames.observed))
    assert not torch.allclose(phi(network(frames)), phi(network(everybody)), atol=1e-6)
    nobody = replace(frames, observed=torch.zeros_like(frames.observed))
    assert torch.allclose(phi(network(nobody)), phi(network(everybody)))
