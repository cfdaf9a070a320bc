"""The real files of free motion, where they are: a few of each family, and what is told about them."""

from pathlib import Path

import numpy as np
import pytest

from backend.training.motions.reading import Stature, Take, read_takes, stature
from smpl_rig import kinematics, rotations
from smpl_rig.body import Body
from smpl_rig.skeleton import INDEX

SHARED = Path(__file__).parents[5] / "shared"
SKELETONS = {
    "lShldr, BVH": "cmu_salsa_25",
    "lShldr, FBX": "cmu_fbx_walkstyle_91_50",
    "LeftUpLeg, hip joints": "cmu_walking_train_1",
    "LeftUpLeg, ends": "cmu_fbx_walk_07_01",
    "LeftUpLeg, three spine joints": "cmu_fbx_martial_135_01",
    "upperarm_l": "cc0_jumping_jacks",
    "upperarm.l": "cc0_kaykit_walking_a",
}


@pytest.fixture(scope="module")
def size(body: Body) -> Stature:
    return stature(body)


def takes(size: Stature, name: str) -> list[Take]:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return list(read_takes(path, size))


def places(size: Stature, name: str) -> np.ndarray:
    """(T, 24, 3) of the first clip."""
    clip = takes(size, f"motions/{name}.npz")[0].clips[0]
    _, joints = kinematics.forward_kinematics(clip.local_rotations, size.rest_joints, clip.pelvis - size.rest_joints[0])
    return joints


@pytest.mark.parametrize("name", SKELETONS.values(), ids=SKELETONS)
def test_every_family_of_skeletons_agrees_with_its_source(name: str, size: Stature) -> None:
    (take,) = takes(size, f"motions/{name}.npz")
    assert take.refusal == ""
    assert max(clip.error_m for clip in take.clips) < 0.001


@pytest.mark.parametrize("name", SKELETONS.values(), ids=SKELETONS)
def test_knees_and_elbows_bend_as_people_s_do(name: str, size: Stature) -> None:
    """In the thigh's and the upper arm's axes shins go back and forearms forward; none bends backwards."""
    clip = takes(size, f"motions/{name}.npz")[0].clips[0]
    vectors = rotations.log(clip.local_rotations)
    knees = [vectors[:, INDEX[f"{side}_knee"], 0] for side in ("left", "right")]
    elbows = [sign * -vectors[:, INDEX[f"{side}_elbow"], 1] for side, sign in (("left", 1), ("right", -1))]
    bends = np.rad2deg(np.stack((*knees, *elbows)))  # (4, T)
    assert np.percentile(bends, 1, axis=1).min() > -10
    assert bends.max(axis=1).min() > 5
    head = rotations.rotate(kinematics.global_rotations(clip.local_rotations)[:, INDEX["head"]], np.array([0, 1.0, 0]))
    assert np.median(head[:, 2]) > 0.7, "upright"


@pytest.mark.parametrize("name", ["cmu_walking_train_1", "cmu_fbx_walk_07_01", "cmu_fbx_walk_08_02"])
def test_who_walks_walks_where_toes_and_face_point(name: str, size: Stature) -> None:
    joints = places(size, name)
    path = joints[-1, 0] - joints[0, 0]
    path /= np.linalg.norm(path)
    for side in ("left", "right"):
        toes = joints[:, INDEX[f"{side}_foot"]] - joints[:, INDEX[f"{side}_ankle"]]
        assert np.median(toes @ path) > 0.05
    left = joints[:, INDEX["left_hip"]] - joints[:, INDEX["right_hip"]]
    assert np.median(np.cross(path, left)[:, 2]) > 0.05, "the left hip is on the left"
    lowest = joints[..., 2].min(axis=1)
    assert np.percentile(lowest, 95) < 0.15, "one foot is always on the floor"


@pytest.mark.parametrize(
    ("name", "low"),
    [
        ("cc0_crawl", 1.0),
        ("cc0_kaykit_lie_idle", 1.0),
        ("cc0_kaykit_sit_chair_idle", 1.0),
        ("cmu_walking_train_1", 0.0),
    ],
)
def test_who_crawls_lies_or_sits_is_low(name: str, low: float, size: Stature) -> None:
    assert [clip.low for clip in takes(size, f"motions/{name}.npz")[0].clips] == [low]


def test_a_capture_s_first_frame_of_calibration_is_cut_off(size: Stature) -> None:
    (take,) = takes(size, "motions/cmu_walking_train_2.npz")
    (clip,) = take.clips
    assert len(clip.pelvis) < 300, "the file has 300 frames, of which the first is a T-pose"


def test_animations_of_a_glb_are_takes(size: Stature) -> None:
    found = {take.animation: take for take in takes(size, "rigs/kaykit_mannequin/Med_MovementBasic.glb")}
    assert len(found) == 11
    assert {name for name, take in found.items() if take.refusal} == {"Rig_Medium|T-Pose"}, "two frames are no motion"
    assert all(clip.error_m < 0.001 for take in found.values() for clip in take.clips)


def test_bvh_files_of_several_makers(size: Stature) -> None:
    folder = SHARED / "bvh"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    for path in sorted(folder.glob("*.bvh")):
        (take,) = read_takes(path, size)
        assert take.refusal == "", path.name
        assert all(clip.error_m < 0.015 for clip in take.clips), path.name
