"""The card of each shipped file: ``python -m backend.training.cards FIGURES`` writes them all.

A card says what the weights were made from and how, how good they are, what they may be used for and where they fail.
The figures are those that ``limber evaluate simulated --json FIGURES`` wrote.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from backend.evaluation.rivals import FAIR, RAW
from backend.evaluation.scores import TRUTH, Row, read_scores, table
from backend.models import NETWORKS, PER_FRAME, weights_file
from backend.models.weights import LANDMARK_NETWORKS, how_made
from backend.user_errors import told_in_one_line
from smpl_rig.errors import LimberError

_CARD = Template("""\
# $name

$title. Follows $paper.

The weights are in half precision, $megabytes MB, $parameters million parameters with the encoder of landmarks.

## What it is for

It turns BlazePose's landmarks of a person in a video into a pose and a shape of Limber's body for every frame.

## What it learned from

$minutes minutes of free motion capture, stretched, filmed by simulated cameras and seen through a simulated detector
(`backend/training/`). No picture, no licensed body model and no other network's answer was used.

$sources

## How it was made

    limber train $name --motions FOLDER --install

The encoder, which all networks start from: $encoder_steps steps of $encoder_clips. The network, and with it the
encoder at $encoder_rate of its rate: $steps steps of $clips, learning rate $learning_rate, seed $seed; then
$steadying steps at a lower rate in which the error of its acceleration counts too.$went_on

## How good it is

$count sequences of motion that it never saw, of other people and other acts, through the same simulated detector, on
$machine. Millimetres; ACC-ERR is in mm/frame² at 30 frames per second, PCK@150 and AUC in percent, jitter in m/s³:

```
$figures
```

The detector errs differently on people than it does in the simulation: these figures rank answers, they do not promise
the same millimetres on your footage.

## Where it fails

- Depth comes from one view. An arm straight at the camera may be bent too much or too little.
- Handstands, somersaults and people who lie were rare in what it learned from.
- Somebody mostly outside the picture, or hidden for longer than its window, is guessed.
- Fingers and faces are not captured.

## Licence

GPL-3.0-or-later, as Limber itself. The motion is free for all uses, commercial ones too: the CMU Graphics Lab Motion
Capture Database (mocap.cs.cmu.edu, made with funding from NSF EIA-0196217), and KayKit's and Mesh2Motion's animations
(CC0). What you capture with it is yours.
""")


def card(name: str, rows: Sequence[Row], machine: str) -> str:
    """The card of a network that has weights.

    Args:
        name: the network's.
        rows: of the evaluation, of all answers.
        machine: on which they were found.

    Raises:
        LimberError: if the weights do not say how they were made.
    """
    file = weights_file(name)
    made = how_made(file)
    if missing := {"recipe", "encoder", "motions"} - made.keys():
        raise LimberError(f"{file} does not tell its '{min(missing)}'. Train it again: limber train {name} --install")
    recipe, encoder, motions = (json.loads(made[key]) for key in ("recipe", "encoder", "motions"))
    network = next(network for network in NETWORKS if network.name == name)
    answers = {TRUTH, RAW, FAIR, PER_FRAME.name, name, f"{name}, fitted", f"{name}, fitted, smoothed"}
    chosen = [row for row in rows if row.answer in answers]
    return _CARD.substitute(
        name=name,
        title=network.title,
        paper=network.paper,
        megabytes=f"{file.stat().st_size / 1e6:.1f}",
        parameters=f"{file.stat().st_size / 2e6:.1f}",
        minutes=f"{sum(motions.values()):.1f}",
        sources=_listed(motions),
        encoder_steps=encoder["steps"],
        encoder_clips=_clips(encoder),
        encoder_rate=recipe["encoder_rate"],
        steps=recipe["steps"],
        steadying=recipe["steps"] // 4,
        clips=_clips(recipe),
        learning_rate=recipe["learning_rate"],
        seed=recipe["seed"],
        went_on=_went_on(json.loads(made.get("went_on", "[]"))),
        count=len({row.sequence for row in rows}),
        machine=machine,
        figures=table(chosen),
    )


def _went_on(recipes: Sequence[Mapping[str, Any]]) -> str:
    if not recipes:
        return ""
    rounds = (
        f"- {recipe['steps']} and {recipe['steps'] // 4} steps of {_clips(recipe)},"
        f" learning rate {recipe['learning_rate']:g}, seed {recipe['seed']}"
        for recipe in recipes
    )
    return "\n".join(("", "", "It went on in the same way (`--go-on-from`):", "", *rounds))


def _clips(recipe: Mapping[str, Any]) -> str:
    """How many each step saw; files of before processes were counted were made by one."""
    processes = recipe.get("processes", 1)
    return f"{recipe['clips']} clips" if processes == 1 else f"{processes} times {recipe['clips']} clips"


def _listed(motions: Mapping[str, float]) -> str:
    return "\n".join(f"- {source}: {minutes:.1f} minutes" for source, minutes in motions.items())


@told_in_one_line
def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the card of every network that has weights, beside them."""
    parser = argparse.ArgumentParser(prog="python -m backend.training.cards", description=main.__doc__)
    parser.add_argument("figures", type=Path, help="what limber evaluate simulated --json wrote")
    scores = read_scores(parser.parse_args(arguments).figures)
    for name in LANDMARK_NETWORKS:
        if weights_file(name).is_file():
            weights_file(name).with_suffix(".md").write_text(card(name, scores.rows, scores.machine), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
