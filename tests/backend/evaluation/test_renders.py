"""Two short films, made and scored as the command does."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from backend.evaluation import renders
from backend.evaluation.comparison import SHARED_JOINTS
from backend.evaluation.renders import Recipe, RendersError, digest, load_film, make, shows_back
from backend.footage import open_footage
from backend.people.tracks import LANDMARK_INDEX
from backend.training.variety import Clips
from smpl_rig.skeleton import INDEX

FRAMES = 12


@pytest.fixture
def collection(films: Path, standing: Clips, tmp_path: Path) -> Path:
    """A finished collection of two, in which the first is a copy of the second."""
    for source, name in (("clip_0001.npz", "clip_0000.npz"), ("clip_0002.npz", "clip_0001.npz")):
        shutil.copy2(films / source, tmp_path / name)
    (tmp_path / "recipe.json").write_text(json.dumps(asdict(Recipe(0, FRAMES, digest(standing)))))
    return tmp_path


def test_the_detector_saw_what_was_filmed(films: Path) -> None:
    film = load_film(films / "clip_0001.npz")
    footage = open_footage(films / "clip_0001.mp4")
    assert sum(1 for _ in footage.frames()) == len(film.joints_world) == FRAMES
    assert (footage.width, footage.height) == tuple(film.image_size)
    assert film.track is not None
    cameras = film.world_from_camera
    seen = (film.joints_world[film.track.frames] - cameras[:3, 3]) @ cameras[:3, :3] @ film.intrinsics.T
    pixels = seen[..., :2] / seen[..., 2:]
    height = np.ptp(pixels[..., 1])
    names = ("left_ankle", "right_ankle", "left_shoulder", "right_shoulder")
    apart = (
        film.track.landmarks2d[:, [LANDMARK_INDEX[name] for name in names], :2]
        - pixels[:, [INDEX[name] for name in names]]
    )
    assert np.nanmedian(np.linalg.norm(apart, axis=-1)) < 0.08 * height


def test_scores_are_of_the_tracked_frames(films: Path) -> None:
    film = load_film(films / "clip_0001.npz")
    sequence = film.sequence()
    exact = sequence.joints[:, [INDEX[name] for name in SHARED_JOINTS]]
    moved = {"exact": lambda _sequence: exact, "farther away": lambda _sequence: exact + np.array([0, 0, 1.0])}
    for row in renders.scores(film, moved).values():
        assert row["pa_mpjpe"] < 1e-6
        assert row["mpjpe"] < 1e-6
        assert row["acc_err"] < 1e-6


def test_what_is_there_is_not_made_again(collection: Path, standing: Clips) -> None:
    recipe = Recipe(0, FRAMES, digest(standing))
    times = [path.stat().st_mtime_ns for path in sorted(collection.glob("*.npz"))]
    assert len(make(collection, 2, recipe, standing, workers=1)) == 2
    assert [path.stat().st_mtime_ns for path in sorted(collection.glob("*.npz"))] == times
    with pytest.raises(RendersError, match="another recipe"):
        make(collection, 2, replace(recipe, seed=1), standing, workers=1)


def test_nobody_found_is_said(films: Path) -> None:
    film = replace(load_film(films / "clip_0001.npz"), track=None)
    with pytest.raises(RendersError, match="Nobody was found"):
        film.sequence()


def test_back_and_front() -> None:
    joints = np.zeros((2, 24, 3))
    joints[:, INDEX["left_hip"], 0] = 0.1, -0.1  # somebody who faces the camera has their left on its right
    assert shows_back(joints).tolist() == [False, True]


def test_the_command(collection: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Scores a finished collection, in processes of its own."""
    (collection / "recipe.json").write_text(json.dumps(asdict(Recipe(0, FRAMES, ""))))
    arguments = ["renders", str(collection), "--count", "2", "--seconds", str(FRAMES / 30), "--workers", "1"]
    monkeypatch.setattr("sys.argv", arguments)
    assert renders.main() == 0
    said = capsys.readouterr().out
    assert "2 clips; nobody was found in 0 of them" in said
    first, second = json.loads((collection / "scores.json").read_text())
    mean = np.mean([row["per-frame solver"]["pa_mpjpe"] for row in (first, second)])
    assert f"{'per-frame solver':<38}{mean:11.1f}" in said
    monkeypatch.setattr("sys.argv", [*arguments, "--seed", "5"])
    assert renders.main() == 1
    assert "another recipe" in capsys.readouterr().err
