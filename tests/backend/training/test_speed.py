from dataclasses import replace

import pytest
import torch

from backend.models.weights import LANDMARK_NETWORKS
from backend.training import speed


def test_every_run_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def once(action, times: int = 3) -> float:  # type: ignore[no-untyped-def]  # noqa: ANN001
        action()
        asked.append(0.5)
        return 0.5

    monkeypatch.setattr(speed, "_seconds", once)
    monkeypatch.setattr(speed, "RECIPES", {name: _small(recipe) for name, recipe in speed.RECIPES.items()})
    found = speed.training_speeds(torch.device("cpu"))
    assert found["drawing examples, frames per second"] == 64 * 48 / 0.5
    assert all(found[f"training {name}, steps per second"] == 2 for name in (*LANDMARK_NETWORKS, "encoder"))
    assert len(asked) == len(found)


def _small(recipe):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return replace(recipe, clips=2)
