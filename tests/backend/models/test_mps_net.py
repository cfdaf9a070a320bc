import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from backend.models.frame_features import Estimate, FrameFeatures
from backend.models.mps_net import LANDMARK, MPSNet, MPSNetConfig
from backend.models.sliding_window import run

from .mps_net_by_the_book import by_the_book

SMALL = MPSNetConfig(features=12, attention=6, regressor=20)
MAPS = ("NSSM", "attention map", "MoCA map")


def network(config: MPSNetConfig = SMALL, seed: int = 0) -> MPSNet:
    torch.manual_seed(seed)
    return MPSNet(config).eval().double()


def window(batch: int, seed: int = 0, size: float = 1.0) -> FrameFeatures:
    generator = torch.Generator().manual_seed(seed)
    values = size * torch.randn(batch, 16, SMALL.features, generator=generator, dtype=torch.float64)
    return FrameFeatures(values, torch.ones(batch, 16, dtype=torch.bool))


def size_of(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_the_papers_network_has_the_papers_parameters() -> None:
    with torch.device("meta"):
        paper = MPSNet()
    assert size_of(paper.moca) == 8_388_610
    assert size_of(paper.hafi) == 787_971
    assert size_of(paper.moca, paper.hafi) == 9_176_581
    assert size_of(paper) == 12_646_050
    hmr, smpl = 26_977_501, 5_248  # as the paper's table 2 counts them in
    assert f"{(size_of(paper) + hmr + smpl) / 1e6:.2f}" == "39.63"


def test_the_network_for_landmarks_is_small() -> None:
    with torch.device("meta"):
        assert size_of(MPSNet(LANDMARK)) < 5_000_000


@torch.no_grad()
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_it_is_the_papers_formulas(batch: int) -> None:
    mps_net, clips = network(), window(batch, size=0.7)
    for decoder in (mps_net.regressor.decpose, mps_net.regressor.decshape, mps_net.regressor.deccam):
        decoder.weight.mul_(30)  # so that what is decoded counts
    weights = {name: value.numpy() for name, value in mps_net.state_dict().items()}
    estimate = mps_net(clips)
    assert estimate.frame_indices.tolist() == [[8]] * batch
    for clip in range(batch):
        expected = by_the_book(weights, clips.global_features[clip].numpy())
        for name, value in expected.items():
            found = estimate.auxiliary[name] if name in estimate.auxiliary else getattr(estimate, name)
            assert np.allclose(found[clip].numpy(), value, atol=1e-10), name


@torch.no_grad()
@given(st.integers(0, 1000), st.floats(0.1, 100))
def test_every_frame_of_a_group_counts_and_none_alone(seed: int, size: float) -> None:
    mps_net = network(seed=seed)
    for parameter in mps_net.hafi.parameters():
        parameter.mul_(size)
    a = mps_net(window(3, seed)).auxiliary["a"]
    assert torch.allclose(a.sum(-1), torch.ones(3, 4, dtype=torch.float64))
    assert a.min() >= math.exp(-1) / (math.exp(-1) + 2 * math.exp(1)) - 1e-12
    assert a.max() <= math.exp(1) / (math.exp(1) + 2 * math.exp(-1)) + 1e-12
    assert a.min() > 0.063
    assert a.max() < 0.787


@torch.no_grad()
def test_without_what_attention_found_only_near_frames_count() -> None:
    """With W_z = 0, MoCA is the identity (section 3.1) and HAFI reads the current frame and four on either side."""
    mps_net, clip = network(), window(1)
    mps_net.moca.W_z.weight.zero_()
    before = mps_net(clip)
    for frame in range(16):
        changed = clip.global_features.clone()
        changed[:, frame] += 1
        differs = not torch.equal(mps_net(replace(clip, global_features=changed)).betas, before.betas)
        assert differs == (4 <= frame <= 12), frame


@torch.no_grad()
def test_a_frame_is_seen_from_seven_before_it_to_eight_after() -> None:
    mps_net = network()
    generator = torch.Generator().manual_seed(1)
    clip = FrameFeatures(
        torch.randn(1, 60, SMALL.features, generator=generator, dtype=torch.float64),
        torch.ones(1, 60, dtype=torch.bool),
    )
    changed = clip.global_features.clone()
    changed[:, 30] += 1
    one, other = run(mps_net, clip), run(mps_net, replace(clip, global_features=changed))
    differs = (one.betas != other.betas).any(-1)[0]
    # t sees t - 8 to t + 7
    assert differs.nonzero().flatten().tolist() == list(range(23, 39))


@torch.no_grad()
def test_frames_in_which_nobody_was_seen_weigh_nothing() -> None:
    mps_net, clips = network(), window(4)
    observed = clips.observed.clone()
    observed[1, 2:6] = False  # the first two of HAFI's first group among them
    observed[2, 7:10] = False  # the whole of the current group
    observed[3] = False
    estimate = mps_net(replace(clips, observed=observed))
    for name in MAPS:
        rows = estimate.auxiliary[name]
        assert torch.allclose(rows.sum(-1), torch.ones(4, 16, dtype=torch.float64)), name
        assert (rows[1, :, 2:6] == 0).all(), name
        assert (rows[2, :, 7:10] == 0).all(), name
    a = estimate.auxiliary["a"]
    assert torch.allclose(a.sum(-1), torch.ones(4, 4, dtype=torch.float64))
    assert a[1, 0].tolist() == [0, 0, 1]
    assert a[2, 3, 1] == 0
    assert (a[2, 3, [0, 2]] > 0).all()
    everywhere = mps_net(clips)
    assert_same(estimate, everywhere, 0)
    assert_same(estimate, everywhere, 3)


def assert_same(one: Estimate, other: Estimate, clip: int) -> None:
    def answers(estimate: Estimate) -> Tensor:
        return torch.cat((estimate.pose6d.flatten(1), estimate.betas.flatten(1), estimate.camera.flatten(1)), dim=1)

    assert torch.allclose(answers(one)[clip], answers(other)[clip])


@torch.no_grad()
def test_far_frames_in_which_nobody_was_seen_are_not_read() -> None:
    mps_net, clip = network(), window(1)
    observed = clip.observed.clone()
    observed[:, [1, 3, 14]] = False
    changed = clip.global_features.clone()
    changed[:, [1, 3, 14]] = 100.0
    one = mps_net(replace(clip, observed=observed))
    other = mps_net(FrameFeatures(changed, observed))
    assert_same(one, other, 0)
