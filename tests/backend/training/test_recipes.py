"""Every network learns for a few steps, the way it learns for hours."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from backend.models import NetworkError
from backend.models.weights import LANDMARK_NETWORKS, how_made, load_network
from backend.training.recipes import RECIPES, SMOKE_RECIPES, teach
from backend.training.variety import Clips

CPU = torch.device("cpu")
BRIEF = {name: replace(recipe, steps=4, clips=2) for name, recipe in SMOKE_RECIPES.items()}


def test_there_is_a_recipe_for_every_network() -> None:
    assert set(RECIPES) == {*LANDMARK_NETWORKS, "encoder"}


@pytest.mark.parametrize("name", sorted(LANDMARK_NETWORKS))
def test_a_brief_run_gives_weights_that_load(name: str, clips: Clips, tmp_path: Path) -> None:
    file = teach(name, clips, tmp_path, CPU, BRIEF)
    assert file.stat().st_size < 12e6
    assert all(torch.isfinite(value).all() for value in load_network(name, CPU, file).state_dict().values())


def test_networks_share_one_encoder(clips: Clips, tmp_path: Path) -> None:
    teach("mps-net", clips, tmp_path, CPU, BRIEF)
    written = (tmp_path / "encoder" / "checkpoint.pt").stat().st_mtime_ns
    teach("str-net", clips, tmp_path, CPU, BRIEF)
    assert (tmp_path / "encoder" / "checkpoint.pt").stat().st_mtime_ns == written


def test_goes_on_from_weights_and_tells_both_recipes(clips: Clips, tmp_path: Path) -> None:
    made = {"motions": json.dumps({"walks": 1.0})}
    first = teach("mps-net", clips, tmp_path / "first", CPU, BRIEF, made)
    still = {name: replace(recipe, learning_rate=0.0) for name, recipe in BRIEF.items()}
    second = teach("mps-net", clips, tmp_path / "second", CPU, still, made, first)

    assert not (tmp_path / "second" / "encoder").exists()
    before, after = (load_network("mps-net", CPU, file).state_dict() for file in (first, second))
    for name, value in before.items():  # at a rate of 0 it stays what it was
        torch.testing.assert_close(after[name], value, atol=1e-6, rtol=0)
    told = how_made(second)
    assert json.loads(told["recipe"]) == json.loads(how_made(first)["recipe"])
    assert [recipe["learning_rate"] for recipe in json.loads(told["went_on"])] == [0.0]
    assert told["motions"] == made["motions"]


def test_does_not_go_on_from_weights_of_another_network(clips: Clips, tmp_path: Path) -> None:
    weights = teach("mps-net", clips, tmp_path, CPU, BRIEF)
    with pytest.raises(NetworkError, match="holds the weights of 'mps-net', not of 'sps-net'"):
        teach("sps-net", clips, tmp_path, CPU, BRIEF, begun=weights)


def test_refuses_an_unknown_network_before_it_begins(clips: Clips, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="'nonesuch' is unknown"):
        teach("nonesuch", clips, tmp_path, CPU, BRIEF)
    assert not list(tmp_path.iterdir())
