"""A dataset laid out as 3DPW is, of the rendered clip, evaluated by the command."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend import cli
from backend.demo.__main__ import BETAS
from backend.demo.clip import RenderedClip
from backend.evaluation import watching
from backend.evaluation.datasets.filmed import DatasetError, FilmedPerson
from backend.evaluation.licensed import REGRESSED_JOINTS
from backend.evaluation.protocol import Shape
from backend.evaluation.watching import Seen, numbered, stretched, watch
from backend.footage import open_footage
from backend.people.tracks import LANDMARK_COUNT, Track
from smpl_rig import rotations
from smpl_rig.body import Body
from smpl_rig.skeleton import INDEX

FRAMES = 12
#: OpenPose's limbs.
LIMBS = [
    f"{side}_{joint}"
    for side, joints in (
        ("right", ("shoulder", "elbow", "wrist")),
        ("left", ("shoulder", "elbow", "wrist")),
        ("right", ("hip", "knee", "ankle")),
        ("left", ("hip", "knee", "ankle")),
    )
    for joint in joints
]


@pytest.fixture(scope="module")
def threedpw(rendered_clip: RenderedClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames; a second actor stands where nobody is."""
    folder = tmp_path_factory.mktemp("3DPW")
    images = folder / "imageFiles" / "room_walking_00"
    images.mkdir(parents=True)
    for frame in open_footage(rendered_clip.path).frames(end_s=(FRAMES - 1) / 30):
        cv2.imwrite(str(images / f"image_{frame.index:05d}.jpg"), cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    performance, camera = rendered_clip.performance, rendered_clip.camera
    joints = performance.joints_world[:FRAMES]
    seen = (joints - camera.world_from_camera[:3, 3]) @ camera.world_from_camera[:3, :3] @ camera.K.T
    keypoints = np.zeros((FRAMES, 3, 18))
    keypoints[:, :2, 2:14] = (seen[..., :2] / seen[..., 2:])[:, [INDEX[name] for name in LIMBS]].transpose(0, 2, 1)
    keypoints[:, 2, 2:14] = 1
    elsewhere = keypoints.copy()
    elsewhere[:, 0] -= 500
    data = {
        "poses": [rotations.log(performance.local_rotations[:FRAMES]).reshape(FRAMES, 72)] * 2,
        "betas": [BETAS] * 2,
        "jointPositions": [joints.reshape(FRAMES, 72)] * 2,
        "poses2d": [keypoints, elsewhere],
        "cam_poses": np.tile(np.linalg.inv(camera.world_from_camera), (FRAMES, 1, 1)),
        "campose_valid": [np.arange(FRAMES) != 9] * 2,
    }
    sequences = folder / "sequenceFiles" / "test"
    sequences.mkdir(parents=True)
    (sequences / "room_walking_00.pkl").write_bytes(pickle.dumps(data, protocol=2))
    return folder


def test_the_command(threedpw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "figures.json"
    arguments = [str(threedpw), "--networks", "per-frame", "--device", "cpu", "--json", str(path)]
    assert cli.main(["evaluate", "dataset", "3dpw", *arguments]) == 0
    answers = json.loads(path.read_text())["answers"]
    assert list(answers) == ["BlazePose's 3D", "BlazePose's 3D, repaired, smoothed", "per-frame"]
    said = capsys.readouterr().out
    for name, row in answers.items():
        assert row["frames"] == FRAMES - 1  # the frame without a camera does not count, nor does the other actor
        assert row["seen"] == 50.0
        assert 0 < row["pa_mpjpe"] < row["mpjpe"] < 200
        assert row["pve"] is None
        assert list(row["mpjpe_by_action"]) == ["room_walking_00"]
        assert f"{row['pa_mpjpe']:.1f}" in next(line for line in said.splitlines() if line.startswith(f"{name}  "))


def test_with_smpl_s_files_the_papers_joints_and_vertices_are_compared(
    threedpw: Path, body: Body, tmp_path: Path
) -> None:
    """The embedded body in the place of SMPL's, and a regressor of its joints."""
    body.save(tmp_path / "SMPL_NEUTRAL.npz")
    smpl = [{"spine": "spine2", "head_top": "head"}.get(name, name) for name in REGRESSED_JOINTS]
    np.save(tmp_path / "J_regressor_h36m.npy", body.J_regressor[[INDEX[name] for name in smpl]])
    path = tmp_path / "figures.json"
    arguments = [str(threedpw), "--smpl", str(tmp_path), "--networks", "per-frame", "--json", str(path)]
    assert cli.main(["evaluate", "dataset", "3dpw", *arguments]) == 0
    answers = json.loads(path.read_text())["answers"]
    assert list(answers) == ["per-frame"]  # BlazePose has not the papers' joints
    row = answers["per-frame"]
    assert row["frames"] == FRAMES - 1
    assert 0 < row["pa_mpjpe"] < row["mpjpe"] < 200
    assert 0 < row["pve"] < 300
    assert list(row["mpjpe_by_joint"])[-2:] == ["neck", "head_top"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["4dpw", "{folder}"], "'4dpw' is unknown"),
        (["amass", "{folder}"], "limber evaluate simulated --motions"),
        (["3dpw", "{folder}/nowhere"], "into which 3DPW was unpacked"),
        (["3dpw", "{folder}", "--smpl", "{folder}"], "holds no SMPL_NEUTRAL"),
    ],
)
def test_says_what_is_wrong(
    threedpw: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", "dataset", *(argument.format(folder=threedpw) for argument in arguments)]) == 1
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_images_and_frames_of_the_truth(tmp_path: Path) -> None:
    """Images 3 to 12 at 50 per second, every second one with truth, image 7 is missing; the truth ends at image 9."""
    for number in (3, 4, 5, 6, 8, 9, 10, 11, 12):
        cv2.imwrite(str(tmp_path / f"{number:06d}.png"), np.full((20, 30, 3), number, dtype=np.uint8))
    read = list(numbered(open_footage(tmp_path / "%06d.png", Fraction(50)), first_image=1, stride=2, length=5))
    assert [(number, frame.image[0, 0, 0]) for number, frame in read] == [(1, 3), (2, 5), (4, 9)]
    np.testing.assert_allclose(np.diff([frame.timestamp_s for _, frame in read]), [0.04, 0.08])


def test_the_one_whose_box_overlaps_most() -> None:
    def track(person: int, left: list[float], first: int) -> Track:
        count = len(left)
        boxes = np.column_stack((left, np.zeros(count), np.full(count, 100), np.full(count, 200)))
        landmarks = np.zeros((count, LANDMARK_COUNT, 3))
        frames = np.arange(first, first + count)
        return Track(person, frames, frames / 30, landmarks, landmarks, boxes, np.isfinite(boxes[:, 0]))

    truth = np.column_stack((np.zeros(4), np.zeros(4), np.full(4, 100), np.full(4, 200)))
    one, other = track(0, [0, 30, np.nan, 90], 0), track(1, [50, 10, 0], 0)
    theirs = watching._is_theirs(truth, [one, other], np.arange(4))
    assert theirs[0].tolist() == [True, False, False, False]  # at last nobody overlaps enough
    assert theirs[1].tolist() == [False, True, True]


def test_images_that_are_missing(tmp_path: Path) -> None:
    images, boxes, valid = tmp_path / "nowhere" / "%06d.png", np.zeros((2, 4)), np.ones(2, dtype=bool)
    person = FilmedPerson(
        "a", np.full(2, "a"), images, 1, 1, Fraction(50), boxes, valid, ("pelvis",), np.zeros((2, 1, 3))
    )
    with pytest.raises(DatasetError, match="Unpack the images of a there"):
        watch(person)


def test_an_answer_and_the_truth_on_one_time_line(make_video: Callable[..., Path]) -> None:
    """A frame that was left out is a gap."""
    landmarks = np.zeros((2, LANDMARK_COUNT, 3))
    track = Track(0, np.arange(2), np.arange(2) / 30, landmarks, landmarks, np.zeros((2, 4)), np.ones(2, dtype=bool))
    seen = Seen(track, np.array([7, 9]), np.array([True, True]), open_footage(make_video()))
    answer = Shape(np.ones((2, 1, 3)), np.ones((2, 5, 3)))
    truth = Shape(np.arange(12.0)[:, None, None] * np.ones((1, 3)), np.zeros((12, 5, 3)))
    spread, true, counted = stretched(answer, seen, truth)
    assert counted.tolist() == [True, False, True]
    assert true.joints[:, 0, 0].tolist() == [7, 8, 9]
    assert spread.joints[:, 0, 0].tolist() == [1, 0, 1]
    assert spread.vertices is not None
    assert true.vertices is not None
    assert spread.vertices.shape == true.vertices.shape == (3, 5, 3)
