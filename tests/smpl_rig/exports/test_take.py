"""Takes at constant rates, and what the root does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.exports.amass import write_amass
from smpl_rig.exports.csv import write_csv
from smpl_rig.exports.root_motion import RootMotion, ground_path
from smpl_rig.exports.take import TakeError, resampled, take_of
from smpl_rig.motion import Motion
from smpl_rig.skeleton import JOINT_NAMES

NTSC = 30000 / 1001


def test_frames_of_a_constant_rate_are_taken_as_they_are(make_motion: Callable[..., Motion]) -> None:
    motion = make_motion(frames=50, frame_rate=NTSC)
    rounded = replace(motion, timestamps_s=np.round(motion.timestamps_s, 3))  # as Matroska rounds them
    take = take_of(rounded)
    assert (len(take), take.frame_rate) == (50, NTSC)
    np.testing.assert_allclose(take.joints(), motion.joints_world, atol=1e-5)


def test_a_part_begins_and_ends_where_it_is_told(make_motion: Callable[..., Motion]) -> None:
    motion = make_motion(frames=60, frame_rate=30)
    take = take_of(motion, start_s=0.5, end_s=1.0)
    assert len(take) == 16
    np.testing.assert_allclose(take.joints(), motion.joints_world[15:31], atol=1e-5)
    with pytest.raises(TakeError, match="no motion from 3 s"):
        take_of(motion, start_s=3.0)


@pytest.mark.parametrize("rate", [24.0, 60.0, 100.0])
def test_another_rate_keeps_the_duration_and_the_way(make_motion: Callable[..., Motion], rate: float) -> None:
    """Sampled finely, the motion between frames is nearly straight: 1 mm."""
    fine = make_motion(frames=401, frame_rate=200)
    coarse = replace(fine, timestamps_s=fine.timestamps_s)
    take = take_of(coarse, frame_rate=rate)
    assert (len(take) - 1) / rate == pytest.approx(2.0, abs=1 / rate)
    exact = make_motion(frames=len(take), frame_rate=rate)
    np.testing.assert_allclose(take.joints(), exact.joints_world, atol=1e-3)


def test_a_gap_is_crossed_at_the_rate(make_motion: Callable[..., Motion]) -> None:
    motion = make_motion(frames=60, frame_rate=30)
    kept = np.r_[0:20, 26:60]
    arrays = ("poses", "trans", "timestamps_s", "joints_world", "confidence", "contacts", "world_from_camera",
              "landmarks2d", "boxes", "observed")  # fmt: skip
    gap = replace(motion, **{key: getattr(motion, key)[kept] for key in arrays})
    take = take_of(gap)
    assert len(take) == 60
    np.testing.assert_allclose(take.joints()[kept], motion.joints_world[kept], atol=1e-5)
    np.testing.assert_allclose(take.joints()[20:26], motion.joints_world[20:26], atol=0.05)


@given(st.integers(0, 2**32 - 1))
def test_the_heading_is_what_was_turned_about_the_vertical(seed: int) -> None:
    random = np.random.default_rng(seed)
    turned = np.cumsum(random.uniform(-0.5, 0.5, 80))
    yaw = rotations.exp(turned[:, None] * [0.0, 0, 1])
    lean = rotations.exp(random.uniform(-0.5, 0.5, (80, 3)) * [1.0, 1, 0])
    orientation = rotations.multiply(yaw, rotations.multiply(lean, rotations.from_matrix(WORLD_FROM_BODY)))
    path = random.normal(size=(80, 3))
    ground = ground_path(orientation, path)
    np.testing.assert_allclose(np.diff(ground.headings), np.diff(turned), atol=1e-9)
    matrices = ground.matrices()
    np.testing.assert_allclose(matrices[:, :3, :3], rotations.to_matrix(yaw), atol=1e-9)
    np.testing.assert_allclose(matrices[:, :3, 3], path * [1, 1, 0])


def test_in_place_the_body_stays_above_where_it_began(make_motion: Callable[..., Motion]) -> None:
    take = take_of(make_motion())
    still = take.with_root_motion(RootMotion.IN_PLACE)
    np.testing.assert_allclose(still.pelvis[:, :2], np.tile(take.pelvis[0, :2], (len(take), 1)), atol=1e-9)
    np.testing.assert_allclose(still.pelvis[:, 2], take.pelvis[:, 2])
    about = still.joints() - still.pelvis[:, None]
    np.testing.assert_allclose(about, take.joints() - take.pelvis[:, None], atol=1e-9)
    assert take.with_root_motion(RootMotion.ROOT) is take


def test_amass_holds_the_same_motion(make_motion: Callable[..., Motion], tmp_path: Path) -> None:
    motion = make_motion(frame_rate=24)
    write_amass(take_of(motion), tmp_path / "take.npz")
    with np.load(tmp_path / "take.npz", allow_pickle=False) as archive:
        assert {*archive.files} == {"poses", "trans", "betas", "gender", "mocap_framerate"}
        assert archive["poses"].shape == (60, 72)
        np.testing.assert_allclose(archive["trans"], motion.trans, atol=1e-6)
        np.testing.assert_allclose(
            rotations.to_matrix(rotations.exp(archive["poses"].reshape(60, 24, 3))),
            rotations.to_matrix(motion.local_rotations),
            atol=1e-5,
        )
        assert (float(archive["mocap_framerate"]), str(archive["gender"])) == (24, "neutral")


def test_csv_holds_every_joint_of_every_frame(make_motion: Callable[..., Motion], tmp_path: Path) -> None:
    motion = make_motion(frame_rate=24)
    write_csv(take_of(motion), tmp_path / "take.csv")
    lines = (tmp_path / "take.csv").read_text().splitlines()
    names = lines[0].split(",")
    assert names[:5] == ["frame", "time_s", "pelvis_x", "pelvis_y", "pelvis_z"]
    assert names[-1] == f"{JOINT_NAMES[-1]}_z"
    table = np.array([[float(value) for value in line.split(",")] for line in lines[1:]])
    np.testing.assert_array_equal(table[:, 0], np.arange(60))
    np.testing.assert_allclose(table[:, 1], np.arange(60) / 24, atol=1e-9)
    np.testing.assert_allclose(table[:, 2:].reshape(60, 24, 3), motion.joints_world, atol=1e-5)


def test_a_motion_at_another_rate_keeps_all_its_keys(make_motion: Callable[..., Motion]) -> None:
    motion = make_motion(frames=61, frame_rate=30)
    half = resampled(motion, 15, start_s=1.0)
    assert (len(half), half.mocap_framerate) == (16, 15)
    np.testing.assert_allclose(half.timestamps_s, 1 + np.arange(16) / 15)
    np.testing.assert_allclose(half.joints_world, motion.joints_world[30::2], atol=1e-5)
    np.testing.assert_array_equal(half.landmarks2d, motion.landmarks2d[30::2])
    twice = resampled(motion, 60)
    assert len(twice) == 121
    np.testing.assert_allclose(twice.joints_world[::2], motion.joints_world, atol=1e-5)
