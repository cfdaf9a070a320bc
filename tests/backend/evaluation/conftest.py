"""A motion library of one clip."""

from pathlib import Path

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.skeleton import INDEX


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody with hanging arms who stands."""
    local = np.tile(rotations.IDENTITY, (20, 24, 1)).astype(np.float32)
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    for side, sign in (("left", -1), ("right", 1)):
        local[:, INDEX[f"{side}_shoulder"]] = rotations.exp(np.array([0, 0, 1.2 * sign]))
    path = tmp_path_factory.mktemp("library") / "library.npz"
    pelvis = np.tile(np.float32([0, 0, 0.95]), (20, 1))
    np.savez(
        path, rotations=local, pelvis=pelvis, starts=[0], lengths=[20], rates=np.float32([30]), low=np.float32([0])
    )
    return path
