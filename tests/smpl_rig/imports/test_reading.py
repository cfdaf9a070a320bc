"""Files of every kind by their endings, on a body, standing on the floor."""

from pathlib import Path

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.errors import LimberError
from smpl_rig.imports.placing import Wearer
from smpl_rig.imports.reading import read_motions
from smpl_rig.motion import Motion
from smpl_rig.skeletal_motion import SkeletalMotion
from smpl_rig.skeleton import INDEX

from ...foreign_figure import Build, foreign_figure

SHARED = Path(__file__).resolve().parents[4] / "shared"


def bvh_text(motion: SkeletalMotion, order: str = "ZXY", positions_everywhere: bool = False) -> str:
    """Written here by the format's rules alone: angles in degrees, first named outermost."""
    children = [
        [child for child, parent in enumerate(motion.parents) if parent == joint] for joint in range(len(motion.names))
    ]
    sequence: list[int] = []

    def lines(joint: int) -> list[str]:
        sequence.append(joint)
        is_root = motion.parents[joint] < 0
        places = "Xposition Yposition Zposition " if is_root or positions_everywhere else ""
        turns = " ".join(f"{axis}rotation" for axis in order)
        inner = [line for child in children[joint] for line in lines(child)] or [
            "End Site",
            "{",
            "OFFSET 0 0.01 0",
            "}",
        ]
        offset = " ".join(str(value) for value in motion.offsets[joint])
        count = 6 if places else 3
        head = [f"{'ROOT' if is_root else 'JOINT'} {motion.names[joint]}", "{", f"OFFSET {offset}"]
        return [*head, f"CHANNELS {count} {places}{turns}", *inner, "}"]

    hierarchy = lines(0)
    rows = []
    for frame in range(len(motion)):
        row: list[float] = []
        for joint in sequence:
            if joint == 0 or positions_everywhere:
                row += motion.local_positions[frame, joint].tolist()
            row += np.rad2deg(euler(motion.local_rotations[frame, joint], order)).tolist()
        rows.append(" ".join(f"{value:.9f}" for value in row))
    return "\n".join(["HIERARCHY", *hierarchy, "MOTION", f"Frames: {len(rows)}", "Frame Time: 0.0333333333", *rows, ""])


def euler(quaternion: np.ndarray, order: str) -> np.ndarray:
    """Angles (3,) of R = R_first R_second R_third, for an order of three different axes."""
    first, second, third = ("XYZ".index(axis) for axis in order)
    matrix = rotations.to_matrix(quaternion)
    sign = 1 if (second - first) % 3 == 1 else -1
    return np.array(
        [
            np.arctan2(-sign * matrix[second, third], matrix[third, third]),
            np.arcsin(np.clip(sign * matrix[first, third], -1, 1)),
            np.arctan2(-sign * matrix[first, second], matrix[first, first]),
        ]
    )


def limb_directions(motion: Motion) -> np.ndarray:
    """(T, 8, 3) of thighs, shins, upper arms and forearms."""
    ends = [(f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in
            (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))]  # fmt: skip
    bones = np.stack([motion.joints_world[:, INDEX[b]] - motion.joints_world[:, INDEX[a]] for a, b in ends], axis=1)
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "ZYX", "YXZ", "YZX", "XZY"])
@pytest.mark.parametrize("arms_down", [0.0, 0.8])
def test_bvh_of_every_order_from_a_t_pose_and_an_a_pose(
    smpl: Wearer, tmp_path: Path, order: str, arms_down: float
) -> None:
    """Limbs point where they were made to: the truth is the other skeleton's own joints, in Y-up centimetres."""
    figure = foreign_figure(Build(arms_down=arms_down, unit=100, arm=1.2, leg=0.9)).motion
    (tmp_path / "take.bvh").write_text(bvh_text(figure, order, positions_everywhere=order == "YZX"))
    (motion,) = read_motions(tmp_path / "take.bvh", smpl)
    assert motion.mocap_framerate == pytest.approx(30)
    assert motion.model == "bvh"
    _, places = figure.forward_kinematics()
    at = {name: places[:, index] for index, name in enumerate(figure.names)}
    ends = [(f"{side}{a}", f"{side}{b}") for side in ("Left", "Right") for a, b in
            (("UpLeg", "Leg"), ("Leg", "Foot"), ("Arm", "ForeArm"), ("ForeArm", "Hand"))]  # fmt: skip
    bones = np.stack([at[b] - at[a] for a, b in ends], axis=1) @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    expected = bones / np.linalg.norm(bones, axis=-1, keepdims=True)
    apart = np.rad2deg(np.arccos(np.clip(np.sum(expected * limb_directions(motion), axis=-1), -1, 1)))
    assert apart.max() < 3.5  # the body's own limbs are bent a little at rest
    lowest = motion.joints_world[..., 2].min(axis=1)
    assert np.percentile(lowest, 2) == pytest.approx(0, abs=0.05)


def test_archives_of_skeletons_and_motion_files(smpl: Wearer, tmp_path: Path, make_motion: object) -> None:
    figure = foreign_figure(Build()).motion
    np.savez(
        tmp_path / "clip.npz",
        fps=30.0,
        joint_names=np.array(figure.names),
        parents=np.array(figure.parents),
        rest_offsets_m=figure.offsets,
        rotations_wxyz=figure.local_rotations,
        root_position_m=figure.local_positions[:, 0],
    )
    (motion,) = read_motions(tmp_path / "clip.npz", smpl)
    assert motion.model == "skeleton"
    motion.save(tmp_path / "again.npz")
    (again,) = read_motions(tmp_path / "again.npz", smpl)
    np.testing.assert_array_equal(again.poses, motion.poses)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.bvh", r"gone\.bvh does not exist"),
        ("take.fbx", r"take\.fbx ends in '\.fbx', expected one of \.bvh.* Blender, for one, writes"),
        ("result.pt", r"limber import result\.pt"),
        ("07.asf", r"Choose the \.amc"),
        ("empty.npz", r"empty\.npz is not a readable archive: it is no archive \(\.npz\) at all\."),
        ("empty.bvh", r"empty\.bvh: There is no 'MOTION'"),
        ("empty.pkl", r"empty\.pkl: "),
        ("empty.glb", r"empty\.glb"),
        ("07_01.amc", r"no 07\.asf beside it"),
    ],
)
def test_what_cannot_be_read_is_named(smpl: Wearer, tmp_path: Path, name: str, said: str) -> None:
    if not name.startswith("gone"):
        (tmp_path / name).touch()
    with pytest.raises(LimberError, match=said):
        read_motions(tmp_path / name, smpl)


def test_a_folder_is_told_from_what_is_not_there(smpl: Wearer, tmp_path: Path) -> None:
    with pytest.raises(LimberError, match=r"is a folder\. Choose a file of motion"):
        read_motions(tmp_path, smpl)


def test_a_rate_for_a_file_that_tells_its_own_is_refused(smpl: Wearer, tmp_path: Path) -> None:
    (tmp_path / "take.bvh").write_text(bvh_text(foreign_figure(Build()).motion))
    with pytest.raises(LimberError, match=r"take\.bvh tells its own frame rate. Leave the given one \(24\) out"):
        read_motions(tmp_path / "take.bvh", smpl, frame_rate=24)


def test_names_of_no_family_are_refused_with_the_files_name(smpl: Wearer, tmp_path: Path) -> None:
    text = bvh_text(foreign_figure(Build()).motion).replace("Hips", "Huefte")
    (tmp_path / "take.bvh").write_text(text)
    with pytest.raises(LimberError, match=r"take\.bvh: .*fit no known family"):
        read_motions(tmp_path / "take.bvh", smpl)


REAL = (
    "bvh/01_01.amc",
    "bvh/01_01.bvh",
    "bvh/custom_walking.bvh",
    "bvh/fair1_dab.bvh",
    "results/smpl_poses_trans_sample.pkl",
)


@pytest.mark.parametrize("name", REAL)
def test_real_files_stand_upright_on_the_floor(smpl: Wearer, name: str) -> None:
    if not (SHARED / name).is_file():
        pytest.skip(f"shared/{name} is not here")
    (motion,) = read_motions(SHARED / name, smpl)
    feet = motion.joints_world[:, [INDEX["left_foot"], INDEX["right_foot"]], 2].min(axis=1)
    head = motion.joints_world[:, INDEX["head"], 2]
    assert np.median(feet) == pytest.approx(0, abs=0.12)
    assert np.median(head) > 1.2


@pytest.mark.parametrize("number", [0, 1])
def test_a_real_take_is_the_same_from_amc_and_from_bvh(smpl: Wearer, number: int) -> None:
    names = ("01_01.amc", "01_01.bvh")
    if not all((SHARED / "bvh" / name).is_file() for name in names):
        pytest.skip("shared/bvh/01_01.amc and 01_01.bvh are not here")
    limb = slice(4 * number, 4 * number + 4)
    (acclaim,), (bvh,) = (read_motions(SHARED / "bvh" / name, smpl) for name in names)
    cosines = np.sum(limb_directions(acclaim)[:, limb] * limb_directions(bvh)[1:, limb], axis=-1)
    assert np.rad2deg(np.arccos(np.clip(cosines, -1, 1))).max() < 3
