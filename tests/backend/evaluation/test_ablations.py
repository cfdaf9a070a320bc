"""What each change of the ablations changes, and that it changes nothing else."""

import torch

from backend.evaluation.ablations import (
    CHANGES,
    PlainAttention,
    SelfSimilarity,
    ShortSighted,
    changed,
    mps_net,
    table,
    wider,
)
from backend.models.frame_features import FrameFeatures
from backend.models.mps_net import CURRENT, LENGTH, MPSNet
from backend.models.temporal_network import Frames
from backend.models.weights import build_landmark_network
from backend.training.detector import DetectorErrors


def answer(network: MPSNet, X: torch.Tensor) -> torch.Tensor:
    """(B, 1, 24, 6) for windows (B, 16, 512)."""
    seen = torch.ones(X.shape[:2], dtype=torch.bool)
    work = network.per_frame(FrameFeatures(X, seen))
    indices = torch.arange(LENGTH).expand(len(X), -1)
    return network.eval().over_window(Frames(work, seen, seen, indices)).pose6d


def test_a_short_window_does_not_see_what_lies_beyond() -> None:
    torch.manual_seed(0)
    X = torch.randn(1, LENGTH, 512)
    for reach in (0, 2, 4):
        network = ShortSighted(reach)
        torch.nn.init.normal_(network.moca.W_z.weight, std=0.05)
        for frame in range(LENGTH):
            other = X.clone()
            other[:, frame] += 1.0
            changed = not torch.allclose(answer(network, X), answer(network, other), atol=1e-7)
            assert changed == (abs(frame - CURRENT) <= reach), (reach, frame)


def test_every_parameter_of_another_attention_learns() -> None:
    for moca in (PlainAttention, SelfSimilarity):
        network = mps_net(moca)
        torch.nn.init.normal_(network.moca.W_z.weight, std=0.05)
        answer(network, torch.randn(2, LENGTH, 512)).square().sum().backward()
        without = [name for name, value in network.moca.named_parameters() if value.grad is None]
        assert not without, (moca, without)
        assert isinstance(network.moca, moca)


def test_what_is_not_changed_is_as_it_was_learned() -> None:
    trained = build_landmark_network("mps-net")
    network = changed(trained, mps_net(PlainAttention))
    for name, value in network.network.state_dict().items():
        assert torch.equal(value, trained.network.state_dict()[name]), name
    assert network.encoder is trained.encoder


def test_a_wider_detector_errs_more_and_is_otherwise_the_same() -> None:
    usual = DetectorErrors()
    twice = wider(usual, 2.0)
    assert twice.image_wander == tuple(2 * value for value in usual.image_wander)
    assert twice.world_jitter_m == tuple(2 * value for value in usual.world_jitter_m)
    assert (twice.gaps_per_s, twice.visibility, twice.memory_s) == (usual.gaps_per_s, usual.visibility, usual.memory_s)
    assert wider(twice, 0.5) == usual


def test_changes_are_compared_with_none() -> None:
    assert next(iter(CHANGES)) == "nothing"
    assert [name for name, change in CHANGES.items() if change == CHANGES["nothing"]] == ["nothing"]


def test_the_table_tells_the_mean_and_the_seeds_spread() -> None:
    shown = table({"nothing": [{"pa_mpjpe": 50.0}, {"pa_mpjpe": 54.0}], "other": [{"pa_mpjpe": 60.0}]})
    assert "52.0 ± 2.8" in shown  # two values apart by d deviate by d / sqrt(2)
    assert shown.splitlines()[-1].split() == ["other", "60.0"]
