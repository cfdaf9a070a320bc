"""A folder laid out as the form of Human3.6M is that TCMR and MPS-Net read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.evaluation.datasets.filmed import DatasetError
from backend.evaluation.datasets.human36m import read

FRAMES = 5
#: Looks along the world's y, 4 m from its origin.
CAMERA = {"R": [[1, 0, 0], [0, 0, -1], [0, 1, 0]], "t": [0, 0, 4000], "f": [1145.0, 1143.0], "c": [512.5, 515.4]}


def joints() -> np.ndarray:
    return np.random.default_rng(4).uniform(-900, 900, (FRAMES, 17, 3)).round(3)


def write(folder: Path, **changes: Any) -> None:
    (folder / "annotations").mkdir(parents=True)
    take = {str(frame): places.tolist() for frame, places in enumerate(joints())}
    for subject in (9, 11):
        name = f"s_{subject:02d}_act_16_subact_02_ca_03"
        (folder / "images" / name).mkdir(parents=True)
        truth = {"joint_3d": {"16": {"2": take}}, "camera": {"3": CAMERA}} | changes
        for kind, data in truth.items():
            (folder / "annotations" / f"Human36M_subject{subject}_{kind}.json").write_text(json.dumps(data))
    (folder / "images" / "s_01_act_02_subact_01_ca_01").mkdir()


def test_the_person_in_the_camera(tmp_path: Path) -> None:
    write(tmp_path)
    ninth, eleventh = read(tmp_path)
    assert (ninth.name, eleventh.name) == ("s_09_act_16_subact_02_ca_03", "s_11_act_16_subact_02_ca_03")
    assert ninth.actions.tolist() == ["WalkTogether"] * 3
    assert ninth.images == tmp_path / "images" / ninth.name / "s_09_act_16_subact_02_ca_03_%06d.jpg"
    assert (ninth.first_image, ninth.stride, ninth.frame_rate) == (1, 2, 50)
    x, y, z = np.moveaxis(joints()[::2], -1, 0)
    np.testing.assert_allclose(1000 * ninth.joints, np.stack((x, -z, y + 4000), axis=-1))
    assert (ninth.joint_names[1], ninth.joint_names[11]) == ("right_hip", "left_shoulder")
    across, down = 1145 * x / (y + 4000) + 512.5, 1143 * -z / (y + 4000) + 515.4
    np.testing.assert_allclose(ninth.boxes[:, 0], across.min(axis=1))
    np.testing.assert_allclose(ninth.boxes[:, 3], np.ptp(down, axis=1))
    assert ninth.valid.all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"joint_3d": {"16": {}}}, r"subject9_joint_3d\.json lacks the key '2'"),
        ({"joint_3d": {"16": {"2": {"0": [[0, 0]]}}}}, r"'frame 0' has shape \(1, 2\)"),
        ({"joint_3d": {"16": {"2": {"7": joints()[0].tolist()}}}}, "lacks the key '0'"),
        ({"camera": {"3": CAMERA | {"t": [1, 2]}}}, r"'t' has shape \(2,\)"),
        ({"camera": [1]}, r"camera\.json holds list"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    write(tmp_path, **changes)
    with pytest.raises(DatasetError, match=said):
        list(read(tmp_path))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"Human36M_subject9_joint_3d\.json cannot be read"):
        list(read(tmp_path))
