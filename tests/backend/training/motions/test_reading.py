"""Whole files to clips on the floor."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.training.motions import reading
from backend.training.motions.reading import Stature, Take, motion_files, read_takes
from smpl_rig import kinematics, rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.skeleton import INDEX

from ....foreign_figure import Build, Figure, flat_body, foreign_figure

#: The toes' joints lie at -0.94.
BODY = Stature(flat_body(), soles=-0.97)


def write_archive(path: Path, figure: Figure, rate: float = 30.0) -> Path:
    motion = figure.motion
    np.savez(
        path,
        fps=rate,
        joint_names=np.array(motion.names),
        parents=np.array(motion.parents),
        rest_offsets_m=motion.offsets,
        rotations_wxyz=motion.local_rotations,
        root_position_m=motion.local_positions[:, 0],
        source="made here",
    )
    return path


def write_amass(path: Path, local: np.ndarray, pelvis: np.ndarray, rate: float) -> Path:
    poses = np.zeros((len(local), 156))
    poses[:, :66] = rotations.log(local[:, :22]).reshape(len(local), 66)
    np.savez(path, poses=poses, trans=pelvis - BODY.rest_joints[0], mocap_framerate=rate, gender="neutral")
    return path


def only(path: Path) -> Take:
    (take,) = read_takes(path, BODY)
    return take


def heights(take: Take) -> np.ndarray:
    """(T, 24) of the joints of the first clip."""
    clip = take.clips[0]
    _, places = kinematics.forward_kinematics(clip.local_rotations, BODY.rest_joints, clip.pelvis - BODY.rest_joints[0])
    return places[..., 2]


def standing(frames: int = 60, height: float = 0.97) -> tuple[np.ndarray, np.ndarray]:
    local = np.tile(rotations.IDENTITY, (frames, 24, 1))
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    return local, np.tile([0.3, -0.2, height], (frames, 1))


def test_a_skeleton_s_archive_becomes_a_clip(tmp_path: Path) -> None:
    figure = foreign_figure(Build(arms_down=0.9, spine=2, leg=0.7))
    take = only(write_archive(tmp_path / "a.npz", figure))
    assert take.source == "made here"
    (clip,) = take.clips
    assert clip.rate == 30
    assert clip.error_m < 0.002
    same = np.abs(np.sum(clip.local_rotations * figure.local_rotations, axis=-1))
    np.testing.assert_allclose(same, 1, atol=1e-6)
    moved = clip.pelvis - figure.pelvis
    np.testing.assert_allclose(moved, np.broadcast_to([0, 0, moved[0, 2]], moved.shape), atol=1e-6)


def test_the_soles_stand_on_the_floor_wherever_the_source_s_lies(tmp_path: Path) -> None:
    local, pelvis = standing(height=17.0)
    take = only(write_amass(tmp_path / "a.npz", local, pelvis, 30.0))
    lowest = heights(take).min(axis=1)
    np.testing.assert_allclose(lowest, 0.03, atol=1e-6)
    assert take.clips[0].low == 0
    assert np.isnan(take.clips[0].error_m)


def test_some_lost_frames_below_the_floor_do_not_lift_the_rest(tmp_path: Path) -> None:
    local, pelvis = standing(frames=200)
    pelvis[100] -= [0, 0, 0.3]
    np.testing.assert_allclose(heights(only(write_amass(tmp_path / "a.npz", local, pelvis, 30.0)))[0].min(), 0.03,
                               atol=1e-6)  # fmt: skip


def test_who_kneels_for_half_of_the_clip_is_low_for_half(tmp_path: Path) -> None:
    local, pelvis = standing(frames=100)
    bend = np.concatenate((np.zeros(40), np.linspace(0, 1, 20), np.ones(40)))[:, None]
    for side in ("left", "right"):
        local[:, INDEX[f"{side}_hip"]] = rotations.exp(bend * [-1.5, 0, 0])
        local[:, INDEX[f"{side}_knee"]] = rotations.exp(bend * [2.4, 0, 0])
    pelvis[:, 2] -= 0.5 * bend[:, 0]
    assert only(write_amass(tmp_path / "a.npz", local, pelvis, 30.0)).clips[0].low == pytest.approx(0.5, abs=0.1)


def test_who_jumps_is_not_low(tmp_path: Path) -> None:
    local, pelvis = standing(frames=100)
    pelvis[:, 2] += 0.4 * np.abs(np.sin(np.arange(100) / 10))
    assert only(write_amass(tmp_path / "a.npz", local, pelvis, 30.0)).clips[0].low == 0


@pytest.mark.parametrize(("rate", "kept"), [(120.0, 60.0), (100.0, 50.0), (60.0, 60.0), (59.94, 59.94), (25.0, 25.0)])
def test_no_clip_is_faster_than_it_need_be(rate: float, kept: float, tmp_path: Path) -> None:
    (clip,) = only(write_amass(tmp_path / "a.npz", *standing(frames=121), rate)).clips
    assert clip.rate == pytest.approx(kept)
    assert len(clip.pelvis) / clip.rate == pytest.approx(121 / rate, abs=0.02)


def test_a_frame_of_calibration_and_a_leap_are_cut_out(tmp_path: Path) -> None:
    figure = foreign_figure(Build(), frames=90)
    motion = figure.motion
    spoilt = motion.local_rotations.copy()
    spoilt[0] = rotations.IDENTITY  # a T-pose that the next frame has nothing to do with
    spoilt[60:, 0] = rotations.multiply(spoilt[60:, 0], rotations.exp(np.array([0, 2.5, 0])))
    take = only(write_archive(tmp_path / "a.npz", replace(figure, motion=replace(motion, local_rotations=spoilt))))
    # a twentieth of a second is two frames on either side: 0 to 2 and 58 to 61 are dropped
    assert [len(clip.pelvis) for clip in take.clips] == [55, 28]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"poses": np.full((9, 156), np.nan)}, "'poses' holds values that are not finite"),
        ({"poses": np.zeros((2, 156)), "trans": np.zeros((2, 3))}, "nothing is left between leaps"),
        ({"poses": np.random.default_rng(0).normal(0, 2, (90, 156)), "trans": np.zeros((90, 3))}, "nothing is left"),
        ({"unknown": np.zeros(3)}, "holds no motion"),
    ],
)
def test_an_ill_file_says_why(content: dict[str, np.ndarray], said: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"trans": np.zeros((9, 3)), "mocap_framerate": np.array(30.0)} | content)
    take = only(tmp_path / "a.npz")
    assert not take.clips
    assert said in take.refusal


def test_a_source_that_was_not_understood_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Knees that bend at another joint than the one that bears the name: a map gone wrong."""
    figure = foreign_figure(Build(), frames=60)
    names = list(figure.motion.names)
    for side in ("Left", "Right"):
        arm, hand = names.index(f"{side}ForeArm"), names.index(f"{side}Hand")
        names[arm], names[hand] = names[hand], names[arm]
    wrong = replace(figure, motion=replace(figure.motion, names=tuple(names)))
    take = only(write_archive(tmp_path / "a.npz", wrong))
    assert not take.clips
    assert "mm are allowed" in take.refusal


def test_bvh_and_unknown_names(tmp_path: Path) -> None:
    path = tmp_path / "a.bvh"
    path.write_text(
        "HIERARCHY\nROOT tail\n{\nOFFSET 0 0 0\nCHANNELS 3 Xrotation Yrotation Zrotation\n"
        "End Site\n{\nOFFSET 0 1 0\n}\n}\n"
        "MOTION\nFrames: 1\nFrame Time: 0.1\n0 0 0\n"
    )
    assert "fit no known family" in only(path).refusal
    path.write_text("HIERARCHY")
    assert only(path).refusal == "There is no 'MOTION': this is no BVH file, or only a part of one."


def test_files_that_may_hold_motion_are_found_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "CMU" / "01").mkdir(parents=True)
    for name in ("CMU/01/01_01_poses.npz", "CMU/01/shape.npz", "CMU/01/neutral_stagei.npz", "b.BVH", "a.glb",
                 "LICENSE.txt", "c.fbx"):  # fmt: skip
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in motion_files(tmp_path)]
    assert found == ["CMU/01/01_01_poses.npz", "a.glb", "b.BVH"]


def test_a_body_s_stature() -> None:
    assert BODY.standing == pytest.approx(0.97)
    assert BODY.thickness == pytest.approx(0.03)
    assert reading.SUFFIXES == (".bvh", ".glb", ".gltf", ".npz")
