"""``make bench``: how fast Limber is on this machine, and how much memory it takes. It reports; it asserts nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backend.body import limber_body
from backend.demo.__main__ import BETAS
from backend.demo.choreography import perform
from backend.demo.clip import demo_camera, render_clip
from backend.encoding import VideoWriter
from backend.footage import open_footage
from backend.machine import machine
from backend.preview import write_preview
from backend.training.speed import training_speeds
from smpl_rig.motion import Motion
from smpl_rig.refine import Refinement, refine

LONG_FRAMES = 10_000
#: The long clip is the short one so many times over, to and fro: memory must not grow with it.
REPEATS = 12
_WRITE_KEYS = """
import sys, time, bpy
from smpl_rig.motion import Motion
from smpl_rig.blender.character import build_character
from smpl_rig.blender.animation import write_motion
bpy.ops.wm.read_factory_settings(use_empty=True)
motion = Motion.load(sys.argv[1])
armature = build_character(bpy.context.scene, motion, None, "bench", smoothness=0)
started = time.perf_counter()
write_motion(armature, motion)
print(f"SECONDS {time.perf_counter() - started}", flush=True)
import os
os._exit(0)
"""
_MOVE_SLIDER = """
import os, sys, time, bpy
from smpl_rig.motion import Motion
from smpl_rig.blender.animation import fit_scene
from smpl_rig.blender.character import apply_smoothness, build_character
bpy.ops.wm.read_factory_settings(use_empty=True)
motion = Motion.load(sys.argv[1])
fit_scene(bpy.context.scene, motion)
armature = build_character(bpy.context.scene, motion, None, "bench")
apply_smoothness(armature, 0.5)  # a take's first time prepares all others
moved = []
for smoothness in (0.6, 0.7, 0.8):
    started = time.perf_counter()
    apply_smoothness(armature, smoothness)
    bpy.context.view_layer.update()
    moved.append(time.perf_counter() - started)
print(f"SECONDS {min(moved)}", flush=True)
os._exit(0)
"""
_RETARGET = """
import os, sys, time, bpy
from smpl_rig.motion import Motion
from smpl_rig.blender.animation import fit_scene
from smpl_rig.blender.character import build_character
from smpl_rig.blender.retarget import find_rig_bones, retarget_person
bpy.ops.wm.read_factory_settings(use_empty=True)
motion = Motion.load(sys.argv[1])
fit_scene(bpy.context.scene, motion)
person, target = (build_character(bpy.context.scene, motion, None, name, 0) for name in ("person", "target"))
target.animation_data_clear()
bones = find_rig_bones(target).bones
started = time.perf_counter()
retarget_person(target, person, bones)
print(f"SECONDS {time.perf_counter() - started}", flush=True)
os._exit(0)
"""
_IMPORT_ADDON = """
import os, sys, time, bpy
sys.path.insert(0, sys.argv[1])
started = time.perf_counter()
import limber
print(f"SECONDS {time.perf_counter() - started}", flush=True)
os._exit(0)
"""


def main() -> int:
    """Prints a table and, as its last line, the same as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder) / "short.mp4", Path(folder) / "long.mp4"
        _render(short)
        _repeat(short, long)
        figures: dict[str, Any] = {"machine": machine()}
        reports = {name: _capture(path, Path(folder) / name) for name, path in (("short", short), ("long", long))}
        figures |= {f"{name} clip, frames": report["footage"]["frames_read"] for name, report in reports.items()}
        figures |= {f"{name} clip, frames per second": report["frames_per_second"] for name, report in reports.items()}
        figures |= {
            f"{name} clip, peak memory, GB": round(report["peak_memory_bytes"] / 1e9, 3)
            for name, report in reports.items()
        }
        motions = {name: Motion.load(Path(folder) / name / "person_0.npz") for name in reports}
        figures |= {f"{name} clip, frames captured": len(motion) for name, motion in motions.items()}
        captured = motions["short"]
        figures["preview, frames per second"] = _preview(short, captured, Path(folder) / "preview.mp4")
        motion = _lengthened(captured)
        figures["refine 10,000 frames, s"] = _best(lambda: refine(motion, 0.5))
        refinement = Refinement(motion)
        figures["refine them at another smoothness, s"] = _best(lambda: refinement.at(0.6))
        motion.save(Path(folder) / "motion.npz")
        figures["write 10,000 frames of keys, s"] = _in_blender(_WRITE_KEYS, Path(folder) / "motion.npz")
        figures["move the slider on them in Blender, s"] = _in_blender(_MOVE_SLIDER, Path(folder) / "motion.npz")
        figures["retarget them in Blender, s"] = _in_blender(_RETARGET, Path(folder) / "motion.npz")
        figures["import the extension, s"] = _import_addon(Path(folder) / "extension")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    figures |= {name: round(speed, 2) for name, speed in training_speeds(device).items()}
    for name, value in figures.items():
        print(f"{name:<42}{value}")
    print(json.dumps(figures))
    return 0


def _render(path: Path) -> None:
    body = limber_body()
    performance = perform(body.rest_joints(BETAS), 30.0)
    render_clip(path, body, BETAS, performance, demo_camera(), Fraction(30), lambda _fraction: None)


def _repeat(path: Path, longer: Path) -> None:
    """To and fro, so that the person never jumps and is one person from beginning to end."""
    images = [frame.image for frame in open_footage(path).frames()]
    with VideoWriter(longer, Fraction(30)) as writer:
        for turn in range(REPEATS):
            for image in images if turn % 2 == 0 else reversed(images):
                writer.add(image)


def _capture(path: Path, out: Path) -> dict[str, Any]:
    """In a process of its own, so that the memory counted is its own."""
    command = [sys.executable, "-m", "backend.cli", "capture", str(path), "-o", str(out), "--json"]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(finished.stdout)
    return report


def _lengthened(motion: Motion) -> Motion:
    """The motion to and fro until it has ``LONG_FRAMES`` frames."""
    count = len(motion)
    to_and_fro = np.concatenate((np.arange(count), np.arange(count - 2, 0, -1)))
    frames = np.resize(to_and_fro, LONG_FRAMES)
    changed: dict[str, Any] = {
        name: value[frames]
        for name, value in vars(motion).items()
        if isinstance(value, np.ndarray) and value.shape[:1] == (count,)
    }
    changed["timestamps_s"] = np.arange(LONG_FRAMES) / motion.mocap_framerate
    return Motion(**vars(motion) | changed)


def _best(action: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return round(min(times), 3)


def _preview(clip: Path, motion: Motion, path: Path) -> float:
    started = time.perf_counter()
    write_preview(clip, [motion], limber_body(), path, lambda _fraction: None)
    return round(len(motion) / (time.perf_counter() - started), 2)


def _import_addon(folder: Path) -> float | None:
    """The second time, as the first one also compiles the extension, once for all."""
    repository = Path(__file__).resolve().parents[1]
    command = [sys.executable, str(repository / "build_addon.py"), "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=repository)
    with zipfile.ZipFile(next(folder.glob("*.zip"))) as archive:
        archive.extractall(folder / "limber")
    _in_blender(_IMPORT_ADDON, folder)
    return _in_blender(_IMPORT_ADDON, folder)


def _in_blender(script: str, argument: Path) -> float | None:
    """The seconds that a script tells of, run with bpy in a process of its own; None where there is no bpy."""
    finished = subprocess.run(
        [sys.executable, "-c", script, str(argument)], capture_output=True, text=True, check=False
    )
    told = [line for line in finished.stdout.splitlines() if line.startswith("SECONDS ")]
    return round(float(told[0].split()[1]), 3) if told else None


if __name__ == "__main__":
    sys.exit(main())
