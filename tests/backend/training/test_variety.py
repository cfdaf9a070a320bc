import math
from dataclasses import replace

import pytest
import torch

from backend.body import TorchBody
from backend.training import quaternions, variety
from backend.training.chance import Chance
from backend.training.limb_poses import LIMB_OF_JOINT
from backend.training.variety import UNSTRETCHED_MOTION, Clips, MotionVariety, draw_motion
from smpl_rig.skeleton import INDEX, JOINT_NAMES, MIRROR

PLAIN = UNSTRETCHED_MOTION


def test_what_is_drawn_is_motion(clips: Clips, generator: torch.Generator) -> None:
    motion = draw_motion(clips, 40, 33, MotionVariety(), generator)
    identity = torch.eye(3).expand_as(motion.rotations)
    assert torch.allclose(motion.rotations @ motion.rotations.mT, identity, atol=1e-5)
    assert torch.allclose(torch.linalg.det(motion.rotations), torch.ones(40, 33, 24), atol=1e-5)
    rates = 1 / motion.times_s.diff(dim=1)
    assert rates.min() > 11.9
    assert rates.max() < 60.1
    assert (motion.times_s[:, 0] == 0).all()


def test_nothing_leaps_from_frame_to_frame(clips: Clips, generator: torch.Generator) -> None:
    motion = draw_motion(clips, 60, 33, MotionVariety(rates=(30, 60)), generator)
    cosine = ((motion.rotations[:, 1:].mT @ motion.rotations[:, :-1]).diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    angle = torch.arccos(cosine.clamp(-1, 1))
    assert angle.max() < 0.6, "radians in a thirtieth of a second"


def test_a_plain_draw_is_the_library_s_motion(clips: Clips, generator: torch.Generator) -> None:
    motion = draw_motion(clips, 20, 30, PLAIN, generator)
    knees = motion.rotations[:, :, INDEX["left_knee"]]
    bend = torch.atan2(knees[..., 2, 1], knees[..., 1, 1])
    assert bend.min() > 0.1 - 1e-3
    assert bend.max() < 0.9 + 1e-3
    # a second shows nearly the whole of a swing that takes a second; the short clip has less to show
    assert (bend.amax(1) - bend.amin(1)).median() > 0.75


def test_hinges_never_bend_backwards(clips: Clips, generator: torch.Generator) -> None:
    loose = replace(PLAIN, loosened=1.0, offset_rad=0.6)
    motion = draw_motion(clips, 60, 10, loose, generator)
    knees = motion.rotations[:, :, INDEX["right_knee"]]
    assert torch.atan2(knees[..., 2, 1], knees[..., 1, 1]).min() > 0


def test_a_mirror_image_is_a_reflection(clips: Clips, torch_body: TorchBody) -> None:
    local, pelvis = clips.rotations[None, :5], clips.pelvis[None, :5]
    flipped, across = variety._mirrored(local, pelvis, torch.tensor([[True]]))
    rest = torch_body.rest_joints(torch.zeros(1, 10))
    rest = (rest + rest[:, MIRROR] * torch.tensor([-1, 1, 1])) / 2  # bodies are symmetric up to their mesh

    def joints(quaternion: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        _, positions = torch_body.forward_kinematics(quaternions.matrix(quaternion[0]), rest, place[0] - rest[:, 0])
        return positions

    mirrored = joints(local, pelvis)[:, MIRROR] * torch.tensor([-1, 1, 1])
    assert torch.allclose(joints(flipped, across), mirrored, atol=1e-5)


def test_limbs_come_from_another_clip_whole_and_each_by_itself(generator: torch.Generator) -> None:
    chance = Chance(torch.device("cpu"), generator)
    mixed = variety._mixed(chance, 4000, replace(PLAIN, limbs_mixed=0.5))
    limb = torch.tensor(LIMB_OF_JOINT)
    for number in range(5):
        joints = mixed[:, limb == number]
        assert (joints == joints[:, :1]).all(), "a limb comes whole"
        assert joints.float().mean() == pytest.approx(0.25 if number else 0.0, abs=0.03), "the trunk stays"
    arms = mixed[:, [INDEX["left_elbow"], INDEX["right_elbow"]]]
    assert (arms[:, 0] != arms[:, 1]).float().mean() == pytest.approx(0.25, abs=0.03), "one arm without the other"


def test_those_who_sit_and_lie_are_not_rare(clips: Clips, generator: torch.Generator) -> None:
    chance = Chance(torch.device("cpu"), generator)
    # the low clip is a thirtieth of the library
    lying = replace(clips, pelvis=torch.where(torch.arange(212)[:, None] >= 200, 0.0, 1.0).expand(-1, 3))
    _, pelvis = variety._play(lying, chance, 2000, torch.arange(3)[None] / 30, replace(PLAIN, low=0.2))
    part = (pelvis[:, 0, 0] < 0.5).float().mean()
    assert 0.25 < part < 0.45, "a fifth, and its share of the rest"


def test_a_clip_played_to_and_fro_does_not_bounce_at_its_ends(generator: torch.Generator) -> None:
    """Somebody glides at 2 m/s for a second; at a sharp turn their speed would change by 4 m/s from frame to frame."""
    local = torch.zeros(31, 24, 4)
    local[..., 0] = 1
    pelvis = torch.linspace(0, 2, 31)[:, None] * torch.tensor([1.0, 0.0, 0.0])
    gliding = Clips(
        local, pelvis, torch.tensor([0]), torch.tensor([31]), rates=torch.tensor([30.0]), low=torch.tensor([0.0])
    )
    motion = draw_motion(gliding, 20, 120, PLAIN, generator)
    change = motion.pelvis.diff(n=2, dim=1).norm(dim=-1) * 30  # m/s from frame to frame
    assert change.max() < 1.0
    assert motion.pelvis.diff(dim=1).norm(dim=-1).max() * 30 > 1.9
    assert (
        motion.pelvis.norm(dim=-1).amax(1) - motion.pelvis.norm(dim=-1).amin(1)
    ).min() > 1.65  # of 2 m, 0.15 m are lost at each end


def test_nearly_straight_legs_are_straightened_and_feet_stay_flat_below_the_hips(torch_body: TorchBody) -> None:
    """Of a leg bent by 20 degrees hardly a thirtieth of the bend is left; one bent by 140 stays as it is."""
    bend = torch.deg2rad(torch.tensor([20.0, 140.0]))
    vectors = torch.zeros(1, 2, 24, 3)
    for side in ("left", "right"):
        vectors[..., INDEX[f"{side}_hip"], 0] = -bend / 2
        vectors[..., INDEX[f"{side}_knee"], 0] = bend
        vectors[..., INDEX[f"{side}_ankle"], 0] = -bend / 2
    bent = quaternions.exp(vectors)
    straight = variety._straightened(_Always(), bent, replace(PLAIN, straightened=1.0))
    left = quaternions.log(straight[0, :, INDEX["left_knee"]])
    assert 0.02 < left[0, 0] / bend[0] < 0.034
    assert left[1, 0] / bend[1] > 0.99

    rest = torch_body.rest_joints(torch.zeros(1, 10)).expand(2, -1, -1)
    before, _ = torch_body.forward_kinematics(quaternions.matrix(bent[0]), rest, torch.zeros(2, 3))
    turned, places = torch_body.forward_kinematics(quaternions.matrix(straight[0]), rest, torch.zeros(2, 3))
    for side in ("left", "right"):
        ankle = INDEX[f"{side}_ankle"]
        assert torch.allclose(turned[:, ankle], before[:, ankle], atol=1e-5), "the foot is turned as before"
        below = places[0, ankle] - places[0, INDEX[f"{side}_hip"]]
        assert below[2].abs() < 0.06, "metres before or behind the hip"


def test_poses_put_together_sit_and_reach_as_often_as_asked(clips: Clips, generator: torch.Generator) -> None:
    """The library's elbows bend by 1.2 rad at most, its hips by less; anywhere, elbows bend by up to 145 degrees."""
    chance = Chance(torch.device("cpu"), generator)
    asked = replace(PLAIN, at_rest=0.2, anywhere=0.3, seated=0.25)
    poses = variety._assembled(clips, chance, 6000, asked)[:, 0]
    turned = quaternions.log(poses).norm(dim=-1)
    elbows, hips = ([INDEX[f"{side}_{joint}"] for side in ("left", "right")] for joint in ("elbow", "hip"))
    expected = 0.3 * (1 - 1.25 / math.radians(145))
    assert (turned[:, elbows] > 1.25).float().mean() == pytest.approx(expected, abs=0.02)
    sits = (turned[:, hips] > 1.0).all(dim=1).float().mean()
    # of those who do not sit, a few have both legs somewhere that is as far
    assert 0.22 < sits < 0.30


def test_some_poses_put_together_stand_with_all_limbs_at_rest(clips: Clips, generator: torch.Generator) -> None:
    chance = Chance(torch.device("cpu"), generator)
    poses = variety._assembled(clips, chance, 4000, replace(PLAIN, standing=0.2, seated=0.5))[:, 0]
    turned = quaternions.log(poses).norm(dim=-1)
    shoulders = [INDEX["left_shoulder"], INDEX["right_shoulder"]]
    others = [joint for joint in range(len(JOINT_NAMES)) if joint not in shoulders]
    stands = (turned[:, others] < 0.3).all(dim=1)
    assert stands.float().mean() == pytest.approx(0.2, abs=0.02)
    arms = turned[stands][:, shoulders]
    assert arms.max() > 1.2
    assert arms.min() < 0.2


def test_poses_of_the_library_alone_draw_nothing_but_their_moments(clips: Clips) -> None:
    """What is measured stays the same, whatever else training puts together."""
    one, other = (torch.Generator().manual_seed(0) for _ in range(2))
    variety._assembled(clips, Chance(torch.device("cpu"), one), 7, PLAIN)
    Chance(torch.device("cpu"), other).uniform(7, 5)
    assert torch.equal(one.get_state(), other.get_state())


class _Always(Chance):
    """All is drawn, at its fullest."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"), torch.Generator())

    def uniform(self, *shape: int) -> torch.Tensor:
        return torch.ones(*shape)

    def some(self, count: int, part: float) -> torch.Tensor:
        return torch.ones(count, 1, dtype=torch.bool)
