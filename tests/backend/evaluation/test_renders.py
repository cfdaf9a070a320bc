"""Two short films, made and scored as the command does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from backend.evaluation import renders
from backend.evaluation.comparison import SHARED_JOINTS
from backend.evaluation.renders import Recipe, RendersError, load_film, make, read_clips, shows_back
from backend.footage import open_footage
from backend.people.tracks import LANDMARK_INDEX
from smpl_rig.skeleton import INDEX

FRAMES = 12


@pytest.fixture(scope="module")
def collection(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips 1 and 2 of the second show library motion; clip 0, the authored one, is long and is spared."""
    folder = tmp_path_factory.mktemp("collection")
    torch.set_num_threads(1)
    crew = renders._Crew(library)
    crew.start()
    for number in (1, 2):
        renders._make_one(folder / f"clip_{number:04d}.npz", Recipe(0, FRAMES, "library"), number)
    return folder


def test_the_detector_saw_what_was_filmed(collection: Path) -> None:
    film = load_film(collection / "clip_0001.npz")
    footage = open_footage(collection / "clip_0001.mp4")
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


def test_scores_are_of_the_tracked_frames(collection: Path) -> None:
    film = load_film(collection / "clip_0001.npz")
    sequence = film.sequence()
    exact = sequence.joints[:, [INDEX[name] for name in SHARED_JOINTS]]
    moved = {"exact": lambda _sequence: exact, "farther away": lambda _sequence: exact + np.array([0, 0, 1.0])}
    for row in renders.scores(film, moved).values():
        assert row["pa_mpjpe"] < 1e-6
        assert row["mpjpe"] < 1e-6
        assert row["acc_err"] < 1e-6


def test_what_is_there_is_not_made_again(collection: Path, library: Path) -> None:
    recipe = Recipe(0, FRAMES, "library")
    (collection / "clip_0000.npz").write_bytes((collection / "clip_0001.npz").read_bytes())
    times = [path.stat().st_mtime_ns for path in sorted(collection.glob("*.npz"))]
    assert len(make(collection, 3, recipe, library, workers=1)) == 3
    assert [path.stat().st_mtime_ns for path in sorted(collection.glob("*.npz"))] == times
    with pytest.raises(RendersError, match="another recipe"):
        make(collection, 3, replace(recipe, seed=1), library, workers=1)


def test_nobody_found_is_said(collection: Path) -> None:
    film = replace(load_film(collection / "clip_0001.npz"), track=None)
    with pytest.raises(RendersError, match="Nobody was found"):
        film.sequence()


def test_libraries_that_are_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", rotations=np.zeros(3))
    with pytest.raises(RendersError, match="lacks 'pelvis'"):
        read_clips(tmp_path / "other.npz")
    with pytest.raises(RendersError, match="cannot be read"):
        read_clips(tmp_path / "nowhere.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(RendersError, match="cannot be read"):
        read_clips(tmp_path / "text.npz")


def test_back_and_front() -> None:
    joints = np.zeros((2, 24, 3))
    joints[:, INDEX["left_hip"], 0] = 0.1, -0.1  # somebody who faces the camera has their left on its right
    assert shows_back(joints).tolist() == [False, True]


def test_the_command(
    collection: Path, library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scores a collection that is there in processes of its own."""
    digest = hashlib.sha256(library.read_bytes()).hexdigest()
    recipe = asdict(Recipe(0, FRAMES, digest))
    (collection / "recipe.json").write_text(json.dumps(recipe))
    (collection / "clip_0000.npz").write_bytes((collection / "clip_0002.npz").read_bytes())
    arguments = ["renders", str(collection), "--library", str(library), "--count", "2", "--seconds", str(FRAMES / 30)]
    monkeypatch.setattr("sys.argv", [*arguments, "--workers", "1"])
    assert renders.main() == 0
    said = capsys.readouterr().out
    assert "2 clips; nobody was found in 0 of them" in said
    first, second = json.loads((collection / "scores.json").read_text())
    mean = np.mean([row["per-frame solver"]["pa_mpjpe"] for row in (first, second)])
    assert f"{'per-frame solver':<38}{mean:11.1f}" in said
    monkeypatch.setattr("sys.argv", [*arguments, "--seed", "5"])
    assert renders.main() == 1
    assert "another recipe" in capsys.readouterr().err
