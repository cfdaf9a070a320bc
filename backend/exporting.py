"""Motion files as files of other programs: those that need no Blender here, the others through Blender in a process of
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backend.blender_process import BlenderError, run_in_blender
from smpl_rig.errors import LimberError
from smpl_rig.exports.amass import write_amass
from smpl_rig.exports.bvh import DEFAULT_ORDER, write_bvh
from smpl_rig.exports.csv import write_csv
from smpl_rig.exports.preset import PLAIN, preset
from smpl_rig.exports.root_motion import RootMotion
from smpl_rig.exports.take import Take, take_of
from smpl_rig.imports.smpl_result import SOURCES
from smpl_rig.motion import Motion
from smpl_rig.refine import refine
from smpl_rig.smoothness import DEFAULT_SMOOTHNESS
from smpl_rig.whole_files import whole_file

#: What Blender writes, by format.
BLENDER_FORMATS = ("fbx", "glb", "usd", "abc")


class ExportError(LimberError):
    """A file could not be written."""


@dataclass(frozen=True)
class ExportOptions:
    """How takes are written.

    Attributes:
        body: the file of the body that the motions belong to; None is Limber's own.
        smoothness: 0 to 1; None is usual: 0.5 for captures, 0 for imported motion.
        preset: the program that FBX, glTF, USD and Alembic are for.
        root_motion: None is the preset's.
        frame_rate: frames per second; None is the motion's.
        start_s: seconds; None is the beginning.
        end_s: seconds; None is the end.
        bvh_order: of rotation channels.
        t_pose: whether BVH begins with a frame of the rest pose.
    """

    body: Path | None = None
    smoothness: float | None = None
    preset: str = PLAIN
    root_motion: RootMotion | None = None
    frame_rate: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    bvh_order: str = DEFAULT_ORDER
    t_pose: bool = False


def export_files(
    motions: Sequence[Path], out: Path, formats: Sequence[str], options: ExportOptions
) -> tuple[list[Path], list[str]]:
    """Writes each Motion file in each format into a folder.

    Args:
        motions: Motion files.
        out: an existing folder.
        formats: of :data:`smpl_rig.exports.preset.FORMATS`.
        options: how.

    Returns:
        The files written, and what the user should know.

    Raises:
        LimberError: if a file cannot be read or written, or two would have the same name.
    """
    _check(motions, options)
    written: list[Path] = []
    warnings: list[str] = []
    for path in motions:
        motion = Motion.load(path)
        smoothness = usual_smoothness(motion) if options.smoothness is None else options.smoothness
        plain = [each for each in formats if each not in BLENDER_FORMATS]
        if plain:
            take = take_of(refine(motion, smoothness), options.frame_rate, options.start_s, options.end_s)
            take = take.with_root_motion(options.root_motion or RootMotion.PELVIS)
            written += [_write_plain(take, each, out, path.stem, options) for each in plain]
        outputs = [out / f"{path.stem}.{each}" for each in formats if each in BLENDER_FORMATS]
        if outputs:
            warnings += export_through_blender(path, outputs, replace(options, smoothness=smoothness))
            written += outputs
    return written, warnings


def usual_smoothness(motion: Motion) -> float:
    """What a motion is smoothed by when nobody says."""
    return 0.0 if motion.model in SOURCES else DEFAULT_SMOOTHNESS


def _check(motions: Sequence[Path], options: ExportOptions) -> None:
    stems = [path.stem for path in motions]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise ExportError(f"Two of the motions are called '{twice}'. Export them into different folders.")
    preset(options.preset)


def _write_plain(take: Take, name: str, out: Path, stem: str, options: ExportOptions) -> Path:
    # a Motion file is an .npz itself, and must not be replaced
    path = out / (f"{stem}_amass.npz" if name == "amass" else f"{stem}.{name}")
    try:
        with whole_file(path) as part:
            match name:
                case "bvh":
                    write_bvh(take, part, options.bvh_order, t_pose=options.t_pose)
                case "csv":
                    write_csv(take, part)
                case _:
                    write_amass(take, part)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}. Choose another place.") from error
    return path


def export_through_blender(motion: Path, outputs: Sequence[Path], options: ExportOptions) -> list[str]:
    """Has Blender write a Motion file to each path by its ending.

    Returns:
        What the user should know.

    Raises:
        ExportError: with what Blender said.
    """
    from backend.body import body_path  # noqa: PLC0415  (torch is not needed without Blender)

    words = [str(motion), "--body", str(options.body or body_path())]
    named = {
        "--smoothness": options.smoothness,
        "--preset": options.preset,
        "--root-motion": options.root_motion,
        "--fps": options.frame_rate,
        "--start": options.start_s,
        "--end": options.end_s,
    }
    for name, value in named.items():
        words += [] if value is None else [name, str(value)]
    for output in outputs:
        words += ["--export", str(output)]
    try:
        warnings, _ = run_in_blender("smpl_rig.blender.export", words)
    except BlenderError as error:
        raise ExportError(f"{motion.name} could not be exported: {error}") from error
    return warnings


def export_motions(
    motions: Sequence[Path],
    body: Path | None,
    formats: Sequence[str],
    smoothness: float,
    progress: Callable[[str, float], None],
) -> list[Path]:
    """Writes each Motion in each format beside it, through Blender in a process of its own.

    Raises:
        ExportError: with what Blender said.
    """
    written = []
    for number, motion in enumerate(motions):
        progress("export", number / len(motions))
        outputs = [motion.with_suffix(f".{suffix}") for suffix in formats]
        export_through_blender(motion, outputs, ExportOptions(body=body, smoothness=smoothness))
        written += outputs
    progress("export", 1.0)
    return written
