from dataclasses import fields, replace

import pytest
import torch

from backend.people.tracks import LANDMARK_COUNT, LANDMARK_INDEX, LANDMARK_NAMES
from backend.training.chance import ClipChance
from backend.training.detector_depth import ARM, LEG, DepthErrors, depth_as_seen

CLIPS, FRAMES = 400, 20
HIDDEN = torch.zeros(CLIPS, FRAMES, LANDMARK_COUNT)


def drawn(seed: int = 0) -> ClipChance:
    return ClipChance((torch.arange(FRAMES) / 30).expand(CLIPS, -1), (0.3, 0.3), torch.Generator().manual_seed(seed))


def each(**values: float) -> DepthErrors:
    """Errors of all clips: none but those that are named."""
    exact = {entry.name: 1.0 if "slope" in entry.name else 0.0 for entry in fields(DepthErrors)}
    return DepthErrors(**{name: torch.full((CLIPS, 1), value) for name, value in (exact | values).items()})


def depths() -> torch.Tensor:
    """(CLIPS, FRAMES, 33) metres from the middle of the hips."""
    depth = 0.3 * torch.randn(CLIPS, 1, LANDMARK_COUNT, generator=torch.Generator().manual_seed(1))
    hips = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
    return (depth - depth[..., hips].mean(-1, keepdim=True)).expand(-1, FRAMES, -1)


def along(depth: torch.Tensor, start: str, end: str) -> torch.Tensor:
    return depth[..., LANDMARK_INDEX[end]] - depth[..., LANDMARK_INDEX[start]]


def test_without_errors_it_is_the_truth() -> None:
    assert torch.allclose(depth_as_seen(depths(), HIDDEN, each(), drawn()), depths(), atol=1e-6)


@pytest.mark.parametrize(("bones", "part"), [(ARM, "arms_slope"), (LEG, "legs_slope")])
def test_each_bone_of_a_limb_is_compressed_by_its_own_power(bones: tuple, part: str) -> None:  # type: ignore[type-arg]
    seen = depth_as_seen(depths(), HIDDEN, each(**{part: 0.5}), drawn())
    for bone in bones:
        for side in ("left_", "right_"):
            true, told = (along(depth, side + bone.start, side + bone.ends[-1]) for depth in (depths(), seen))
            assert torch.allclose(told, 0.5**bone.power * true, atol=1e-5), side + bone.ends[-1]


def test_hips_keep_their_depth_and_faces_are_stretched_where_the_trunk_is_compressed() -> None:
    seen = depth_as_seen(depths(), HIDDEN, each(trunk_slope=0.5), drawn())
    for start, end, low, high in (
        ("left_hip", "right_hip", 1.0, 1.0),
        ("left_shoulder", "right_shoulder", 0.8, 1.0),
        ("left_ear", "right_ear", 1.1, 1.6),
    ):
        part = along(seen, start, end) / along(depths(), start, end)
        assert part.min() > low - 1e-3, end
        assert part.max() < high + 1e-3, end


def test_what_hangs_on_a_bone_errs_with_it() -> None:
    error = depth_as_seen(depths(), HIDDEN, each(leaning=1.0), drawn()) - depths()
    spread = [error[:, 0, LANDMARK_INDEX[f"left_{name}"]].std() for name in ("hip", "knee", "ankle")]
    assert spread[0] < spread[1] < spread[2]


def test_what_stays_stays_and_what_wanders_changes() -> None:
    leaning = depth_as_seen(depths(), HIDDEN, each(leaning=1.0), drawn()) - depths()
    assert torch.allclose(leaning, leaning[:, :1].expand_as(leaning), atol=1e-6)
    swaying = depth_as_seen(depths(), HIDDEN, each(swaying=1.0), drawn()) - depths()
    assert along(swaying, "left_elbow", "left_wrist").std(1).mean() > 0.01


@pytest.mark.parametrize("name", ["leaning", "swaying"])
@pytest.mark.parametrize(("coherence", "least", "most"), [(0.0, -0.15, 0.15), (0.6, 0.45, 0.75), (1.0, 0.98, 1.0)])
def test_bones_of_a_limb_err_as_much_alike_as_asked(name: str, coherence: float, least: float, most: float) -> None:
    error = depth_as_seen(depths(), HIDDEN, each(coherence=coherence, **{name: 1.0}), drawn()) - depths()
    bones = ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("right_shoulder", "right_elbow")
    told = torch.corrcoef(torch.stack([along(error, *bone).flatten() for bone in bones]))
    assert least <= told[0, 1] <= most
    assert told[0, 2].abs() < 0.2, "the other arm has errors of its own"


def test_bones_sway_more_where_they_are_hidden() -> None:
    elbow = LANDMARK_INDEX["left_elbow"]
    hidden = HIDDEN.clone()
    hidden[..., elbow] = 1.0
    plain, more = (depth_as_seen(depths(), seen, each(swaying=1.0), drawn()) - depths() for seen in (HIDDEN, hidden))
    upper = [along(error, "left_shoulder", "left_elbow") for error in (plain, more)]
    assert torch.allclose(upper[1], 1.5 * upper[0], atol=1e-5)


def test_all_landmarks_are_told() -> None:
    seen = depth_as_seen(depths(), HIDDEN, replace(each(leaning=1.0, swaying=1.0)), drawn())
    assert seen.shape == (CLIPS, FRAMES, len(LANDMARK_NAMES))
    assert seen.isfinite().all()
