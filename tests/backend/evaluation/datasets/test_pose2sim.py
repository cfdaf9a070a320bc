"""A folder laid out as recordings of Pose2Sim are."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from backend.evaluation.datasets.filmed import DatasetError
from backend.evaluation.datasets.pose2sim import read

CALIBRATION = """
[cam_01]
name = "cam_01"
size = [1280.0, 720.0]
matrix = [[1000.0, 0.0, 640.0], [0.0, 1000.0, 360.0], [0.0, 0.0, 1.0]]
distortions = [0.0, 0.0, 0.0, 0.0]
rotation = [1.5707963267948966, 0.0, 0.0]
translation = [0.0, 1.0, 4.0]
fisheye = false

[metadata]
error = 0.0
"""
#: Metres in the world, Z up; the camera above stands 4 m in front of it along y and 1 m above the floor.
PLACES = {
    "LHip": (0.1, 0.0, 0.9), "RHip": (-0.1, 0.0, 0.9), "LKnee": (0.1, -0.1, 0.5), "RKnee": (-0.1, -0.1, 0.5),
    "LAnkle": (0.1, 0.0, 0.1), "RAnkle": (-0.1, 0.0, 0.1), "LShoulder": (0.2, 0.0, 1.4), "RShoulder": (-0.2, 0.0, 1.4),
    "LElbow": (0.5, 0.0, 1.4), "RElbow": (-0.5, 0.0, 1.4), "LWrist": (0.75, 0.0, 1.4), "RWrist": (-0.75, 0.0, 1.4),
    "Nose": (0.0, -0.1, 1.6),
}  # fmt: skip


def trc(units: str = "mm", rate: str = "60", frames: int = 2, names: tuple[str, ...] = tuple(PLACES)) -> str:
    scale = {"m": 1, "mm": 1000}.get(units, 1)
    # its x, y and z are the world's y, z and x
    cells = [f"{scale * value:.6f}" for name in names for value in np.roll(PLACES[name], -1)]
    rows = [
        "PathFileType\t4\t(X/Y/Z)\tsomebody.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{len(names)}\t{units}\t{rate}\t0\t{frames}",
        "Frame#\tTime\t" + "\t".join(f"{name}\t\t" for name in names),
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, len(names) + 1)),
        *("\t".join((str(frame + 1), f"{frame / 60:.4f}", *cells)) for frame in range(frames)),
    ]
    return "\n".join(rows) + "\n"


def recording(folder: Path, markers: str | None = None, calibration: str = CALIBRATION) -> Path:
    for name, content in (("calibration/Calib_scene.toml", calibration), ("pose-3d/somebody.trc", markers or trc()),
                          ("videos/cam01.mp4", ""), ("videos/cam11.mp4", "")):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize("units", ["m", "mm"])
def test_the_person_in_the_camera(tmp_path: Path, units: str) -> None:
    (person,) = read(recording(tmp_path, trc(units)))
    assert person.name == "somebody, cam_01"
    assert person.images == tmp_path / "videos" / "cam01.mp4"
    assert person.frame_rate == Fraction(60)
    assert person.valid.tolist() == [True, True]
    # x right, y down, z forward: 90 degrees about x bring the world's up to the camera's -y
    x, y, z = PLACES["LWrist"]
    place = person.joints[0, list(person.joint_names).index("left_wrist")]
    np.testing.assert_allclose(place, (x, 1 - z, y + 4), atol=1e-6)
    left, top, width, height = person.boxes[0]
    assert left + width / 2 == pytest.approx(640)
    assert width == pytest.approx(2 * 0.75 / 4 * 1000)
    assert top == pytest.approx(360 - 0.4 / 4 * 1000)
    assert top + height == pytest.approx(360 + 0.9 / 4 * 1000)


def test_frames_with_a_joint_that_is_not_known_do_not_count(tmp_path: Path) -> None:
    lines = trc(frames=3).splitlines()
    cells = lines[6].split("\t")
    cells[2:5] = ["", "", ""]
    lines[6] = "\t".join(cells)
    (person,) = read(recording(tmp_path, "\n".join(lines)))
    assert person.valid.tolist() == [True, False, True]
    assert np.isfinite(person.joints).all()


@pytest.mark.parametrize(
    ("markers", "calibration", "told"),
    [
        (trc(names=tuple(name for name in PLACES if name != "RKnee")), CALIBRATION, "no marker 'RKnee'"),
        (trc(units="ft"), CALIBRATION, "'Units' is 'ft', expected one of m, mm"),
        (trc(rate="fast"), CALIBRATION, "'DataRate' is 'fast', expected a number"),
        (trc(rate="0"), CALIBRATION, "'DataRate' is 0, expected more than 0"),
        (trc(frames=0), CALIBRATION, "is no .trc file|holds no frame"),
        (trc().replace("100.0", "a lot"), CALIBRATION, "line 6: could not convert"),
        ("hello", CALIBRATION, "is no .trc file: it begins with 'hello'"),
        (None, "[cam_01", "cannot be read"),
        (None, "[metadata]\nerror = 0.0", "holds no camera with a 'matrix'"),
        (None, CALIBRATION.replace("fisheye = false", "fisheye = true"), "'cam_01' is a fisheye camera"),
        (None, CALIBRATION.replace("translation = [0.0, 1.0, 4.0]", ""), "lacks the key 'translation'"),
        (None, CALIBRATION.replace("[0.0, 1.0, 4.0]", "[0.0, 1.0]"), "'translation' has shape"),
        (None, CALIBRATION.replace("cam_01", "cam_02"), "end in the number of 'cam_02'; found none"),
    ],
)
def test_files_that_are_not_as_they_should_be_are_named(
    tmp_path: Path, markers: str | None, calibration: str, told: str
) -> None:
    with pytest.raises(DatasetError, match=told):
        list(read(recording(tmp_path, markers, calibration)))


def test_one_calibration_and_one_video_for_a_camera(tmp_path: Path) -> None:
    folder = recording(tmp_path)
    (folder / "videos" / "again_cam_1.mp4").touch()
    with pytest.raises(DatasetError, match=r"found again_cam_1.mp4 and cam01.mp4"):
        list(read(folder))
    (folder / "calib_old.toml").write_text(CALIBRATION)
    with pytest.raises(DatasetError, match="several calibrations"):
        list(read(folder))
    with pytest.raises(DatasetError, match="holds no"):
        list(read(tmp_path / "videos"))
