"""Real answers about a rendered clip, as the command gives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from backend import cli
from backend.camera_motion import CameraMotion
from backend.capture import CaptureSettings, motion_of
from backend.demo.clip import RenderedClip
from backend.evaluation import footage
from backend.evaluation.footage import Row, evaluate_footage
from backend.evaluation.rivals import FAIR, RAW
from backend.features.initial_pose import BodyInCamera
from backend.footage import open_footage
from backend.models import weights, weights_file
from backend.models.weights import build_landmark_network, save_network
from backend.people.tracks import LANDMARK_COUNT, Track
from smpl_rig.axes import WORLD_FROM_BODY, WORLD_FROM_LEVEL_CAMERA
from smpl_rig.body import Body

ANSWERS = [RAW, FAIR, "per-frame", "per-frame, smoothed"]


@pytest.fixture
def no_networks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As before any network was trained."""
    monkeypatch.setattr("backend.models.weights_file", lambda name: tmp_path / f"no_{name}")


def test_the_command(rendered_clip: RenderedClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The clip shows one person who stands on the floor, 0.6 s of it from the front."""
    path = tmp_path / "figures.json"
    arguments = [str(rendered_clip.path), "--end", "0.6", "--networks", "per-frame", "--json", str(path)]
    assert cli.main(["evaluate", "footage", *arguments]) == 0
    said = capsys.readouterr().out
    rows = {row["answer"]: row for row in json.loads(path.read_text())["rows"]}
    assert list(rows) == ANSWERS
    for name, row in rows.items():
        assert f"{row['reprojection']:.1f}" in next(line for line in said.splitlines() if f"  {name}  " in line)
        assert (row["person"], row["frames"]) == (0, 19)
        assert 0 < row["reprojection"] < 10
    assert rows[RAW]["penetration"] is None
    assert rows["per-frame"]["penetration"] < 50
    # a body's bones keep their lengths but for the hips' landmarks, which lie beside the joints
    assert rows["per-frame"]["bones"] < 1 < rows[RAW]["bones"]


@pytest.mark.usefixtures("no_networks")
def test_nobody_has_no_rows(
    make_video: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    assert cli.main(["evaluate", "footage", str(make_video()), "--json", str(path)]) == 0
    assert json.loads(path.read_text())["rows"] == []
    assert cli.main(["evaluate", "footage", str(tmp_path / "nowhere.mp4")]) == 1
    assert "nowhere.mp4 does not exist" in capsys.readouterr().err
    assert cli.main(["evaluate", "footage", str(make_video()), "--networks", "tar"]) == 1
    assert "Network 'tar' has no weights" in capsys.readouterr().err
    nowhere = str(tmp_path / "nowhere" / "figures.json")
    with pytest.raises(SystemExit, match="2"):  # before anything is measured
        cli.main(["evaluate", "footage", str(make_video()), "--json", nowhere])
    assert "figures.json cannot be written" in capsys.readouterr().err


def test_a_network_is_asked_alone_and_with_the_fit(
    rendered_clip: RenderedClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    path = tmp_path / weights_file("mps-net").name
    save_network(build_landmark_network("mps-net"), "mps-net", path, {})
    monkeypatch.setattr(weights, "weights_file", lambda _name: path)
    settings = CaptureSettings(end_s=0.4)
    told: list[tuple[str, float]] = []
    device = torch.device("cpu")
    rows = evaluate_footage(
        rendered_clip.path, settings, ["mps-net"], device, lambda stage, done: told.append((stage, done))
    )
    assert [row.answer for row in rows] == [
        *ANSWERS,
        "mps-net",
        "mps-net, smoothed",
        "mps-net, fitted",
        "mps-net, fitted, smoothed",
    ]
    alone, fitted = rows[4], rows[6]
    assert fitted.reprojection < alone.reprojection  # a network that has learned nothing
    assert told[-1] == ("answers", 1.0)


def test_a_body_that_stands_still_is_all_one_could_wish(body: Body, make_video: Callable[..., Path]) -> None:
    """Truth by construction: a body seen exactly where it stands, 5 m before a level camera."""
    frames = 20
    local = np.tile(np.eye(3), (frames, 24, 1, 1))
    local[:, 0] = WORLD_FROM_LEVEL_CAMERA.T @ WORLD_FROM_BODY
    found = BodyInCamera(local, np.zeros(10), np.tile([0, 0.3, 5.0], (frames, 1)), np.ones((frames, 24)))
    K = np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]])
    track = _unseen(frames)
    answer = footage._of_motion("still", body, motion_of(open_footage(make_video()), K, body, "", track, found))
    pixels = answer.landmarks @ K.T
    np.testing.assert_allclose(answer.landmarks.mean(axis=(0, 1))[2], 5.0, atol=0.3)
    track.landmarks2d[..., :2] = pixels[..., :2] / pixels[..., 2:]
    row = footage._row("clip", track, K, answer, CameraMotion(frames))
    assert row.frames == frames
    np.testing.assert_allclose((row.reprojection, row.bones, row.skate), 0, atol=1e-3)
    assert row.jitter < 1  # of rounding, which a third derivative multiplies by 27,000
    assert row.penetration < 15  # of soles, which the floor is found from


def test_blazepose_is_put_where_it_is_seen() -> None:
    random = np.random.default_rng(0)
    K = np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]])
    track = _unseen(3)
    track.landmarks3d[:] = random.normal(scale=0.4, size=(3, LANDMARK_COUNT, 3))
    place = np.array([[0.2, -0.1, 4], [0.3, 0, 5], [-1, 0, 6]])
    pixels = (track.landmarks3d + place[:, None]) @ K.T
    track.landmarks2d[..., :2] = pixels[..., :2] / pixels[..., 2:]
    put = footage._before_camera(track.landmarks3d, track, K)
    np.testing.assert_allclose(put - track.landmarks3d, np.broadcast_to(place[:, None], put.shape), atol=1e-4)


def _unseen(frames: int) -> Track:
    return Track(
        person=0,
        frames=np.arange(frames),
        timestamps_s=np.arange(frames) / 30,
        landmarks2d=np.ones((frames, LANDMARK_COUNT, 3)),
        landmarks3d=np.zeros((frames, LANDMARK_COUNT, 3)),
        boxes=np.tile([600.0, 200, 200, 330], (frames, 1)),
        observed=np.ones(frames, dtype=bool),
    )


def test_what_cannot_be_told_is_left_open() -> None:
    row = Row("clip.mp4", 0, 5, RAW, 1.25, 2.0, float("nan"), 3.0, float("nan"))
    assert footage.report([row])["rows"][0]["skate"] is None
    assert footage.table([row]).splitlines()[-1].split() == ["clip.mp4", "0", "5", *RAW.split(), "1.2", "2.0", "3.0"]
