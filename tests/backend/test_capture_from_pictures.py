"""Captures with the weights that a network's authors published, here with made-up numbers in their place."""

from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from backend.body import body_path
from backend.capture import CaptureSettings, capture
from backend.demo.clip import RenderedClip
from backend.models import NetworkError
from backend.models.published import import_weights
from smpl_rig.motion import Motion

from .models.releases import MPS_NET_SHAPES, SMPL_SHAPES, empty, save, uncounted_spin_shapes

#: The only pose that the network ever answers with; its root stands upright before the camera.
ANSWER = Rotation.from_rotvec(np.vstack(([np.pi, 0, 0], np.random.default_rng(0).uniform(-0.3, 0.3, (23, 3)))))
END_S = 0.3


def silent(_stage: str, _fraction: float, _people: int | None = None) -> None:
    """For captures that nobody watches."""


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of layers that are all zero, so that the regressor leaves its first guess as it is."""
    (tmp_path / "cache" / "bodies").mkdir(parents=True)
    copyfile(body_path(), tmp_path / "cache" / "bodies" / body_path().name)
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path / "cache"))
    guess = torch.tensor(ANSWER.as_matrix()[:, :, :2].reshape(1, 144), dtype=torch.float32)
    released = empty(MPS_NET_SHAPES | SMPL_SHAPES) | {"regressor.init_pose": guess}
    import_weights(save(tmp_path, released | {"regressor.init_shape": torch.ones(1, 10)}), "mps-net")
    import_weights(save(tmp_path, empty(uncounted_spin_shapes()), entry="model"), "resnet50")


def joints(motion: Motion) -> np.ndarray:
    """(T, 23, 3, 3), all but the pelvis."""
    return Rotation.from_rotvec(motion.poses.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)[:, 1:]


@pytest.mark.usefixtures("weights")
def test_published_weights_give_their_answer_and_the_fit_brings_it_onto_the_landmarks(
    rendered_clip: RenderedClip, tmp_path: Path
) -> None:
    answer = CaptureSettings(network="mps-net-paper", fit=False, end_s=END_S)
    (motion,) = capture(rendered_clip.path, answer, silent).motions
    assert motion.model == "mps-net-paper"
    assert joints(motion) == pytest.approx(
        np.broadcast_to(ANSWER.as_matrix()[1:], (len(motion.poses), 23, 3, 3)), abs=1e-5
    )
    assert (motion.betas == 0).all()  # they would be SMPL's, whose body is not here

    told: list[float] = []

    def listen(stage: str, fraction: float, _people: int | None = None) -> None:
        if stage == "pose":
            told.append(fraction)

    (fitted,) = capture(rendered_clip.path, replace(answer, fit=True), listen).motions
    assert told == sorted(told)
    assert told[-1] == 1
    assert fitted.model == "mps-net-paper"
    assert np.abs(joints(fitted) - ANSWER.as_matrix()[1:]).max() > 0.1
    # how far the landmarks lie from where they are seen makes for less confidence
    assert fitted.confidence.mean() > motion.confidence.mean() + 0.1


@pytest.mark.usefixtures("weights")
def test_a_body_that_was_given_takes_the_networks_shape(rendered_clip: RenderedClip) -> None:
    settings = CaptureSettings(network="mps-net-paper", fit=False, end_s=END_S, body=body_path())
    (motion,) = capture(rendered_clip.path, settings, silent).motions
    assert motion.betas == pytest.approx(np.ones(10))


def test_without_weights_it_says_where_they_come_from(
    rendered_clip: RenderedClip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path))
    with pytest.raises(NetworkError, match="limber import-weights FILE --network mps-net"):
        capture(rendered_clip.path, CaptureSettings(network="mps-net-paper"), silent)
