"""The Motion file: what goes in comes out, and whatever version 1 does not allow is refused by the name of its key."""

import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.motion import FILE_VERSION, Motion, MotionError

ARRAYS = (
    *("poses", "trans", "betas", "rest_joints", "timestamps_s", "joints_world", "confidence", "contacts"),
    *("image_size", "K", "world_from_camera", "landmarks2d", "boxes", "observed"),
)
SCALARS = ("gender", "mocap_framerate", "person", "model", "body", "footage", "limber")


@pytest.fixture(scope="module")
def motion(make_motion: Callable[..., Motion]) -> Motion:
    """With a gap: the person was not seen in two frames."""
    whole = make_motion(frames=20)
    landmarks, boxes, observed = (np.array(getattr(whole, key)) for key in ("landmarks2d", "boxes", "observed"))
    landmarks[5:7, :, :2], landmarks[5:7, :, 2], boxes[5:7], observed[5:7] = np.nan, 0, np.nan, False
    names = {"person": 3, "gender": "female", "model": "réseau", "footage": ("clip.mp4", "ab" * 32)}
    return replace(whole, landmarks2d=landmarks, boxes=boxes, observed=observed, **names)


def contents(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def test_comes_back_as_it_was(motion: Motion, tmp_path: Path) -> None:
    motion.save(tmp_path / "person_1.npz")
    read = Motion.load(tmp_path / "person_1.npz")
    for field in fields(Motion):
        before, after = getattr(motion, field.name), getattr(read, field.name)
        if isinstance(before, np.ndarray):
            np.testing.assert_array_equal(after, before, err_msg=field.name)
            assert after.dtype == before.dtype
        else:
            assert after == before
            assert type(after) is type(before)


def test_what_it_was_made_of_may_change_afterwards(motion: Motion) -> None:
    trans, times = motion.trans.copy(), motion.timestamps_s.copy()
    made = replace(motion, trans=trans, timestamps_s=times[:])
    trans += 1
    times += 1
    np.testing.assert_array_equal(made.trans, motion.trans)
    np.testing.assert_array_equal(made.timestamps_s, motion.timestamps_s)


def test_what_another_motion_holds_is_not_copied(motion: Motion) -> None:
    made = replace(motion, trans=motion.trans + 1)
    assert made.landmarks2d is motion.landmarks2d
    with pytest.raises(ValueError, match="read-only"):
        made.landmarks2d[0] = 0


def test_the_file_holds_what_version_1_says_and_nothing_else(motion: Motion, tmp_path: Path) -> None:
    motion.save(tmp_path / "person_1.npz")
    assert sorted(contents(tmp_path / "person_1.npz")) == sorted((*ARRAYS, *SCALARS))


def test_amass_readers_find_their_keys(motion: Motion, tmp_path: Path) -> None:
    motion.save(tmp_path / "person_1.npz")
    held = contents(tmp_path / "person_1.npz")
    assert held["poses"].shape == (20, 72)
    assert held["trans"].shape == (20, 3)
    assert held["betas"].shape == (10,)
    assert str(held["gender"]) == "female"
    assert float(held["mocap_framerate"]) == 30.0


def test_saving_twice_gives_the_same_bytes_and_leaves_nothing_else(motion: Motion, tmp_path: Path) -> None:
    motion.save(tmp_path / "a.npz")
    motion.save(tmp_path / "b.npz")
    motion.save(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_a_failed_save_leaves_the_old_file_and_no_other(
    motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "person_1.npz").write_bytes(b"old")

    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(MotionError, match="cannot be written: No space left"):
        motion.save(tmp_path / "person_1.npz")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_arrays_cannot_be_changed(motion: Motion) -> None:
    for key in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(motion, key)[...] = 0


def test_it_does_not_share_arrays_with_who_made_it(motion: Motion) -> None:
    betas = np.zeros(10, dtype=np.float32)
    mine = replace(motion, betas=betas)
    betas[0] = 7
    assert mine.betas[0] == 0


@pytest.mark.parametrize("key", ARRAYS)
def test_wrong_shapes_are_named(motion: Motion, key: str) -> None:
    array = np.array(getattr(motion, key))
    with pytest.raises(MotionError, match="'poses'|'trans'" if key == "poses" else f"'{key}' has shape"):
        replace(motion, **{key: array[:-1]})
    with pytest.raises(MotionError, match=f"'{key}' has shape"):
        replace(motion, **{key: array[..., None]})


@pytest.mark.parametrize("key", ARRAYS)
def test_what_is_no_number_is_named(motion: Motion, key: str) -> None:
    with pytest.raises(MotionError, match=f"'{key}' holds"):
        replace(motion, **{key: np.full(np.shape(getattr(motion, key)), "x")})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("key", sorted({*ARRAYS} - {"image_size", "observed", "landmarks2d", "boxes"}))
def test_values_that_are_not_finite_are_named(motion: Motion, key: str, value: float) -> None:
    array = np.array(getattr(motion, key))
    array.flat[0] = value
    with pytest.raises(MotionError, match=f"'{key}' holds values that are not finite"):
        replace(motion, **{key: array})


def test_values_too_large_for_the_file_are_named(motion: Motion) -> None:
    trans = np.array(motion.trans, dtype=np.float64)
    trans[0, 0] = 1e300
    with pytest.raises(MotionError, match="'trans' holds values that are not finite"):
        replace(motion, trans=trans)


@pytest.mark.parametrize("key", ["confidence", "contacts"])
@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_probabilities_lie_between_0_and_1(motion: Motion, key: str, value: float) -> None:
    array = np.array(getattr(motion, key))
    array[3, 1] = value
    with pytest.raises(MotionError, match=f"'{key}' holds values outside 0 to 1"):
        replace(motion, **{key: array})


def test_times_must_increase(motion: Motion) -> None:
    for mend in (lambda t: t * 0, lambda t: t[::-1], lambda t: np.where(np.arange(20) == 4, t[3], t)):
        with pytest.raises(MotionError, match="'timestamps_s' does not increase"):
            replace(motion, timestamps_s=mend(np.array(motion.timestamps_s)))


def test_what_else_is_refused(motion: Motion) -> None:
    for rate in (0, -30, np.nan, np.inf):
        with pytest.raises(MotionError, match="'mocap_framerate' is"):
            replace(motion, mocap_framerate=rate)
    for size in ([0, 720], [1280, -1], [np.nan, 720]):
        with pytest.raises(MotionError, match="'image_size' is"):
            replace(motion, image_size=np.array(size))
    with pytest.raises(MotionError, match="'gender' is 'other'"):
        replace(motion, gender="other")
    with pytest.raises(MotionError, match="'poses' holds no frames"):
        replace(motion, poses=np.zeros((0, 72)))
    with pytest.raises(MotionError, match="'poses' holds no frames"):
        replace(motion, poses=np.float64(1))


def write(path: Path, held: dict[str, Any]) -> Path:
    np.savez(path, **held)
    return path


@pytest.fixture
def held(motion: Motion, tmp_path: Path) -> dict[str, Any]:
    motion.save(tmp_path / "source.npz")
    return contents(tmp_path / "source.npz")


@pytest.mark.parametrize("key", [*ARRAYS, *SCALARS])
def test_a_missing_key_is_named(held: dict[str, Any], tmp_path: Path, key: str) -> None:
    del held[key]
    with pytest.raises(MotionError, match=f"key '{key}'"):
        Motion.load(write(tmp_path / "motion.npz", held))


@pytest.mark.parametrize("key", SCALARS)
def test_a_scalar_of_the_wrong_kind_is_named(held: dict[str, Any], tmp_path: Path, key: str) -> None:
    wrong = np.arange(3) if held[key].dtype.kind == "U" else np.str_("one")
    with pytest.raises(MotionError, match=f"key '{key}'"):
        Motion.load(write(tmp_path / "motion.npz", held | {key: wrong}))


@pytest.mark.parametrize("key", ARRAYS)
def test_a_pickled_array_is_never_read(held: dict[str, Any], tmp_path: Path, key: str) -> None:
    pickled = np.empty(held[key].shape, dtype=object)
    with pytest.raises(MotionError, match=r"motion\.npz is not a readable Motion file: Object arrays cannot be loaded"):
        Motion.load(write(tmp_path / "motion.npz", held | {key: pickled}))


@pytest.mark.parametrize("key", ARRAYS)
def test_a_wrong_shape_in_a_file_names_the_key(held: dict[str, Any], tmp_path: Path, key: str) -> None:
    with pytest.raises(MotionError, match=rf"motion\.npz: Motion key '{key}' has shape"):
        Motion.load(write(tmp_path / "motion.npz", held | {key: held[key][..., None]}))


def test_a_newer_version_is_refused_before_anything_else(held: dict[str, Any], tmp_path: Path) -> None:
    newer = {"limber": np.int64(FILE_VERSION + 1), "something": np.zeros(3)}
    with pytest.raises(MotionError, match=f"says version {FILE_VERSION + 1}.*Update Limber"):
        Motion.load(write(tmp_path / "motion.npz", newer))
    with pytest.raises(MotionError, match="says version"):
        Motion.load(write(tmp_path / "motion.npz", held | newer))


@pytest.mark.parametrize("version", [0, -1])
def test_a_version_that_never_was_is_refused(held: dict[str, Any], tmp_path: Path, version: int) -> None:
    with pytest.raises(MotionError, match="key 'limber'"):
        Motion.load(write(tmp_path / "motion.npz", held | {"limber": np.int64(version)}))


def test_keys_of_others_are_left_alone(held: dict[str, Any], motion: Motion, tmp_path: Path) -> None:
    read = Motion.load(write(tmp_path / "motion.npz", held | {"dmpls": np.zeros((20, 8))}))
    np.testing.assert_array_equal(read.poses, motion.poses)


def test_files_that_are_no_motion(tmp_path: Path) -> None:
    path = tmp_path / "motion.npz"
    with pytest.raises(MotionError, match=r"motion\.npz does not exist"):
        Motion.load(path)
    for raw in (b"", b"PK", b"This is a letter.", b"\x93NUMPY\x01\x00", b"\x80\x04N."):
        path.write_bytes(raw)
        with pytest.raises(MotionError, match=r"motion\.npz is not a readable Motion file"):
            Motion.load(path)
        if not raw.startswith(b"PK") and not raw.startswith(b"\x93"):
            with pytest.raises(MotionError, match=r"no archive \(\.npz\) at all\. .* 'limber import' makes them"):
                Motion.load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(MotionError, match=r"motion\.npz is not a readable Motion file"):
        Motion.load(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(MotionError, match="a single array"):
        Motion.load(tmp_path / "array.npy")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("letter.txt", "Dear")
    with pytest.raises(MotionError, match="no key 'limber'"):
        Motion.load(tmp_path / "other.zip")
    np.savez(tmp_path / "amass.npz", poses=np.zeros((3, 156)), trans=np.zeros((3, 3)))
    with pytest.raises(MotionError, match=r"no key 'limber': it is not a Motion file .* 'limber import' makes one"):
        Motion.load(tmp_path / "amass.npz")


@settings(deadline=None)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_motion_errors(
    motion: Motion, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "motion.npz"
    motion.save(path)
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans(), label="truncated"):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        for _ in range(3):
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        Motion.load(path)
    except MotionError as error:
        assert "otion" in str(error)  # noqa: PT017  (damage to a number may go unseen; anything else may not)


@given(seed=st.integers(0, 10**6))
def test_a_pose_comes_back(motion: Motion, seed: int) -> None:
    random = np.random.default_rng(seed)
    local = rotations.exp(random.normal(0, 1.0, (20, 24, 3)))
    trans = random.normal(size=(20, 3))
    posed = motion.with_pose(local, trans)
    same = np.abs(np.sum(posed.local_rotations * local, axis=-1))
    np.testing.assert_allclose(same, 1, atol=1e-6)
    np.testing.assert_allclose(posed.pelvis_world, motion.rest_joints[0] + trans, atol=1e-6)
    np.testing.assert_allclose(posed.joints_world[:, 0], posed.pelvis_world, atol=1e-5)
    np.testing.assert_array_equal(posed.landmarks2d, motion.landmarks2d)


def test_the_same_pose_gives_the_same_motion(motion: Motion) -> None:
    again = motion.with_pose(motion.local_rotations, motion.trans)
    np.testing.assert_allclose(again.poses, motion.poses, atol=1e-6)
    np.testing.assert_allclose(again.joints_world, motion.joints_world, atol=1e-5)


def test_signs_are_continuous_through_a_whole_turn(motion: Motion) -> None:
    local = np.tile(rotations.IDENTITY, (20, 24, 1))
    local[:, 0] = rotations.exp(np.linspace(0, 2 * np.pi, 20)[:, None] * np.array([0, 0, 1.0]))
    turned = motion.with_pose(local, motion.trans).local_rotations
    assert (np.sum(turned[1:] * turned[:-1], axis=-1) > 0.9).all()


def test_every_field_is_documented() -> None:
    assert Motion.__doc__ is not None
    assert all(f"{field.name}:" in Motion.__doc__ for field in fields(Motion))


def test_a_part_of_a_motion(make_motion: Callable[..., Motion]) -> None:
    motion = make_motion(frames=30, frame_rate=10)
    part = motion.between(0.5, 1.2)
    np.testing.assert_array_equal(part.timestamps_s, motion.timestamps_s[5:13])
    np.testing.assert_array_equal(part.poses, motion.poses[5:13])
    np.testing.assert_array_equal(part.K, motion.K)
    assert len(motion.between()) == 30
    with pytest.raises(MotionError, match=r"no frame from 5 s to 6 s; the motion goes from 0 to 2\.9 s"):
        motion.between(5, 6)
