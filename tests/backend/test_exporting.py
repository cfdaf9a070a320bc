"""limber export, from Motion files to files that other readers open."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.body import limber_body
from backend.cli import main
from backend.exporting import ExportError, ExportOptions, export_files
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.exports.preset import preset
from smpl_rig.exports.root_motion import RootMotion
from smpl_rig.motion import Motion
from smpl_rig.skeleton import JOINT_NAMES

from ..blender.readers import read_bvh, read_glb

FRAMES = 40


@pytest.fixture(scope="module")
def motion_files(make_motion: Callable[..., Motion], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two takes of Limber's own body."""
    folder, body = tmp_path_factory.mktemp("motions"), limber_body()
    paths = []
    for number in range(2):
        motion = make_motion(frames=FRAMES, seed=number)
        worn = replace(motion, rest_joints=body.rest_joints(np.zeros(10)), body=body.name)
        paths.append(folder / f"take_{number}.npz")
        worn.with_pose(motion.local_rotations, motion.trans).save(paths[-1])
    return paths


def joints(take: Any, names: dict[str, str]) -> np.ndarray:
    return np.stack([take.places[names[name]] for name in JOINT_NAMES], axis=1) @ WORLD_FROM_BODY.T


def test_formats_that_need_no_blender(motion_files: list[Path], tmp_path: Path, capsys: Any) -> None:
    formats = ["--format", "bvh,amass,csv", "--bvh-order", "XYZ", "--t-pose", "--smoothness", "0", "--json"]
    assert main(["export", *map(str, motion_files), "-o", str(tmp_path), *formats]) == 0
    report = json.loads(capsys.readouterr().out)
    names = [f"take_{n}{ending}" for n in range(2) for ending in (".bvh", "_amass.npz", ".csv")]
    assert [Path(path).name for path in report["written"]] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for number, path in enumerate(motion_files):
        motion = Motion.load(path)
        take = read_bvh(tmp_path / f"take_{number}.bvh")
        found = joints(take, {name: name for name in JOINT_NAMES})
        np.testing.assert_allclose(found[1:], motion.joints_world, atol=1e-3)
        with np.load(tmp_path / f"take_{number}_amass.npz") as archive:
            np.testing.assert_allclose(archive["trans"], motion.trans, atol=1e-5)
        rows = (tmp_path / f"take_{number}.csv").read_text().splitlines()
        assert len(rows) == FRAMES + 1


def test_a_part_at_another_rate_for_godot(motion_files: list[Path], tmp_path: Path) -> None:
    """Blender's own frames, 1 mm: the part of the motion between 0.5 s and 1 s, the root below the pelvis."""
    pytest.importorskip("bpy")
    options = ["--preset", "godot", "--start", "0.5", "--end", "1", "--smoothness", "0", "--fps", "15"]
    assert main(["export", str(motion_files[0]), "-o", str(tmp_path), *options]) == 0
    take = read_glb(tmp_path / "take_0.glb")
    motion = Motion.load(motion_files[0])
    expected = motion.joints_world[15:31:2]
    np.testing.assert_allclose(take.times_s, np.arange(8) / 15, atol=1e-5)
    found = joints(take, preset("godot").names)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    root = take.places["Root"] @ WORLD_FROM_BODY.T
    np.testing.assert_allclose(root[:, :2], found[:, 0, :2], atol=1e-3)


def test_in_place_without_blender(motion_files: list[Path], tmp_path: Path) -> None:
    options = ExportOptions(root_motion=RootMotion.IN_PLACE)
    (path,), warnings = export_files(motion_files[:1], tmp_path, ["bvh"], options)
    take = read_bvh(path)
    pelvis = take.places["pelvis"] @ WORLD_FROM_BODY.T
    np.testing.assert_allclose(pelvis[:, :2], np.tile(pelvis[0, :2], (FRAMES, 1)), atol=1e-5)
    assert warnings == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--preset", "mixamo", "--root-motion", "root"], "Mixamo upload has no root bone"),
        (["--format", "bvh", "--start", "9"], "There is no motion from 9 s"),
        (["--preset", "unreal", "--start", "9"], "There is no frame from 9 s"),
    ],
)
def test_what_is_wrong_is_told(
    motion_files: list[Path], tmp_path: Path, capsys: Any, options: list[str], said: str
) -> None:
    pytest.importorskip("bpy")
    assert main(["export", str(motion_files[0]), "-o", str(tmp_path), *options]) == 1
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_two_takes_of_one_name_are_refused(motion_files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Two of the motions are called 'take_0'"):
        export_files([motion_files[0], tmp_path / "take_0.npz"], tmp_path, ["csv"], ExportOptions())


def test_imported_motion_is_not_smoothed_unasked(motion_files: list[Path], tmp_path: Path) -> None:
    """Shaken motion stays shaken when a BVH brought it, and not when a camera did."""
    motion = Motion.load(motion_files[0])
    random = np.random.default_rng(0)
    shaken = motion.with_pose(motion.local_rotations, motion.trans + random.normal(0, 0.02, motion.trans.shape))
    for model in ("bvh", "per-frame"):
        replace(shaken, model=model).save(tmp_path / f"{model}.npz")
    paths = [tmp_path / "bvh.npz", tmp_path / "per-frame.npz"]
    written, _ = export_files(paths, tmp_path, ["bvh"], ExportOptions())
    imported, captured = (joints(read_bvh(path), {name: name for name in JOINT_NAMES}) for path in written)
    np.testing.assert_allclose(imported, shaken.joints_world, atol=1e-3)
    assert np.abs(captured - shaken.joints_world).max() > 0.01


def test_what_limber_writes_it_reads(motion_files: list[Path], tmp_path: Path) -> None:
    """A BVH of SMPL's joints comes back onto the same body, every joint within a millimetre."""
    from backend.results import import_motions

    motion = Motion.load(motion_files[0])
    (path,), _ = export_files(motion_files[:1], tmp_path, ["bvh"], ExportOptions(smoothness=0))
    (again,) = import_motions(path)
    apart = again.joints_world - motion.joints_world
    apart[..., 2] -= apart[0, 0, 2]
    np.testing.assert_allclose(apart, 0, atol=1e-3)
