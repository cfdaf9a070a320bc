"""How each shipped file was made, and the one function that makes it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType

import torch

from backend.body import TorchBody, limber_body
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.features.landmarks import LandmarkEncoder
from backend.models import NetworkError
from backend.models.estimation import LandmarkNetwork
from backend.models.weights import LANDMARK_NETWORKS, how_made, load_network, save_network

from .examples import ExampleSource, Variety
from .lessons import EncoderLesson, NetworkLesson
from .objective import DirectWeights
from .train import TrainingSettings, processes, rank, standardise, train
from .variety import Clips

ENCODER = "encoder"
RECIPES: Mapping[str, TrainingSettings] = MappingProxyType(
    {
        ENCODER: TrainingSettings(steps=8500, clips=192, learning_rate=1e-3),
        "mps-net": TrainingSettings(steps=4500),
        "sps-net": TrainingSettings(steps=3000, clips=12),
        "stc-net": TrainingSettings(steps=3750),
        "tar": TrainingSettings(steps=3000, frames_out=4),
        "str-net": TrainingSettings(steps=4500),
    }
)
#: Last, for a quarter of its steps, a network learns to move as bodies do: asked from the beginning, it would rather
#: stand still than be wrong.
STEADY = DirectWeights(acceleration=20.0)
STEADYING_RATE = 0.4
#: What has learned already goes on more slowly, so as not to forget.
GOING_ON_RATE = 0.6
NOTHING_TOLD: Mapping[str, str] = MappingProxyType({})
#: Enough to see that everything is in its place.
SMOKE_RECIPES = MappingProxyType({name: replace(recipe, steps=20, clips=4) for name, recipe in RECIPES.items()})


def chosen(recipes: Mapping[str, TrainingSettings], seed: int, steps: int | None) -> dict[str, TrainingSettings]:
    """Recipes with another seed and, for networks, another number of steps unless that is None."""
    return {
        name: replace(recipe, seed=seed, steps=recipe.steps if steps is None or name == ENCODER else steps)
        for name, recipe in recipes.items()
    }


def teach(
    name: str,
    clips: Clips,
    out: Path,
    device: torch.device,
    recipes: Mapping[str, TrainingSettings] = RECIPES,
    made: Mapping[str, str] = NOTHING_TOLD,
    begun: Path | None = None,
) -> Path:
    """Trains a network, and before it the encoder that all networks start from, unless ``out`` has that already.

    A network that goes on from weights brings its encoder with it.

    Args:
        name: the network's.
        clips: to learn from.
        out: gets a folder for each run, named as what was trained, and the network's weights.
        device: to train on.
        recipes: of the network's run and the encoder's.
        made: what else is to be told in the file of how it was made.
        begun: weights of that network to go on from; None is to begin anew.

    Returns:
        The file of the weights.

    Raises:
        NetworkError: if there is no network of that name, or it has no such weights.
    """
    if name not in LANDMARK_NETWORKS:
        raise NetworkError(f"Network '{name}' is unknown. Choose one of {', '.join(LANDMARK_NETWORKS)}.")
    school, recipe = School(clips, device), recipes[name]
    if begun is None:
        encoder = school.encoder(out / ENCODER, recipes[ENCODER])
        torch.manual_seed(recipe.seed)
        network = LandmarkNetwork(encoder, LANDMARK_NETWORKS[name]())
        told = {"recipe": json.dumps(_told(recipe)), "encoder": json.dumps(_told(recipes[ENCODER]))}
    else:
        torch.manual_seed(recipe.seed)
        network = load_network(name, device, begun).train()
        recipe = replace(recipe, learning_rate=recipe.learning_rate * GOING_ON_RATE)
        told = gone_on(how_made(begun), recipe)
    lesson = NetworkLesson(network, name, school.body, recipe.frames_out).to(device)
    train(lesson, school.source(recipe.seed, 2), recipe, out / name, device)
    steadying = replace(
        recipe,
        steps=recipe.steps // 4,
        learning_rate=recipe.learning_rate * STEADYING_RATE,
        # bfloat16 does not tell where a joint is to the millimetres by which motion trembles
        mixed_precision=False,
    )
    lesson = NetworkLesson(network, name, school.body, recipe.frames_out, STEADY).to(device)
    train(lesson, school.source(recipe.seed, 3), steadying, out / f"{name}-steady", device)
    weights = out / f"{name}.safetensors"
    save_network(network, name, weights, told | dict(made))
    return weights


def gone_on(made: Mapping[str, str], recipe: TrainingSettings) -> dict[str, str]:
    """What is told of a network that went on learning: how it was made before, and the recipes that followed."""
    followed = [*json.loads(made.get("went_on", "[]")), _told(recipe)]
    return {key: made[key] for key in ("recipe", "encoder") if key in made} | {"went_on": json.dumps(followed)}


def _told(recipe: TrainingSettings) -> dict[str, float]:
    """A recipe, and how many processes followed it together, each with clips of its own."""
    return asdict(recipe) | {"processes": processes()}


class School:
    """What all runs share: motion to learn from, and the body that wears it.

    Args:
        clips: of the motion library.
        device: to train on.
    """

    def __init__(self, clips: Clips, device: torch.device) -> None:
        limber = limber_body()
        self.body = TorchBody(limber).to(device)
        self._skin = LandmarkSkin(landmark_points(limber)).to(device)
        self._clips, self._device = clips.to(device), device

    def source(self, seed: int, stream: int, variety: Variety | None = None) -> ExampleSource:
        """Examples; of another seed or stream, others. Each process draws its own."""
        drawn = 1000 * seed + 10 * rank() + stream
        return ExampleSource(self._clips, self.body, self._skin, variety or Variety(), drawn)

    def encoder(self, out: Path, recipe: TrainingSettings) -> LandmarkEncoder:
        """The encoder that all networks start from, trained unless ``out`` has it already."""
        torch.manual_seed(recipe.seed)
        encoder = LandmarkEncoder().to(self._device)
        standardise(encoder, self.source(recipe.seed, 0).draw(256, 8))
        train(
            EncoderLesson(encoder, self.body).to(self._device), self.source(recipe.seed, 1), recipe, out, self._device
        )
        return encoder
