"""``limber evaluate``: how good the answers are, on four kinds of evidence."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from backend.argument_types import count, new_file, seed
from backend.json_reports import write_json
from smpl_rig.errors import LimberError

from .arguments import Commands, add_detector, add_device, add_filming, add_motion_folders, add_person
from .progress_bar import ProgressBar


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    evaluate = commands.add_parser("evaluate", help="measure how good the answers are")
    evidence = evaluate.add_subparsers(required=True, metavar="HOW")
    _add_simulated(evidence)
    _add_footage(evidence)
    _add_smoothing(evidence)
    _add_dataset(evidence)


def _add_simulated(evidence: Commands) -> None:
    parser = evidence.add_parser("simulated", help="on held-out motion, seen through the simulated detector")
    add_motion_folders(parser, "BVH, glTF, AMASS", required=True)
    _add_networks(parser)
    parser.add_argument("--sequences", type=count, default=250, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--part",
        choices=("test", "validation"),
        default="test",
        help="of the motion library: validation is what choices are made by (default: %(default)s)",
    )
    parser.add_argument("--without-3d", action="store_true", help="let the detector have no 3D of its own")
    parser.add_argument("--seed", type=seed, default=0)
    _add_workers(parser)
    _add_json_file(parser, "write every sequence's figures")
    parser.add_argument("--plot", type=new_file, metavar="FILE", help="draw the figures (needs matplotlib)")
    parser.set_defaults(run=_run_simulated)


def _add_footage(evidence: Commands) -> None:
    parser = evidence.add_parser("footage", help="on real footage, without truth: how believable the answers are")
    parser.add_argument("footage", nargs="+", type=Path, metavar="FOOTAGE", help="as for limber capture")
    _add_networks(parser)
    add_person(parser)
    add_filming(parser)
    add_detector(parser)
    add_device(parser)
    _add_json_file(parser, "write the figures")
    parser.set_defaults(run=_run_footage)


def _add_smoothing(evidence: Commands) -> None:
    parser = evidence.add_parser("smoothing", help="the slider's accuracy against its smoothness, beside other filters")
    add_motion_folders(parser, "held-out motion, seen in simulation", required=False)
    parser.add_argument(
        "--films", type=Path, metavar="DIR", help="made by backend.evaluation.renders (default: eight are made)"
    )
    parser.add_argument("--networks", nargs="+", default=["auto"], metavar="NAME", help="default: auto")
    parser.add_argument("--sequences", type=count, default=60, metavar="N", help="of motion; default: %(default)s")
    parser.add_argument(
        "--learn",
        type=count,
        metavar="N",
        help="let a filter learn from as many sequences, and show it beside the others",
    )
    parser.add_argument("--seed", type=seed, default=0)
    _add_workers(parser)
    _add_json_file(parser, "write every figure")
    parser.add_argument("--plot", type=new_file, metavar="FILE", help="draw the curves (needs matplotlib)")
    parser.set_defaults(run=_run_smoothing)


def _add_dataset(evidence: Commands) -> None:
    parser = evidence.add_parser("dataset", help="on a public dataset, if you have it, by the papers' protocol")
    parser.add_argument("kind", metavar="KIND", help="3dpw, emdb, mpi-inf-3dhp, human36m, pose2sim")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where it was unpacked")
    parser.add_argument("--smpl", type=Path, metavar="DIR", help="SMPL_NEUTRAL, ... and J_regressor_h36m.npy")
    _add_networks(parser)
    add_detector(parser)
    add_device(parser)
    _add_json_file(parser, "write the figures, also by joint and by action")
    parser.set_defaults(run=_run_dataset)


def _add_networks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="default: all that have weights")


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=count, default=os.cpu_count(), metavar="N", help="default: %(default)s")


def _add_json_file(parser: argparse.ArgumentParser, content: str) -> None:
    parser.add_argument("--json", type=new_file, metavar="FILE", help=content)


def _run_simulated(parsed: argparse.Namespace) -> int:
    from backend.evaluation import held_out, scores
    from backend.evaluation.answers import networks_to_measure
    from backend.models import choose_network
    from backend.training.motions import load_library

    networks, default = networks_to_measure(parsed.networks), scores.as_captured(choose_network("auto"))
    seen = held_out.WITHOUT_3D if parsed.without_3d else held_out.UNSTRETCHED
    rows = held_out.evaluate_held_out(
        load_library(parsed.motions),
        networks,
        parsed.sequences,
        parsed.seed,
        parsed.workers,
        seen=seen,
        part=parsed.part,
    )
    print(scores.report(rows, default))
    if parsed.json:
        settings = {name: getattr(parsed, name) for name in ("sequences", "seed", "part", "without_3d")}
        scores.write_rows(rows, parsed.json, settings | {"networks": networks})
    if parsed.plot:
        from backend.evaluation.scores_plot import plot

        plot(rows, default, parsed.plot)
    return 0


def _run_footage(parsed: argparse.Namespace) -> int:
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
        detector=parsed.detector,
    )
    device, rows = choose_device(parsed.device), []
    networks = networks_to_measure(parsed.networks)
    for path in parsed.footage:
        with ProgressBar() as progress:
            rows += evaluate_footage(path, settings, networks, device, progress)
    print(table(rows))
    if parsed.json:
        write_json(parsed.json, report(rows))
    return 0


def _run_smoothing(parsed: argparse.Namespace) -> int:
    from backend.evaluation import renders, smoothing, smoothing_captures
    from backend.models import choose_network
    from backend.people.model_files import AUTO, choose_landmarks
    from backend.training.motions import load_library

    networks = list(dict.fromkeys(choose_network(name) for name in parsed.networks))
    if parsed.learn and not parsed.motions:
        raise LimberError("There is nothing to learn from. Name --motions, or leave out --learn.")
    with tempfile.TemporaryDirectory() as folder:
        if parsed.films:
            films = sorted(parsed.films.glob("clip_*.npz"))
            if not films:
                raise LimberError(
                    f"{parsed.films} holds no films (clip_*.npz). Make them: python -m backend.evaluation.renders DIR"
                )
        else:
            recipe = renders.Recipe(parsed.seed, 0, "", choose_landmarks(AUTO))
            films = renders.make(Path(folder), 8, recipe, None, parsed.workers)
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
        settings |= {"learn": parsed.learn or 0, "networks": networks}
        write_json(parsed.json, smoothing.report(curves, settings))
    if parsed.plot:
        from backend.evaluation.smoothing_plot import plot

        plot(curves, parsed.plot)
    return 0


def _run_dataset(parsed: argparse.Namespace) -> int:
    from tqdm import tqdm

    from backend.capture import choose_device
    from backend.evaluation.answers import networks_to_measure
    from backend.evaluation.dataset import evaluate_dataset, people_of, report, table
    from backend.evaluation.licensed import LicensedFiles

    licensed = LicensedFiles(parsed.smpl) if parsed.smpl else None
    networks = networks_to_measure(parsed.networks)
    with tqdm(people_of(parsed.kind, parsed.folder), desc="people") as people:
        figures = evaluate_dataset(
            parsed.kind,
            people,
            licensed,
            networks,
            choose_device(parsed.device),
            people.set_postfix_str,
            parsed.detector,
        )
    print(table(figures))
    if parsed.json:
        write_json(parsed.json, report(parsed.kind, licensed, figures))
    return 0
