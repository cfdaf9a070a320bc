"""Two short films, made and scored as the command does."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from backend.evaluation import renders
from backend.evaluation.answers import true_shape
from backend.evaluation.renders import Recipe, RendersError, detector_of, digest, load_film, make
from backend.evaluation.scores import TRUTH, mean_of, read_scores
from backend.evaluation.solutions import embedded_body
from backend.footage import open_footage
from backend.people.tracks import LANDMARK_INDEX
from backend.training.variety import Clips
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.rotations import from_matrix
from smpl_rig.skeleton import INDEX

FRAMES = 12


@pytest.fixture
def collection(films: Path, standing: Clips, tmp_path: Path) -> Path:
    """A finished collection of two, in which the first is a copy of the second."""
    for source, name in (("clip_0001.npz", "clip_0000.npz"), ("clip_0002.npz", "clip_0001.npz")):
        shutil.copy2(films / source, tmp_path / name)
    (tmp_path / "recipe.json").write_text(json.dumps(asdict(Recipe(0, FRAMES, digest(standing), "full"))))
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


def test_the_truth_is_of_the_tracked_frames_and_of_the_camera(films: Path) -> None:
    film = load_film(films / "clip_0001.npz")
    sequence = film.sequence()
    body = embedded_body()
    transl = sequence.joints[:, 0] - body.rest_joints(film.betas)[0]
    _, joints = forward_kinematics(from_matrix(sequence.rotations), body.rest_joints(film.betas), transl)
    assert np.allclose(joints, sequence.joints, atol=1e-5), "rotations and joints are of one body"
    vertices = true_shape(sequence).vertices
    assert vertices is not None
    seen = vertices @ film.intrinsics.T
    height = np.ptp(seen[..., 1] / seen[..., 2], axis=1)
    assert film.track is not None
    assert np.nanmedian(np.abs(film.track.boxes[:, 3] / height - 1)) < 0.15, "as tall as the detector saw them"


def test_films_of_an_older_version_are_refused(films: Path, tmp_path: Path) -> None:
    with np.load(films / "clip_0001.npz") as file:
        np.savez(tmp_path / "old.npz", **{name: file[name] for name in file.files if name != "local_rotations"})
    with pytest.raises(RendersError, match="lacks 'local_rotations'"):
        load_film(tmp_path / "old.npz")


@pytest.mark.parametrize("stated", [None, "", "[]", "{}"])
def test_a_collection_says_which_detector_saw_it(collection: Path, stated: str | None) -> None:
    assert detector_of(collection) == "full"
    (collection / "recipe.json").unlink()
    if stated is not None:
        (collection / "recipe.json").write_text(stated)
    with pytest.raises(RendersError, match="which detector"):
        detector_of(collection)


def test_what_is_there_is_not_made_again(collection: Path, standing: Clips) -> None:
    recipe = Recipe(0, FRAMES, digest(standing), "full")
    times = [path.stat().st_mtime_ns for path in sorted(collection.glob("*.npz"))]
    assert len(make(collection, 2, recipe, standing, workers=1)) == 2
    assert [path.stat().st_mtime_ns for path in sorted(collection.glob("*.npz"))] == times
    with pytest.raises(RendersError, match="another recipe"):
        make(collection, 2, replace(recipe, seed=1), standing, workers=1)


def test_films_know_which_detector_saw_them(collection: Path, standing: Clips) -> None:
    recipe = Recipe(0, FRAMES, digest(standing), "full")
    with pytest.raises(RendersError, match="another recipe"):
        make(collection, 2, replace(recipe, detector="heavy"), standing, workers=1)


def test_a_detector_that_is_not_here_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.argv", ["renders", str(tmp_path / "films"), "--detector", "heavy"])
    assert renders.main() == 1
    assert "Run 'limber setup --heavy'" in capsys.readouterr().err
    assert not (tmp_path / "films").exists()


def test_nobody_found_is_said(films: Path) -> None:
    film = replace(load_film(films / "clip_0001.npz"), track=None)
    with pytest.raises(RendersError, match="Nobody was found"):
        film.sequence()


def test_the_command(collection: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Scores a finished collection, in processes of its own."""
    (collection / "recipe.json").write_text(json.dumps(asdict(Recipe(0, FRAMES, "", "full"))))
    arguments = ["renders", str(collection), "--count", "2", "--seconds", str(FRAMES / 30), "--workers", "1"]
    arguments += ["--detector", "full"]
    monkeypatch.setattr("sys.argv", [*arguments, "--networks", "per-frame"])
    assert renders.main() == 0
    said = capsys.readouterr().out
    assert "2 clips; nobody was found in 0 of them" in said
    rows = read_scores(collection / "scores.json").rows
    assert {row.act for row in rows} == {"library"}
    assert mean_of(rows, TRUTH, "pa_mpjpe") == pytest.approx(0, abs=0.01)
    shown = re.search(r"^per-frame +([\d.]+)", said, re.MULTILINE)
    assert shown
    assert float(shown[1]) == pytest.approx(mean_of(rows, "per-frame", "pa_mpjpe"), abs=0.06)
    monkeypatch.setattr("sys.argv", [*arguments, "--seed", "5"])
    assert renders.main() == 1
    assert "another recipe" in capsys.readouterr().err
