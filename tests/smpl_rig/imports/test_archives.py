"""Archives of exactly the layouts that AMASS and free motion come in."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.imports.archives import amass_motion, is_amass, read_archive, skeletal_motion
from smpl_rig.skeletal_motion import SkeletalMotionError
from smpl_rig.skeleton import INDEX

from ...foreign_figure import Build, flat_body, foreign_figure

FRAMES = 7


def poses(width: int) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(0, 0.4, (FRAMES, width))
    vectors[:, 3 * INDEX["left_knee"] : 3 * INDEX["left_knee"] + 3] = (1.2, 0, 0)
    return vectors


def smplh() -> dict[str, Any]:
    """AMASS's first release: SMPL-H."""
    return {
        "poses": poses(156),
        "trans": np.linspace(0, 1, FRAMES)[:, None] * [1.0, 0, 0.9],
        "betas": np.zeros(16),
        "dmpls": np.zeros((FRAMES, 8)),
        "gender": np.array("female"),
        "mocap_framerate": np.array(120.0),
    }


def smplx() -> dict[str, Any]:
    """SMPL-X as AMASS has it since 2021: whole and in parts."""
    whole = poses(165)
    return {
        "poses": whole,
        "root_orient": whole[:, :3],
        "pose_body": whole[:, 3:66],
        "trans": np.zeros((FRAMES, 3)),
        "mocap_frame_rate": np.array(100.0),
        "surface_model_type": np.array("smplx"),
    }


def skeleton() -> dict[str, Any]:
    motion = foreign_figure(Build()).motion
    return {
        "fps": np.array(30.0),
        "joint_names": np.array(motion.names),
        "parents": np.array(motion.parents),
        "rest_offsets_m": motion.offsets.astype(np.float32),
        "rotations_wxyz": motion.local_rotations.astype(np.float32),
        "root_position_m": motion.local_positions[:, 0].astype(np.float32),
        "source": np.array("made here"),
    }


def written(path: Path, content: dict[str, Any]) -> Path:
    np.savez(path, **content)
    return path


@pytest.mark.parametrize("layout", [smplh, smplx])
def test_the_body_s_joints_are_amass_s_first_22(layout: Any, tmp_path: Path) -> None:
    content = layout()
    arrays = read_archive(written(tmp_path / "a_poses.npz", content))
    assert is_amass(arrays)
    pose, rate = amass_motion(arrays, flat_body())
    assert rate == (120 if layout is smplh else 100)
    expected = content["poses"][:, :66].reshape(FRAMES, 22, 3)
    matrices = rotations.to_matrix(rotations.exp(expected))
    np.testing.assert_allclose(rotations.to_matrix(pose.local_rotations[:, :22]), matrices, atol=1e-9)
    np.testing.assert_array_equal(np.abs(pose.local_rotations[:, 22:, 0]), 1)
    np.testing.assert_allclose(pose.pelvis, content["trans"] + flat_body()[0])


def test_parts_without_the_whole_are_the_same(tmp_path: Path) -> None:
    content = smplx()
    whole, _ = amass_motion(read_archive(written(tmp_path / "a.npz", content)), flat_body())
    del content["poses"]
    parts, _ = amass_motion(read_archive(written(tmp_path / "b.npz", content)), flat_body())
    np.testing.assert_allclose(parts.local_rotations, whole.local_rotations, atol=1e-12)


def test_smpl_s_own_24_joints_are_all_kept(tmp_path: Path) -> None:
    content = smplh() | {"poses": poses(72)}
    pose, _ = amass_motion(read_archive(written(tmp_path / "a.npz", content)), flat_body())
    hands = rotations.to_matrix(rotations.exp(content["poses"][:, 66:].reshape(FRAMES, 2, 3)))
    np.testing.assert_allclose(rotations.to_matrix(pose.local_rotations[:, 22:]), hands, atol=1e-9)


def test_a_skeleton_comes_back(tmp_path: Path) -> None:
    arrays = read_archive(written(tmp_path / "a.npz", skeleton()))
    assert not is_amass(arrays)
    motion, expected = skeletal_motion(arrays), foreign_figure(Build()).motion
    assert (motion.names, motion.parents, motion.frame_rate) == (expected.names, expected.parents, 30)
    for found, true in zip(motion.forward_kinematics(), expected.forward_kinematics(), strict=True):
        np.testing.assert_allclose(found, true, atol=1e-5)


def read_motion(path: Path) -> None:
    arrays = read_archive(path)
    if is_amass(arrays):
        amass_motion(arrays, flat_body())
    else:
        skeletal_motion(arrays)


def nan_in(array: np.ndarray) -> np.ndarray:
    spoilt = np.array(array)
    spoilt[3] = np.nan
    return spoilt


@pytest.mark.parametrize(
    ("layout", "change", "said"),
    [
        (smplh, {"poses": nan_in(poses(156))}, "'poses' holds values that are not finite numbers, first in row 3"),
        (smplh, {"poses": poses(150)}, r"'poses' has shape \(7, 150\), expected \(T, N\) with N one of 72, 156, 165"),
        (smplh, {"trans": np.zeros((6, 3))}, "'trans' has 6 frames and the pose 7"),
        (smplh, {"trans": np.zeros((7, 2))}, r"'trans' has shape \(7, 2\)"),
        (smplh, {"trans": None}, "'trans' is missing"),
        (smplh, {"mocap_framerate": None}, "'mocap_framerate'.*is missing"),
        (smplh, {"mocap_framerate": np.array(-1.0)}, "'mocap_framerate' is -1"),
        (smplx, {"poses": None, "pose_body": poses(60)}, r"shapes \(7, 3\) and \(7, 60\)"),
        (smplx, {"poses": None, "root_orient": None}, "'root_orient' is missing"),
        (skeleton, {"parents": None}, "'parents' is missing"),
        (skeleton, {"parents": np.array([0.5])}, "'parents' holds float64"),
        (skeleton, {"joint_names": np.arange(3)}, "'joint_names' holds int64"),
        (skeleton, {"rest_offsets_m": np.zeros((2, 3))}, r"'rest_offsets_m' has shape \(2, 3\)"),
        (skeleton, {"root_position_m": nan_in(np.zeros((40, 3)))}, "'root_position_m' holds.*row 3"),
        (skeleton, {"rotations_wxyz": None}, "holds no motion"),
    ],
)
def test_what_is_wrong_is_named(layout: Any, change: dict[str, Any], said: str, tmp_path: Path) -> None:
    content = {key: value for key, value in (layout() | change).items() if value is not None}
    path = written(tmp_path / "wrong.npz", content)
    with pytest.raises(SkeletalMotionError, match=said):
        read_motion(path)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path = written(tmp_path / "a.npz", smplh() | {"gender": np.array([{}], dtype=object)})
    assert "gender" not in read_archive(path), "keys that are not needed are not opened"
    with pytest.raises(SkeletalMotionError, match=r"b\.npz: Key 'poses' is damaged: Object arrays"):
        read_archive(written(tmp_path / "b.npz", smplh() | {"poses": np.array([{}], dtype=object)}))


def test_files_that_are_no_archives_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 and no more")
    single = tmp_path / "single.npz"
    with single.open("wb") as file:
        np.save(file, np.zeros(3))
    for path, said in ((broken, "not a readable archive"), (single, "a single array"), (tmp_path / "no.npz", "no.npz")):
        with pytest.raises(SkeletalMotionError, match=said):
            read_archive(path)
