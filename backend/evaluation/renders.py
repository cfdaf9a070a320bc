"""``python -m backend.evaluation.renders``: films with exact truth, seen by the real detector, and answers on them.

Each clip is a scene drawn at random (:mod:`.scenes`), filmed, encoded, decoded and given to the people tracker as any
footage is. What was filmed and what was seen are kept, so that a second call goes on where the first one stopped and
a finished collection is only scored.

Renders test the whole way and give a second opinion on the simulated motions. They never choose a network: the
detector errs differently on them than on people.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend import placement
from backend.argument_types import count, seconds, seed
from backend.body import limber_body
from backend.demo.clip import clothing
from backend.encoding import VideoWriter
from backend.footage import open_footage
from backend.json_reports import write_json
from backend.models import choose_network
from backend.people.model_files import AUTO, DETECTORS, choose_landmarks
from backend.people.tracking import PeopleTracker
from backend.people.tracks import Track
from backend.rendering import Floor, MeshRenderer, Surface
from backend.training.motions import load_library
from backend.training.variety import Clips
from backend.user_errors import told_in_one_line
from smpl_rig.body import Body, skin
from smpl_rig.errors import LimberError
from smpl_rig.rotations import to_matrix

from . import simulated
from .answers import networks_to_measure, scored
from .comparison import in_camera
from .scenes import FRAME_RATE, Scene, draw_scene
from .scores import Row, as_captured, report, write_rows
from .workers import one_thread, side_by_side

Floats = NDArray[np.floating[Any]]

#: Changes whenever the same recipe would give other clips, or less would be kept of them.
REVISION = 4

_RECIPE = "recipe.json"


class RendersError(LimberError):
    """A collection cannot be made or read as asked."""


@dataclass(frozen=True)
class Recipe:
    """What a collection of clips is made from.

    Attributes:
        seed: of all that is drawn.
        frames: of each clip with library motion.
        motions: SHA-256 of the library's motions; empty if all show the authored motion.
        detector: which landmark model saw them.
        revision: of the code.
    """

    seed: int
    frames: int
    motions: str
    detector: str
    revision: int = REVISION


@dataclass(frozen=True, eq=False)
class Film:
    """A clip that was made, with what the detector saw of it.

    Attributes:
        joints_world: (T, 24, 3) metres.
        local_rotations: (T, 24, 4) unit quaternions, the pelvis's in the world.
        world_from_camera: (4, 4).
        intrinsics: (3, 3) pixels, which nobody who captures it knows.
        image_size: (2,) pixels.
        betas: (10,).
        planted: (T, 2) left and right foot; None where it is not known.
        track: of the one who fills most of the clip; None if nobody was found.
    """

    joints_world: Floats
    local_rotations: Floats
    world_from_camera: Floats
    intrinsics: Floats
    image_size: NDArray[np.int64]
    betas: Floats
    planted: NDArray[np.bool_] | None
    track: Track | None

    @property
    def act(self) -> str:
        """Which motion it shows."""
        return "library" if self.planted is None else "authored"

    def sequence(self) -> simulated.Sequence:
        """What is scored: the truth of the frames that were tracked, with the camera that a user would get."""
        if self.track is None:
            raise RendersError("Nobody was found in the clip.")
        frames = self.track.frames
        rotations = to_matrix(self.local_rotations[frames])
        rotations[:, 0] = self.world_from_camera[:3, :3].T @ rotations[:, 0]
        cameras = np.tile(self.world_from_camera, (len(frames), 1, 1))
        width, height = (int(side) for side in self.image_size)
        return simulated.Sequence(
            track=self.track,
            K=placement.intrinsics((width, height)),
            joints=in_camera(self.joints_world[frames], cameras),
            rotations=rotations,
            betas=self.betas,
        )


def make(folder: Path, count: int, recipe: Recipe, clips: Clips | None, workers: int) -> list[Path]:
    """Makes the clips that are not there yet; returns the films' files, in order.

    Args:
        folder: of the collection; ``clip_0000.mp4`` and ``clip_0000.npz`` and so on.
        count: clips.
        recipe: what they are made from.
        clips: of the motion library.
        workers: processes.

    Raises:
        RendersError: if the folder holds clips of another recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stated = folder / _RECIPE
    if stated.exists() and json.loads(stated.read_text(encoding="utf-8")) != asdict(recipe):
        raise RendersError(f"{folder} holds clips made from another recipe. Choose another folder, or empty this one.")
    write_json(stated, asdict(recipe))
    paths = [folder / f"clip_{number:04d}.npz" for number in range(count)]
    missing = [number for number, path in enumerate(paths) if not path.exists()]
    tasks = [(paths[number], recipe, number) for number in missing]
    side_by_side("films", _make_one, tasks, _Crew(clips).start, workers)
    return paths


def detector_of(folder: Path) -> str:
    """Which landmark model saw a collection's films.

    Raises:
        RendersError: if the folder does not say so.
    """
    try:
        return str(json.loads((folder / _RECIPE).read_text(encoding="utf-8"))["detector"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        stated = folder / _RECIPE
        raise RendersError(f"{stated} does not say which detector saw the films. Make the films again.") from error


def digest(clips: Clips | None) -> str:
    """By which a library's motions are known again; empty for none."""
    return hashlib.sha256(clips.rotations.numpy().tobytes()).hexdigest() if clips else ""


def load_film(path: Path) -> Film:
    """Reads what :func:`make` wrote.

    Raises:
        RendersError: if an older version wrote it, which kept less.
    """
    with np.load(path, allow_pickle=False) as file:
        names = ("joints_world", "local_rotations", "world_from_camera", "intrinsics", "image_size", "betas")
        of_track = [f.name for f in fields(Track) if f.name != "person"] if "track_frames" in file else []
        if missing := {*names, *(f"track_{name}" for name in of_track)} - set(file.files):
            raise RendersError(f"{path} lacks '{min(missing)}': it was made by an older version. Make the films again.")
        track = Track(person=0, **{name: file[f"track_{name}"] for name in of_track}) if of_track else None
        planted = file.get("planted")
        return Film(**{name: file[name] for name in names}, planted=planted, track=track)


@dataclass(frozen=True)
class _Crew:
    """What every worker has at hand; loaded once in each."""

    clips: Clips | None

    def start(self) -> None:
        one_thread()
        _at_hand["body"] = limber_body()
        _at_hand["clips"] = self.clips


_at_hand: dict[str, Any] = {}


def _make_one(path: Path, recipe: Recipe, number: int) -> None:
    body = _at_hand["body"]
    scene = draw_scene(body, _at_hand["clips"], recipe.seed, number, recipe.frames)
    film = path.with_suffix(".mp4")
    _film(film, body, scene)
    tracker = PeopleTracker(1, recipe.detector)
    for frame in open_footage(film).frames():
        tracker.add(frame)
    tracks = tracker.finish()
    kept: dict[str, Any] = {
        "joints_world": scene.joints_world,
        "local_rotations": scene.local_rotations,
        "world_from_camera": scene.camera.world_from_camera,
        "intrinsics": scene.camera.K,
        "image_size": np.array([scene.camera.width, scene.camera.height]),
        "betas": scene.betas,
    }
    if scene.planted is not None:
        kept["planted"] = scene.planted
    if tracks:
        kept |= {f"track_{f.name}": getattr(tracks[0], f.name) for f in fields(Track) if f.name != "person"}
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, **kept)
    part.replace(path)


def _film(path: Path, body: Body, scene: Scene) -> None:
    middle = scene.joints_world[:, 0].mean(axis=0)
    floor = Floor(centre=(float(middle[0]), float(middle[1])), colour=scene.floor)
    renderer = MeshRenderer(scene.camera, [Surface(body.f, clothing(body, scene.outfit))], floor)
    with VideoWriter(path, Fraction(FRAME_RATE)) as writer:
        for frame in range(len(scene.trans)):
            now = slice(frame, frame + 1)
            vertices = skin(body, scene.betas, scene.local_rotations[now], scene.trans[now])[0]
            image, drawn = renderer.render_with_mask([vertices])
            writer.add(np.where(drawn[..., None], image, scene.background))


def score_films(paths: Sequence[Path], networks: Sequence[str], workers: int) -> list[list[Row]]:
    """The rows of every answer about each film; none about a film in which nobody was found."""
    tasks = [(path, tuple(networks), number) for number, path in enumerate(paths)]
    return side_by_side("scores", _score_one, tasks, one_thread, workers)


def _score_one(path: Path, networks: tuple[str, ...], number: int) -> list[Row]:
    film = load_film(path)
    return [] if film.track is None else scored(networks, film.act, number, film.sequence())


@told_in_one_line
def main() -> int:
    """Makes clips with exact truth, lets the real detector see them, and prints how far answers are from the truth."""
    parser = argparse.ArgumentParser(prog="python -m backend.evaluation.renders", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="of the collection; what is there already is not made again")
    parser.add_argument(
        "--motions", type=Path, nargs="+", help="folders of motion; without them all clips show the authored motion"
    )
    parser.add_argument("--part", choices=("test", "validation"), default="test", help="of the motion library")
    parser.add_argument("--act", help="the only one that is filmed of that part (default: all)")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="default: all that have weights")
    parser.add_argument("--count", type=count, default=40)
    parser.add_argument("--seconds", type=seconds, default=4.0)
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1)
    parser.add_argument("--detector", choices=DETECTORS, default=AUTO, help="BlazePose's landmark model")
    parsed = parser.parse_args()
    networks = networks_to_measure(parsed.networks)
    clips = load_library(parsed.motions).clips(parsed.part, subject=parsed.act) if parsed.motions else None
    detector = choose_landmarks(parsed.detector)  # one that is not here is told before the work
    recipe = Recipe(parsed.seed, round(parsed.seconds * FRAME_RATE), digest(clips), detector)
    paths = make(parsed.folder, parsed.count, recipe, clips, parsed.workers)
    found = score_films(paths, networks, parsed.workers)
    rows = [row for film in found for row in film]
    print(f"\n{len(paths)} clips; nobody was found in {sum(not film for film in found)} of them")
    if rows:
        print(report(rows, as_captured(choose_network("auto"))))
    write_rows(rows, parsed.folder / "scores.json", asdict(recipe) | {"films": len(paths), "networks": networks})
    return 0


if __name__ == "__main__":
    sys.exit(main())
