from dataclasses import replace

import pytest
import torch

from backend.features.landmark_maps import LIMBS, MAP_CHANNELS, MAP_SIZE, landmark_maps
from backend.features.landmarks import (
    BOX_MARGIN,
    INPUT_SIZE,
    LandmarkEncoder,
    LandmarkInputs,
    landmark_inputs,
    smooth_boxes,
)
from backend.models import tar
from backend.people.tracks import LANDMARK_COUNT, LANDMARK_INDEX

FRAMES = 12
K = torch.tensor([[[900.0, 0, 640], [0, 900, 360], [0, 0, 1]]])


def track(seed: int = 0) -> dict[str, torch.Tensor]:
    """A cloud of landmarks that drifts to the right, with its own 3D."""
    generator = torch.Generator().manual_seed(seed)
    world = 0.4 * torch.randn(1, 1, LANDMARK_COUNT, 3, generator=generator).expand(1, FRAMES, -1, -1)
    drift = torch.linspace(500, 560, FRAMES)[None, :, None]
    pixels = torch.stack((drift + 200 * world[..., 0], 300 + 200 * world[..., 1]), dim=-1)
    return {
        "landmarks2d": torch.cat((pixels, torch.full((1, FRAMES, LANDMARK_COUNT, 1), 0.9)), dim=-1),
        "landmarks3d": world.clone(),
        "trusted_3d": torch.ones(1, FRAMES, dtype=torch.bool),
        "observed": torch.ones(1, FRAMES, dtype=torch.bool),
        "times_s": torch.arange(FRAMES)[None] / 30,
        "K": K,
    }


def places(inputs: LandmarkInputs) -> torch.Tensor:
    return inputs.values[..., : 2 * LANDMARK_COUNT]


def test_landmarks_are_told_in_a_box_about_them() -> None:
    inputs = landmark_inputs(**track())
    assert inputs.values.shape == (1, FRAMES, INPUT_SIZE)
    across = places(inputs).unflatten(-1, (-1, 2))
    # at rest in the middle of the drift the landmarks' extent fills the box but for its margin
    extent = (across.amax(2) - across.amin(2)).amax(-1)[0, FRAMES // 2]
    assert extent == pytest.approx(2 / BOX_MARGIN, rel=1e-3)


def test_wherever_and_however_large_a_person_is_their_landmarks_read_alike() -> None:
    here = track()
    there = track()
    there["landmarks2d"] = here["landmarks2d"].clone()
    there["landmarks2d"][..., :2] = here["landmarks2d"][..., :2] * 1.7 + torch.tensor([33.0, -12.0])
    one, other = landmark_inputs(**here), landmark_inputs(**there)
    told = slice(0, 6 * LANDMARK_COUNT + 2)
    assert torch.allclose(one.values[..., told], other.values[..., told], atol=1e-4)
    assert torch.allclose(other.boxes[..., 2], 1.7 * one.boxes[..., 2])


def test_the_3d_is_scaled_to_the_picture() -> None:
    inputs = landmark_inputs(**track())
    world = inputs.values[..., 3 * LANDMARK_COUNT : 6 * LANDMARK_COUNT].unflatten(-1, (-1, 3))
    across = places(inputs).unflatten(-1, (-1, 2))
    # the cloud's 3D and its picture differ by scale and place only
    assert torch.allclose(world[..., :2].diff(dim=2), across.diff(dim=2), atol=1e-3)


def test_what_was_not_observed_or_is_not_trusted_is_not_read() -> None:
    clean, spoilt = track(), track()
    for given in (clean, spoilt):
        given["observed"][:, 4:6] = False
        given["trusted_3d"][:, 8] = False
    spoilt["landmarks2d"][:, 4:6] = torch.nan
    spoilt["landmarks3d"][:, 4:6] = torch.nan
    spoilt["landmarks3d"][:, 8] = torch.nan
    one, other = landmark_inputs(**clean), landmark_inputs(**spoilt)
    assert one.values.isfinite().all()
    assert torch.equal(one.values, other.values)
    assert torch.equal(one.boxes, other.boxes)


def test_boxes_that_move_steadily_stay_as_they_are() -> None:
    times = torch.arange(60)[None] / 30
    boxes = torch.stack((100 + 50 * times, 200 - 20 * times, torch.exp(5 + 0.3 * times)), dim=-1)
    smooth = smooth_boxes(boxes, torch.ones(1, 60, dtype=torch.bool), times)
    inner = slice(10, 50)
    assert torch.allclose(smooth[:, inner], boxes[:, inner], rtol=1e-4)
    jitter = boxes + torch.tensor([4.0, 4.0, 4.0]) * torch.randn(1, 60, 3, generator=torch.Generator().manual_seed(0))
    calm = smooth_boxes(jitter, torch.ones(1, 60, dtype=torch.bool), times)
    assert (calm - boxes)[:, inner].std() < 0.5 * (jitter - boxes)[:, inner].std()


def test_a_single_frame_has_a_box() -> None:
    alone = {name: value if name == "K" else value[:, :1] for name, value in track().items()}
    assert landmark_inputs(**alone).values.isfinite().all()


@torch.no_grad()
def test_the_encoder_looks_at_one_frame_at_a_time() -> None:
    torch.manual_seed(0)
    encoder = LandmarkEncoder(hidden=32).eval()
    inputs = landmark_inputs(**track())
    features = encoder(inputs, K)
    alone = encoder(LandmarkInputs(inputs.values[:, 3:4], inputs.boxes[:, 3:4], inputs.observed[:, 3:4]), K)
    for name, value in alone.tensors().items():
        assert torch.allclose(value, features.tensors()[name][:, 3:4], atol=1e-5), name


def test_a_limb_is_drawn_between_its_ends() -> None:
    given = landmark_inputs(**track())
    values = torch.zeros(1, 1, INPUT_SIZE)
    x, y = 2 * LANDMARK_INDEX["left_shoulder"], 2 * LANDMARK_INDEX["left_elbow"]
    values[..., x : x + 2] = torch.tensor([-0.5, -0.5])
    values[..., y : y + 2] = torch.tensor([-0.5, 0.5])
    for name in ("left_shoulder", "left_elbow"):
        values[..., 2 * LANDMARK_COUNT + LANDMARK_INDEX[name]] = 0.8
    values[..., 3 * LANDMARK_COUNT + 3 * LANDMARK_INDEX["left_elbow"] + 2] = 1.0  # its depth
    maps = landmark_maps(replace(given, values=values))
    assert maps.shape == (1, 1, MAP_CHANNELS, MAP_SIZE, MAP_SIZE)
    limb = LIMBS.index(("left_shoulder", "left_elbow"))
    stroke, depth = maps[0, 0, 2 * limb], maps[0, 0, 2 * limb + 1]
    column = int((-0.5 + 1) / 2 * MAP_SIZE)
    middle = slice(MAP_SIZE // 4 + 1, 3 * MAP_SIZE // 4 - 1)
    assert stroke[middle, column].min() > 0.6
    assert stroke[middle, column + 5 :].max() < 1e-3
    assert stroke[:2].max() < 0.05
    # from 0 at the shoulder to 1 at the elbow
    part = (depth / stroke)[middle, column]
    assert torch.allclose(part, (torch.arange(MAP_SIZE)[middle] + 0.5) / (MAP_SIZE / 2) - 0.5, atol=0.05)
    # nobody sees the other limbs
    others = [channel for channel in range(0, MAP_CHANNELS, 2) if channel != 2 * limb]
    assert maps[0, 0, others].max() == 0


def test_the_maps_are_what_tar_reads() -> None:
    assert (tar.LANDMARK.local_channels, tar.LANDMARK.local_size) == (MAP_CHANNELS, MAP_SIZE)
