"""The command line: ``limber capture``, ``limber serve`` and what set-up needs."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from smpl_rig.errors import LimberError
from smpl_rig.refine import refine
from smpl_rig.service import DEFAULT_HOST, DEFAULT_PORT

EXPORT_FORMATS = ("fbx", "bvh", "glb", "usd")
#: The last wheel that carries BlazePose's model files; its own needs are left out, because it is never imported.
MODEL_DISTRIBUTION = "mediapipe==0.10.21"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 a user's error (said in one line), 130 interrupted."""
    parsed = _parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = parsed.run
        return run(parsed)
    except LimberError as error:
        print(f"limber: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("limber: interrupted; nothing half-written was left.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="limber", description="Footage in, animated characters out.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_capture(commands)

    serve = commands.add_parser("serve", help="run the backend for Blender on this machine")
    serve.add_argument("--host", default=DEFAULT_HOST, help="default: %(default)s, this machine only")
    serve.add_argument("--port", type=int, default=DEFAULT_PORT)
    serve.add_argument("--allow-remote", action="store_true", help="let other machines reach it (they need the token)")
    serve.add_argument("--data", type=Path, help="folder for captures (default: the user's data folder)")
    serve.add_argument("--keep", type=_count, default=100, metavar="N", help="captures to keep (default: %(default)s)")
    serve.add_argument(
        "--keep-gb",
        type=_gigabytes,
        default=16,
        metavar="GB",
        help="disk for them and their uploads (default: %(default)s)",
    )
    serve.set_defaults(run=_serve)

    body = commands.add_parser("body", help="build the embedded body, once, and print where it is")
    body.set_defaults(run=_body)

    weights = commands.add_parser("import-weights", help="make use of a checkpoint that a network's authors published")
    weights.add_argument("file", type=Path, metavar="FILE")
    weights.add_argument("--network", required=True, metavar="NAME", help="the network whose weights it holds")
    weights.set_defaults(run=_import_weights)

    networks = commands.add_parser("networks", help="list the networks, or set them beside their papers")
    networks.add_argument("--json", action="store_true", help="print JSON and nothing else")
    shown = networks.add_mutually_exclusive_group()
    shown.add_argument("--paper-table", action="store_true", help="parameters and FLOPs; exit status 1 if they differ")
    shown.add_argument("--speed", action="store_true", help="frames per second on this machine; takes some minutes")
    networks.set_defaults(run=_networks)

    _add_import(commands)
    _add_export(commands)
    _add_retarget(commands)
    _add_train(commands)

    evaluate = commands.add_parser("evaluate", help="measure how good the answers are")
    judged = evaluate.add_subparsers(required=True, metavar="HOW")
    _add_evaluate_simulated(judged)
    _add_evaluate_footage(judged)
    _add_evaluate_smoothing(judged)
    _add_evaluate_dataset(judged)

    setup = commands.add_parser("setup", help="install the files of BlazePose's models into this environment")
    setup.set_defaults(run=_setup)
    return parser


def _add_capture(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("capture", help="capture the people in footage")
    parser.add_argument("footage", type=Path, metavar="FOOTAGE", help="a video, a folder of images or a %%04d pattern")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--network", default="auto", metavar="NAME", help="see limber networks")
    parser.add_argument("--no-fit", action="store_true", help="leave a network's answer as it is")
    parser.add_argument("--no-mirror", action="store_true", help="ask a network once, not for the mirror image too")
    parser.add_argument("--person", default="largest", metavar="all|largest|N")
    parser.add_argument(
        "--smoothness", type=_fraction, default=0.5, metavar="0..1", help="of the exports and the preview"
    )
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument("--fov", type=float, metavar="DEG", help="horizontal field of view of the camera")
    camera.add_argument("--focal-px", type=float, metavar="PX")
    parser.add_argument("--still-camera", action="store_true", help="it is known to stand still: do not watch it")
    parser.add_argument("--start", type=float, metavar="S")
    parser.add_argument("--end", type=float, metavar="S")
    parser.add_argument("--body", type=Path, metavar="FILE", help="a licensed SMPL file instead of the embedded body")
    parser.add_argument("--export", type=_formats, default=(), metavar="fbx,bvh,glb,usd")
    parser.add_argument("--preview", action="store_true", help="write preview.mp4 with the body over the footage")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")
    parser.set_defaults(run=_capture)


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("import", help="make Motion files of what other programs captured")
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="BVH, AMC, glTF; AMASS; results of WHAM, VIBE, PHALP, GVHMR, AIST++",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--body", type=Path, metavar="FILE", help="a licensed SMPL file, for the shapes in the file")
    parser.add_argument("--fps", type=_rate, metavar="N", help="frames per second, where the file does not tell")
    parser.add_argument("--skeleton", type=Path, metavar="FILE.asf", help="of an .amc (default: the one beside it)")
    parser.add_argument("--export", type=_formats, default=(), metavar="fbx,bvh,glb,usd")
    parser.add_argument("--smoothness", type=_fraction, default=0.0, metavar="0..1", help="of the exports")
    parser.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")
    parser.set_defaults(run=_import)


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from backend.export_command import formats
    from smpl_rig.exports.bvh import DEFAULT_ORDER, ORDERS
    from smpl_rig.exports.preset import FORMATS, PLAIN, presets
    from smpl_rig.exports.root_motion import RootMotion

    parser = commands.add_parser("export", help="write Motion files for other programs")
    parser.add_argument("motions", nargs="*", type=Path, metavar="MOTION", help="Motion files (.npz)")
    parser.add_argument("-o", "--out", type=Path, metavar="DIR")
    parser.add_argument("--preset", choices=[*presets()], default=PLAIN, help="the program (default: Limber's own way)")
    parser.add_argument("--presets", action="store_true", help="list the presets and what they are for")
    parser.add_argument("--format", type=formats, metavar="NAME,...", help=f"{', '.join(FORMATS)} (default: preset's)")
    parser.add_argument("--root-motion", choices=[*RootMotion], help="what the root bone does (default: the preset's)")
    parser.add_argument("--smoothness", type=_fraction, metavar="0..1", help="default: 0.5, of imported motion 0")
    parser.add_argument("--fps", type=_rate, metavar="N", help="frames per second (default: the motion's)")
    parser.add_argument("--start", type=float, metavar="S")
    parser.add_argument("--end", type=float, metavar="S")
    parser.add_argument("--bvh-order", choices=ORDERS, default=DEFAULT_ORDER, help="of rotations; default: %(default)s")
    parser.add_argument("--t-pose", action="store_true", help="begin a BVH with one frame of the rest pose")
    parser.add_argument("--body", type=Path, metavar="FILE", help="the licensed SMPL file that the motions belong to")
    parser.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")
    parser.set_defaults(run=_export)


def _add_retarget(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from smpl_rig.exports.preset import PLAIN, presets
    from smpl_rig.exports.written_bones import WrittenBones

    parser = commands.add_parser("retarget", help="put a motion onto any character")
    parser.add_argument("motion", type=Path, metavar="MOTION", help="a Motion file (.npz)")
    parser.add_argument("rig", type=Path, metavar="RIG", help="the character: .fbx, .glb, .gltf, .vrm, .blend")
    parser.add_argument("out", type=Path, metavar="OUT", help=".fbx, .glb, .usd, .abc, .blend")
    parser.add_argument("--smoothness", type=_fraction, default=0.5, metavar="0..1", help="default: %(default)s")
    parser.add_argument("--map", type=Path, metavar="FILE.json", help="which bone is which (default: it is found)")
    parser.add_argument("--armature", metavar="NAME", help="where the file holds several (default: with most bones)")
    parser.add_argument("--touch", action="store_true", help="lead hands to what the person's touch")
    parser.add_argument("--relax-fingers", action="store_true", help="let fingers hang as those of a hand at ease")
    parser.add_argument("--ik", action="store_true", help="key the rig's IK controls (Rigify)")
    parser.add_argument("--preset", choices=[*presets()], default=PLAIN, help="the program that OUT is for")
    parser.add_argument(
        "--bones", choices=[*WrittenBones], help="that are written (default: a control rig's deforming ones, else all)"
    )
    parser.set_defaults(run=_retarget)


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("train", help="train networks from folders of motion; goes on where it was cut off")
    parser.add_argument("networks", nargs="+", metavar="NETWORK", help="names as in limber networks, or all")
    parser.add_argument("--motions", nargs="+", type=Path, required=True, metavar="DIR", help="BVH, glTF, AMASS")
    parser.add_argument("-o", "--out", type=Path, default=Path("runs"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=_count, metavar="N", help="of each network, instead of its recipe's")
    parser.add_argument(
        "--go-on-from", type=Path, metavar="DIR", help="a folder of weights, NETWORK.safetensors, to begin with"
    )
    parser.add_argument("--install", action="store_true", help="let Limber use the weights")
    parser.add_argument("--smoke", action="store_true", help="a few steps, to see that everything is in its place")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--threads", type=_count, metavar="N", help="of the processor (default: all)")
    parser.set_defaults(run=_train)


def _add_evaluate_simulated(judged: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = judged.add_parser("simulated", help="on held-out motion, seen through the simulated detector")
    parser.add_argument("--motions", nargs="+", type=Path, required=True, metavar="DIR", help="BVH, glTF, AMASS")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="default: all that have weights")
    parser.add_argument("--sequences", type=_count, default=250, metavar="N", help="default: %(default)s")
    parser.add_argument("--without-3d", action="store_true", help="let the detector have no 3D of its own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=_count, default=os.cpu_count(), metavar="N", help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sequence's figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the figures (needs matplotlib)")
    parser.set_defaults(run=_evaluate_simulated)


def _add_evaluate_footage(judged: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = judged.add_parser("footage", help="on real footage, without truth: how believable the answers are")
    parser.add_argument("footage", nargs="+", type=Path, metavar="FOOTAGE", help="as for limber capture")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="default: all that have weights")
    parser.add_argument("--person", default="largest", metavar="all|largest|N")
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument("--fov", type=float, metavar="DEG", help="horizontal field of view of the camera")
    camera.add_argument("--focal-px", type=float, metavar="PX")
    parser.add_argument("--still-camera", action="store_true", help="it is known to stand still: do not watch it")
    parser.add_argument("--start", type=float, metavar="S")
    parser.add_argument("--end", type=float, metavar="S")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.set_defaults(run=_evaluate_footage)


def _add_evaluate_dataset(judged: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = judged.add_parser("dataset", help="on a public dataset, if you have it, by the papers' protocol")
    parser.add_argument("kind", metavar="KIND", help="3dpw, emdb, mpi-inf-3dhp, human36m, pose2sim")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where it was unpacked")
    parser.add_argument("--smpl", type=Path, metavar="DIR", help="SMPL_NEUTRAL, ... and J_regressor_h36m.npy")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="default: all that have weights")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, also by joint and by action")
    parser.set_defaults(run=_evaluate_dataset)


def _add_evaluate_smoothing(judged: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = judged.add_parser("smoothing", help="the slider's accuracy against its smoothness, beside other filters")
    parser.add_argument("--motions", nargs="+", type=Path, metavar="DIR", help="held-out motion, seen in simulation")
    parser.add_argument(
        "--films", type=Path, metavar="DIR", help="made by backend.evaluation.renders (default: eight are made)"
    )
    parser.add_argument("--networks", nargs="+", default=["auto"], metavar="NAME", help="default: auto")
    parser.add_argument("--sequences", type=_count, default=60, metavar="N", help="of motion; default: %(default)s")
    parser.add_argument(
        "--learn",
        type=_count,
        metavar="N",
        help="let a filter learn from as many sequences, and show it beside the others",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=_count, default=os.cpu_count(), metavar="N", help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curves (needs matplotlib)")
    parser.set_defaults(run=_evaluate_smoothing)


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} does not lie between 0 and 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value < 10000:
        raise argparse.ArgumentTypeError(f"{text} is no number of frames per second")
    return value


def _gigabytes(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no size of a disk")
    return value


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [name for name in formats if name not in EXPORT_FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(f"'{unknown[0]}' is not one of {', '.join(EXPORT_FORMATS)}")
    return formats


def _capture(parsed: argparse.Namespace) -> int:
    from backend.capture import CaptureSettings, capture
    from backend.preview import write_preview

    try:
        parsed.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LimberError(
            f"{parsed.out} cannot be made: {error.strerror}. Choose a folder you may write to."
        ) from error
    settings = CaptureSettings(
        network=parsed.network,
        fit=not parsed.no_fit,
        mirror=not parsed.no_mirror,
        person=parsed.person,
        start_s=parsed.start,
        end_s=parsed.end,
        fov_deg=parsed.fov,
        focal_px=parsed.focal_px,
        still_camera=parsed.still_camera,
        body=parsed.body,
        device=parsed.device,
    )
    with _ProgressBar(silent=parsed.json) as progress:
        captured = capture(parsed.footage, settings, progress)
        written = []
        for motion in captured.motions:
            path = parsed.out / f"person_{motion.person}.npz"
            motion.save(path)
            written.append(path)
        if parsed.export:
            from backend.exporting import export_motions

            written += export_motions(written, parsed.body, parsed.export, parsed.smoothness, progress)
        if parsed.preview and captured.motions:
            preview = parsed.out / "preview.mp4"
            refined = [refine(motion, parsed.smoothness) for motion in captured.motions]
            write_preview(parsed.footage, refined, captured.body, preview, lambda done: progress("preview", done))
            written.append(preview)
    report = captured.report | {"written": [str(path) for path in written]}
    _write_json(parsed.out / "report.json", report)
    if parsed.json:
        print(json.dumps(report, indent=2))
    else:
        _print_summary(report)
    return 0


def _import(parsed: argparse.Namespace) -> int:
    from backend.import_command import run_import

    return run_import(parsed)


def _export(parsed: argparse.Namespace) -> int:
    from backend.export_command import run_export

    return run_export(parsed)


def _retarget(parsed: argparse.Namespace) -> int:
    from backend.retarget_command import run_retarget

    return run_retarget(parsed)


def _serve(parsed: argparse.Namespace) -> int:
    from backend.server import run
    from backend.server.models import Limits

    limits = Limits(kept_captures=parsed.keep, kept_bytes=int(parsed.keep_gb * 1024**3))
    run(parsed.host, parsed.port, parsed.data, allow_remote=parsed.allow_remote, limits=limits)
    return 0


def _body(_parsed: argparse.Namespace) -> int:
    from backend.body import body_path, limber_body

    with _ProgressBar(silent=False) as progress:
        limber_body(lambda done: progress("body", done))
    print(body_path())
    return 0


def _import_weights(parsed: argparse.Namespace) -> int:
    from backend.models import NETWORKS
    from backend.models.published import import_weights

    imported = import_weights(parsed.file, parsed.network)
    print(f"{imported.used} tensors are used.")
    if imported.unused:
        print(f"Not used: {', '.join(imported.unused)}.")
    for path in imported.written:
        print(f"  {path}")
    for network in NETWORKS:
        if parsed.network in dict(network.imported):
            needed = f"limber capture --network {network.name}"
            print(f"{needed} still needs {' and '.join(network.missing)}." if network.missing else f"Use: {needed}")
    return 0


def _networks(parsed: argparse.Namespace) -> int:
    if parsed.paper_table:
        return _paper_table(parsed.json)
    if parsed.speed:
        return _speed(parsed.json)
    from backend.models.listing import as_records, as_table, listing

    listed = listing()
    print(json.dumps(as_records(listed), indent=2) if parsed.json else as_table(listed))
    return 0


def _paper_table(as_json: bool) -> int:
    from backend.models.paper_table import as_records, as_table, paper_table

    figures = paper_table()
    print(json.dumps(as_records(figures), indent=2) if as_json else as_table(figures))
    return 0 if all(figure.met for figure in figures) else 1


def _speed(as_json: bool) -> int:
    from backend.models.configurations import CONFIGURATIONS
    from backend.models.speed import as_records, as_table, devices, speeds

    count = len(devices()) * len(CONFIGURATIONS)
    found = list(tqdm(speeds(), total=count, desc="networks", disable=as_json, leave=False))
    print(json.dumps(as_records(found), indent=2) if as_json else as_table(found))
    return 0


def _train(parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("tensorboard") is None:
        raise LimberError("Training writes a log for TensorBoard. Install the extra: pip install 'limber[train]'.")
    import torch

    from backend.capture import choose_device
    from backend.models import weights_file
    from backend.models.weights import LANDMARK_NETWORKS
    from backend.training.motions import load_library
    from backend.training.recipes import RECIPES, SMOKE_RECIPES, chosen, teach

    if parsed.threads:
        torch.set_num_threads(parsed.threads)
    device = choose_device(parsed.device)
    recipes = chosen(SMOKE_RECIPES if parsed.smoke else RECIPES, parsed.seed, parsed.steps)
    with _ProgressBar(silent=False) as progress:
        library = load_library(parsed.motions, lambda done, total: progress("motions", done / total))
    clips, made = library.clips("train"), {"motions": json.dumps(library.minutes_by_source("train"))}
    for name in LANDMARK_NETWORKS if parsed.networks == ["all"] else parsed.networks:
        begun = parsed.go_on_from / f"{name}.safetensors" if parsed.go_on_from else None
        weights = teach(name, clips, parsed.out, device, recipes, made, begun)
        if parsed.install:
            weights = Path(shutil.copyfile(weights, weights_file(name)))
        print(weights)
    return 0


def _evaluate_simulated(parsed: argparse.Namespace) -> int:
    from backend.evaluation import held_out, scores
    from backend.evaluation.answers import networks_to_measure
    from backend.models import choose_network
    from backend.training.motions import load_library

    networks, default = networks_to_measure(parsed.networks), scores.as_captured(choose_network("auto"))
    seen = held_out.WITHOUT_3D if parsed.without_3d else held_out.UNSTRETCHED
    rows = held_out.evaluate_held_out(
        load_library(parsed.motions), networks, parsed.sequences, parsed.seed, parsed.workers, seen=seen
    )
    print(scores.report(rows, default))
    if parsed.json:
        settings = {"sequences": parsed.sequences, "seed": parsed.seed, "without_3d": parsed.without_3d}
        scores.write_json(rows, parsed.json, settings | {"networks": networks})
    if parsed.plot:
        from backend.evaluation.scores_plot import plot

        plot(rows, default, parsed.plot)
    return 0


def _evaluate_smoothing(parsed: argparse.Namespace) -> int:
    from backend.evaluation import renders, smoothing, smoothing_captures
    from backend.models import choose_network
    from backend.training.motions import load_library

    networks = list(dict.fromkeys(choose_network(name) for name in parsed.networks))
    with tempfile.TemporaryDirectory() as folder:
        if parsed.films:
            films = sorted(parsed.films.glob("clip_*.npz"))
        else:
            films = renders.make(Path(folder), 8, renders.Recipe(parsed.seed, 0, ""), None, parsed.workers)
        filmed = smoothing_captures.in_films(films, networks, parsed.workers)
    simulated = {}
    if parsed.motions:
        counts = (parsed.learn or 0, parsed.sequences, parsed.sequences)
        library = load_library(parsed.motions)
        simulated = smoothing_captures.in_simulation(library, networks, counts, parsed.seed, parsed.workers)
    curves = smoothing.curves_of_all(smoothing.named(simulated, filmed), parsed.workers)
    print(f"{smoothing.table(curves)}\n\n{smoothing.slider_table(curves)}")
    if parsed.json:
        settings = {"sequences": parsed.sequences if parsed.motions else 0, "films": len(films), "seed": parsed.seed}
        smoothing.write_json(curves, parsed.json, settings | {"learn": parsed.learn or 0, "networks": networks})
    if parsed.plot:
        from backend.evaluation.smoothing_plot import plot

        plot(curves, parsed.plot)
    return 0


def _evaluate_footage(parsed: argparse.Namespace) -> int:
    from backend.capture import CaptureSettings, choose_device
    from backend.evaluation.answers import networks_to_measure
    from backend.evaluation.footage import evaluate_footage, report, table

    settings = CaptureSettings(
        person=parsed.person,
        start_s=parsed.start,
        end_s=parsed.end,
        fov_deg=parsed.fov,
        focal_px=parsed.focal_px,
        still_camera=parsed.still_camera,
    )
    device, rows = choose_device(parsed.device), []
    networks = networks_to_measure(parsed.networks)
    for path in parsed.footage:
        with _ProgressBar(silent=False) as progress:
            rows += evaluate_footage(path, settings, networks, device, progress)
    print(table(rows))
    if parsed.json:
        _write_json(parsed.json, report(rows))
    return 0


def _evaluate_dataset(parsed: argparse.Namespace) -> int:
    from backend.capture import choose_device
    from backend.evaluation.answers import networks_to_measure
    from backend.evaluation.dataset import evaluate_dataset, people_of, report, table
    from backend.evaluation.licensed import LicensedFiles

    licensed = LicensedFiles(parsed.smpl) if parsed.smpl else None
    networks = networks_to_measure(parsed.networks)
    with tqdm(people_of(parsed.kind, parsed.folder), desc="people") as people:
        figures = evaluate_dataset(
            parsed.kind, people, licensed, networks, choose_device(parsed.device), people.set_postfix_str
        )
    print(table(figures))
    if parsed.json:
        _write_json(parsed.json, report(parsed.kind, licensed, figures))
    return 0


def _setup(_parsed: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "pip", "install", "--no-deps", MODEL_DISTRIBUTION]
    return subprocess.run(command, check=False).returncode


class _ProgressBar:
    """A bar for each stage, with the time that is left; silent where another program reads the output."""

    def __init__(self, silent: bool) -> None:
        self._silent = silent
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> _ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, stage: str, fraction: float, people: int | None = None) -> None:
        if stage != self._stage:
            self._close()
            self._stage = stage
            layout = "{desc:<10}{percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}"
            self._bar = tqdm(total=1.0, desc=stage, bar_format=layout, disable=self._silent)
        if self._bar is not None:
            if people is not None:
                self._bar.set_postfix_str(f"{people} in sight", refresh=False)
            self._bar.update(max(fraction - self._bar.n, 0.0))

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _write_json(path: Path, report: dict[str, Any]) -> None:
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise LimberError(f"{path} cannot be written: {error.strerror}. Choose another place.") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def _print_summary(report: dict[str, Any]) -> None:
    for warning in report["warnings"]:
        print(f"warning: {warning}")
    frames, rate = report["footage"]["frames_read"], report["frames_per_second"]
    print(
        f"{frames} frames, {len(report['people_found'])} people found, {rate} frames per second on {report['device']}"
    )
    for path in report["written"]:
        print(f"  {path}")


if __name__ == "__main__":
    sys.exit(main())
