"""Every network learns for a few steps, the way it learns for hours."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from backend.models import NetworkError
from backend.models.weights import LANDMARK_NETWORKS, load_network
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


def test_refuses_an_unknown_network_before_it_begins(clips: Clips, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="'nonesuch' is unknown"):
        teach("nonesuch", clips, tmp_path, CPU, BRIEF)
    assert not list(tmp_path.iterdir())
