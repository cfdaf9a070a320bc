import math
from dataclasses import replace

import pytest
import torch

from backend.people.tracks import LANDMARK_INDEX
from backend.training.detector import DetectorErrors, detect, misplacement, self_occlusion

from .perfect import PERFECT

K = torch.tensor([[[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]]])
SIZE = torch.tensor([[1280.0, 720.0]])


def standing(clips: int = 1, frames: int = 30) -> torch.Tensor:
    """Landmarks (clips, frames, 33, 3) of somebody who faces a camera 4 m away, as far as tests look at them."""
    points = torch.zeros(33, 3)
    for name, place in {
        "nose": (0, -0.75, -0.12), "left_ear": (0.08, -0.72, 0), "left_shoulder": (0.18, -0.5, 0),
        "left_elbow": (0.25, -0.2, 0), "left_wrist": (0.25, 0.05, -0.05), "left_index": (0.25, 0.12, -0.06),
        "left_hip": (0.1, 0, 0), "left_knee": (0.1, 0.45, 0), "left_ankle": (0.1, 0.85, 0.03),
    }.items():  # fmt: skip
        points[LANDMARK_INDEX[name]] = torch.tensor(place)
        if name.startswith("left"):
            points[LANDMARK_INDEX[name.replace("left", "right")]] = torch.tensor([-place[0], place[1], place[2]])
    return (points + torch.tensor([0.0, 0.0, 4.0])).expand(clips, frames, 33, 3)


def observe(landmarks: torch.Tensor, errors: DetectorErrors, seed: int = 0):  # type: ignore[no-untyped-def]  # noqa: ANN201
    clips, frames = landmarks.shape[:2]
    times = (torch.arange(frames) / 30).expand(clips, -1)
    hidden = torch.zeros(clips, frames, 33)
    generator = torch.Generator().manual_seed(seed)
    return detect(landmarks, hidden, K.expand(clips, 3, 3), times, SIZE.expand(clips, 2), errors, generator)


def projected(landmarks: torch.Tensor) -> torch.Tensor:
    pixels = landmarks @ K[0].T
    return pixels[..., :2] / pixels[..., 2:]


def test_without_errors_it_is_the_truth() -> None:
    landmarks = standing()
    seen = observe(landmarks, PERFECT)
    assert torch.allclose(seen.landmarks2d[..., :2], projected(landmarks), atol=1e-3)
    hips = landmarks[:, :, [23, 24]].mean(2, keepdim=True)
    assert torch.allclose(seen.landmarks3d, landmarks - hips, atol=1e-5)
    assert seen.observed.all()
    assert seen.trusted_3d.all()


def test_errors_in_the_picture_are_as_large_as_asked() -> None:
    landmarks = standing(400)
    height_px = 1.7 * 1000 / landmarks[..., 2].mean()
    shoulder = LANDMARK_INDEX["left_shoulder"]  # others err by a factor of their own
    for name in ("image_bias", "image_wander", "image_jitter"):
        seen = observe(landmarks, replace(PERFECT, **{name: (0.02, 0.02)}))
        error = (seen.landmarks2d[..., shoulder, :2] - projected(landmarks)[..., shoulder, :]) / height_px
        assert error.square().mean().sqrt() == pytest.approx(0.02, rel=0.1), name


def test_a_bias_lasts_and_jitter_does_not() -> None:
    landmarks = standing(50)
    bias = observe(landmarks, replace(PERFECT, image_bias=(0.02, 0.02))).landmarks2d[..., :2]
    assert torch.allclose(bias, bias[:, :1].expand_as(bias), atol=1e-3)
    wander = observe(landmarks, replace(PERFECT, image_wander=(0.02, 0.02))).landmarks2d[..., 11, :2]
    jitter = observe(landmarks, replace(PERFECT, image_jitter=(0.02, 0.02))).landmarks2d[..., 11, :2]
    assert wander.diff(dim=1).square().mean() < 0.1 * jitter.diff(dim=1).square().mean()


def test_errors_grow_with_speed() -> None:
    landmarks = standing(300, 20)
    height_px = 1.7 * 1000 / 4.0
    wrist, ankle = LANDMARK_INDEX["left_wrist"], LANDMARK_INDEX["left_ankle"]
    # two heights a second to the right
    landmarks = landmarks.clone()
    landmarks[:, :, wrist, 0] += 2 * 1.7 * (torch.arange(20) / 30 - 0.3)
    landmarks[..., wrist, 2] = 4.0
    errors = replace(PERFECT, image_jitter=(0.01, 0.01), moving_errors=(0.5, 0.5))
    seen = observe(landmarks, errors)
    error = (seen.landmarks2d[..., :2] - projected(landmarks)).square().mean((0, 1, 3)).sqrt() / height_px
    still = observe(landmarks, replace(errors, moving_errors=(0.0, 0.0)))
    unmoved = (still.landmarks2d[..., :2] - projected(landmarks)).square().mean((0, 1, 3)).sqrt() / height_px
    assert error[wrist] / unmoved[wrist] == pytest.approx(2.0, rel=0.1)
    assert error[ankle] / unmoved[ankle] == pytest.approx(1.0, rel=0.1)


def test_a_mistaken_limb_is_elsewhere_for_a_moment_and_farthest_at_its_end() -> None:
    landmarks = standing(300)
    errors = replace(PERFECT, mistakes_per_s=(2.0, 2.0), mistake_s=(0.1, 0.1), mistake=(0.1, 0.1))
    seen = observe(landmarks, errors)
    off = (seen.landmarks2d[..., :2] - projected(landmarks)).norm(dim=-1)
    shoulder, elbow, wrist = (LANDMARK_INDEX[f"left_{name}"] for name in ("shoulder", "elbow", "wrist"))
    assert off[..., shoulder].max() < 1e-2, "what a limb hangs on stays"
    # eight limbs share two mistakes of three frames a second; two of them move the wrist
    assert (off[..., wrist] > 0.1).float().mean() == pytest.approx(2 / 8 * 2 * 0.1, rel=0.2)
    one = (off[..., elbow] > 0.1) & (off[..., wrist] > 0.1)
    assert (off[..., wrist] > off[..., elbow])[one].float().mean() > 0.8


def test_ankles_lie_too_far_away_and_knees_do_not() -> None:
    landmarks = standing(20)
    exact = observe(landmarks, PERFECT).landmarks3d
    error = observe(landmarks, replace(PERFECT, shins_away_m=(0.05, 0.1))).landmarks3d - exact
    ankle = error[:, :, LANDMARK_INDEX["right_ankle"], 2]
    assert ankle.min() >= 0.05
    assert ankle.max() <= 0.1
    assert error[:, :, LANDMARK_INDEX["right_knee"]].abs().max() < 1e-5


def test_heads_lie_too_near_and_shoulders_do_not() -> None:
    landmarks = standing(20)
    exact = observe(landmarks, PERFECT).landmarks3d
    error = observe(landmarks, replace(PERFECT, heads_near_m=(0.05, 0.1))).landmarks3d - exact
    for name in ("nose", "left_ear"):
        depth = error[:, :, LANDMARK_INDEX[name], 2]
        assert depth.max() <= -0.05, name
        assert depth.min() >= -0.1, name
    assert error[:, :, LANDMARK_INDEX["left_shoulder"]].abs().max() < 1e-5


def test_its_3d_trembles_along_the_line_of_sight() -> None:
    landmarks = standing(200)
    exact = observe(landmarks, PERFECT).landmarks3d
    error = observe(landmarks, replace(PERFECT, world_jitter_m=(0.02, 0.02))).landmarks3d - exact
    ear = error[:, :, LANDMARK_INDEX["left_ear"]].square().mean((0, 1)).sqrt()
    assert ear[2] == pytest.approx(0.02, rel=0.15)
    assert ear[0] < 0.5 * ear[2]


def test_its_3d_is_compressed_along_the_line_of_sight_only() -> None:
    landmarks = standing()
    world = observe(landmarks, replace(PERFECT, depth_slope=(0.5, 0.5))).landmarks3d
    exact = observe(landmarks, PERFECT).landmarks3d
    assert torch.allclose(world[..., :2], exact[..., :2], atol=1e-5)
    elbow, wrist, ankle = (LANDMARK_INDEX[f"left_{name}"] for name in ("elbow", "wrist", "ankle"))
    forearm, true = (depth[..., wrist, 2] - depth[..., elbow, 2] for depth in (world, exact))
    assert ((forearm / true > 0) & (forearm / true < 0.6)).all()
    assert torch.allclose(world[..., ankle, 2], exact[..., ankle, 2], atol=1e-5), "legs are compressed by themselves"


def test_what_is_wrong_across_the_line_of_sight_is_not_wrong_in_depth() -> None:
    landmarks = standing(300)
    exact = observe(landmarks, PERFECT).landmarks3d
    for name in ("world_bias_m", "world_wander_m"):
        error = observe(landmarks, replace(PERFECT, **{name: (0.02, 0.02)})).landmarks3d - exact
        ear = error[:, :, LANDMARK_INDEX["left_ear"]].square().mean((0, 1)).sqrt()
        assert ear[:2].mean() == pytest.approx(0.02, rel=0.15), name
        assert ear[2] < 1e-5, name


def test_its_3d_straightens_bends_and_keeps_lengths() -> None:
    landmarks = standing(1, 2).clone()
    shoulder, elbow, wrist = (LANDMARK_INDEX[f"left_{name}"] for name in ("shoulder", "elbow", "wrist"))
    landmarks[..., wrist, :] = landmarks[..., elbow, :] + torch.tensor([0.25, 0.0, 0.0])

    def bent(world: torch.Tensor) -> float:
        upper, lower = (
            world[0, 0, elbow, :2] - world[0, 0, shoulder, :2],
            world[0, 0, wrist, :2] - world[0, 0, elbow, :2],
        )
        assert lower.norm() == pytest.approx(0.25, abs=1e-4)
        return float(torch.atan2(upper[0] * lower[1] - upper[1] * lower[0], upper @ lower))

    exact, straightened = (
        bent(observe(landmarks, replace(PERFECT, straightened_rad=(most, most))).landmarks3d) for most in (0.0, 0.3)
    )
    assert abs(exact) - abs(straightened) == pytest.approx(0.3 * math.sin(abs(exact)), abs=1e-4)
    forwards = observe(standing(), replace(PERFECT, straightened_rad=(0.3, 0.3))).landmarks3d
    assert (forwards[..., 2] - observe(standing(), PERFECT).landmarks3d[..., 2]).abs().max() < 1e-5


def test_its_legs_lean_as_one() -> None:
    landmarks = standing(400)
    world = observe(landmarks, replace(PERFECT, legs_lean=(0.2, 0.2))).landmarks3d[:, 0]
    moved = world[..., 2] - (landmarks[:, 0, :, 2] - 4.0)
    left, right, shoulder = (moved[:, LANDMARK_INDEX[name]] for name in ("left_ankle", "right_ankle", "left_shoulder"))
    assert left.std() == pytest.approx(0.2 * 0.85, rel=0.15), "metres: of a metre's height a fifth"
    assert torch.allclose(left, right, atol=1e-6)
    assert shoulder.abs().max() < 1e-5


def test_limbs_of_other_lengths_are_alike_on_both_sides_and_joints_hang_together() -> None:
    moved = misplacement(replace(PERFECT, proportions_m=(0.03, 0.03)), 500, torch.Generator().manual_seed(0))
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    for part in ("shoulder", "hip", "wrist", "ankle", "foot_index"):
        left, right = moved[:, LANDMARK_INDEX[f"left_{part}"]], moved[:, LANDMARK_INDEX[f"right_{part}"]]
        assert torch.allclose(left, mirror * right)
    thumb, wrist, elbow = (moved[:, LANDMARK_INDEX[f"left_{part}"]] for part in ("thumb", "wrist", "elbow"))
    assert torch.equal(thumb, wrist), "a hand is as long as ever"
    assert (wrist - elbow)[:, 0].std() == pytest.approx(0.03, rel=0.15), "metres that forearms are longer or shorter"
    assert (wrist - elbow)[:, 1:].abs().max() == 0
    toes, heel = (moved[:, LANDMARK_INDEX[f"left_{part}"]] for part in ("foot_index", "heel"))
    assert (toes - heel)[:, 2].std() == pytest.approx(0.03, rel=0.15)


def test_a_flipped_forearm_reaches_behind_its_elbow() -> None:
    landmarks = standing(200)
    world = observe(landmarks, replace(PERFECT, flips_per_s=(8.0, 8.0), flip_s=(0.2, 0.2))).landmarks3d
    elbow, wrist = LANDMARK_INDEX["left_elbow"], LANDMARK_INDEX["left_wrist"]
    depth = world[..., wrist, 2] - world[..., elbow, 2]
    assert set(depth.mul(1000).round().unique().tolist()) == {-50.0, 50.0}


def test_left_and_right_swap_in_bursts() -> None:
    landmarks = standing(300)
    errors = replace(PERFECT, swaps_per_s=(1.0, 1.0), flip_s=(0.2, 0.2))
    shoulder = observe(landmarks, errors).landmarks2d[..., LANDMARK_INDEX["left_shoulder"], 0]
    swapped = shoulder < 640
    assert 0 < swapped.float().mean() < 0.3
    changes = swapped[:, 1:] != swapped[:, :-1]
    assert changes.float().mean() < swapped.float().mean(), "a burst lasts longer than a frame"


def test_gaps_and_missing_3d() -> None:
    landmarks = standing(300)
    seen = observe(landmarks, replace(PERFECT, gaps_per_s=(0.5, 0.5), gap_s=(0.2, 0.2), without_world=0.4))
    assert 0.8 < seen.observed.float().mean() < 0.97
    assert seen.observed[:, 0].all()
    assert 0.3 < 1 - seen.trusted_3d.float().mean() < 0.5


def test_the_body_hides_what_is_behind_it() -> None:
    front = standing(1, 1).clone()
    wrist = LANDMARK_INDEX["left_wrist"]
    front[..., wrist, :] = torch.tensor([0.0, -0.25, 3.7])  # before the belly
    behind = front.clone()
    behind[..., wrist, :] = torch.tensor([0.0, -0.25, 4.3])  # behind the back
    assert self_occlusion(front)[0, 0, wrist] < 0.05
    assert self_occlusion(behind)[0, 0, wrist] > 0.95
    turned = standing(1, 1) * torch.tensor([-1.0, 1.0, -1.0]) + torch.tensor([0.0, 0.0, 8.0])
    nose = LANDMARK_INDEX["nose"]
    assert self_occlusion(standing(1, 1))[0, 0, nose] < 0.05
    assert self_occlusion(turned)[0, 0, nose] > 0.5


def test_hidden_landmarks_are_less_visible_and_worse() -> None:
    landmarks = standing(300)
    times = (torch.arange(30) / 30).expand(300, -1)
    hidden = torch.zeros(300, 30, 33)
    hidden[..., 13] = 1.0
    errors = replace(PERFECT, image_wander=(0.01, 0.01), hidden_errors=(3.0, 3.0), hidden_visibility=(4.0, 4.0))
    seen = detect(landmarks, hidden, K.expand(300, 3, 3), times, SIZE.expand(300, 2), errors, torch.Generator())
    error = (seen.landmarks2d[..., :2] - projected(landmarks)).square().mean((0, 1, 3)).sqrt()
    assert error[13] / error[14] == pytest.approx(4.0, rel=0.15)
    logit = torch.logit(seen.landmarks2d[..., 2]).mean((0, 1))
    assert logit[14] - logit[13] == pytest.approx(4.0, rel=0.1)
    assert math.isfinite(float(logit.sum()))
