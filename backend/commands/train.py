"""``limber train``: weights from folders of motion."""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
from pathlib import Path

from backend.argument_types import count, seed
from smpl_rig.errors import LimberError

from .arguments import Commands, add_device, add_motion_folders
from .progress_bar import ProgressBar


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("train", help="train networks from folders of motion; goes on where it was cut off")
    parser.add_argument("networks", nargs="+", metavar="NETWORK", help="names as in limber networks, or all")
    add_motion_folders(parser, "BVH, glTF, AMASS", required=True)
    parser.add_argument("-o", "--out", type=Path, default=Path("runs"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--steps", type=count, metavar="N", help="of each network, instead of its recipe's")
    parser.add_argument(
        "--go-on-from", type=Path, metavar="DIR", help="a folder of weights, NETWORK.safetensors, to begin with"
    )
    parser.add_argument("--install", action="store_true", help="let Limber use the weights")
    parser.add_argument("--smoke", action="store_true", help="a few steps, to see that everything is in its place")
    add_device(parser)
    parser.add_argument("--threads", type=count, metavar="N", help="of the processor (default: all)")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Trains one network after the other, and prints where the weights of each are.

    Raises:
        LimberError: with what the user is to be told.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise LimberError("Training writes a log for TensorBoard. Install the extra: pip install 'limber[train]'.")
    import torch

    from backend.capture import choose_device
    from backend.models import weights_file
    from backend.training.motions import load_library
    from backend.training.recipes import RECIPES, SMOKE_RECIPES, chosen, teach
    from backend.training.train import of_this_process

    if parsed.threads:
        torch.set_num_threads(parsed.threads)
    device, lessons = of_this_process(choose_device(parsed.device)), _lessons(parsed.networks, parsed.go_on_from)
    recipes = chosen(SMOKE_RECIPES if parsed.smoke else RECIPES, parsed.seed, parsed.steps)
    with ProgressBar() as progress:
        library = load_library(parsed.motions, lambda done, total: progress("motions", done / total))
    clips, made = library.clips("train"), {"motions": json.dumps(library.minutes_by_source("train"))}
    for name, begun in lessons.items():
        weights = teach(name, clips, parsed.out, device, recipes, made, begun)
        if parsed.install:
            weights = Path(shutil.copyfile(weights, weights_file(name)))
        print(weights)
    return 0


def _lessons(networks: list[str], go_on_from: Path | None) -> dict[str, Path | None]:
    """The weights to begin with, if any, by the network's name.

    Raises:
        LimberError: naming what is missing, before hours are spent on the networks that come first.
    """
    from backend.models.weights import LANDMARK_NETWORKS

    names = list(LANDMARK_NETWORKS) if networks == ["all"] else networks
    unknown = [name for name in names if name not in LANDMARK_NETWORKS]
    if unknown:
        raise LimberError(f"Network '{unknown[0]}' is unknown. Choose all, or some of {', '.join(LANDMARK_NETWORKS)}.")
    if go_on_from is None:
        return dict.fromkeys(names)
    begun = {name: go_on_from / f"{name}.safetensors" for name in names}
    missing = [path for path in begun.values() if not path.is_file()]
    if missing:
        raise LimberError(
            f"{missing[0]} does not exist. Choose a folder that holds the weights of every network named."
        )
    return {**begun}
