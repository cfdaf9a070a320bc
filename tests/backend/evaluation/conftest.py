"""Motion of one clip, and two short films of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from backend.evaluation import renders
from backend.evaluation.renders import Recipe, digest
from backend.training.variety import Clips
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.skeleton import INDEX

FILM_FRAMES = 12


@pytest.fixture(scope="session")
def standing() -> Clips:
    """Somebody with hanging arms who stands."""
    local = np.tile(rotations.IDENTITY, (20, 24, 1))
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    for side, sign in (("left", -1), ("right", 1)):
        local[:, INDEX[f"{side}_shoulder"]] = rotations.exp(np.array([0, 0, 1.2 * sign]))
    return Clips(
        rotations=torch.tensor(local, dtype=torch.float32),
        pelvis=torch.tensor([[0, 0, 0.95]]).repeat(20, 1),
        starts=torch.tensor([0]),
        lengths=torch.tensor([20]),
        rates=torch.tensor([30.0]),
        low=torch.tensor([0.0]),
    )


@pytest.fixture(scope="session")
def films(standing: Clips, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips 1 and 2 of a collection; clip 0, the authored motion, is long and is spared."""
    folder = tmp_path_factory.mktemp("collection")
    renders._Crew(standing).start()
    for number in (1, 2):
        recipe = Recipe(0, FILM_FRAMES, digest(standing), "full")
        renders._make_one(folder / f"clip_{number:04d}.npz", recipe, number)
    return folder
