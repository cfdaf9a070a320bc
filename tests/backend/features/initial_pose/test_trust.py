"""A network's answer is let go where the picture speaks against it, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.features.initial_pose import FitSettings, trust
from backend.features.initial_pose.evidence import Evidence
from smpl_rig import rotations

FRAMES, RATE = 90, 30.0
SETTINGS = FitSettings()


@pytest.fixture
def seen() -> Evidence:
    """Three seconds in which every landmark is seen, and something of depth."""
    all_of_them = torch.ones(FRAMES, 33)
    return Evidence(
        times=torch.arange(FRAMES) / RATE,
        observed=all_of_them[:, 0],
        image=all_of_them[..., None].expand(-1, -1, 2),
        image_weight=all_of_them,
        height=100 * all_of_them[:, 0],
        world=torch.zeros(FRAMES, 33, 3),
        world_weight=0 * all_of_them,
        trusted=all_of_them[:, 0],
        behind=torch.zeros(FRAMES, 2),
        turns=None,
        guess=torch.eye(3).expand(FRAMES, 24, 3, 3),
    )


def away(deviations: float) -> Tensor:
    """(T, 33) as many deviations of a landmark from the picture."""
    return torch.full((FRAMES, 33), deviations * SETTINGS.image)


def test_where_nothing_is_gained_the_answer_is_believed(seen: Evidence) -> None:
    assert trust.doubt(seen, away(2.0), away(2.0), SETTINGS).max() < 0.01
    assert not trust.doubtful_parts(seen, away(0.2), SETTINGS)


def test_where_much_is_gained_it_is_let_go(seen: Evidence) -> None:
    assert trust.doubt(seen, away(2.0), away(0.5), SETTINGS).min() > 0.99
    (whole,) = trust.doubtful_parts(seen, away(2.0), SETTINGS)
    assert len(whole) == FRAMES


def test_it_is_not_let_go_where_nothing_else_tells_depth(seen: Evidence) -> None:
    assert not trust.doubtful_parts(replace(seen, trusted=0 * seen.trusted), away(2.0), SETTINGS)


def test_it_is_let_go_for_as_long_as_it_is_wrong(seen: Evidence) -> None:
    held = away(0.5)
    held[:30] = 2 * SETTINGS.image
    doubt = trust.doubt(seen, held, away(0.5), SETTINGS)
    assert doubt[:20].min() > 0.99
    assert doubt[60:].max() < 0.01
    assert (doubt.diff() <= 0).all()


def test_the_second_fit_is_done_about_the_frames_that_need_it(seen: Evidence) -> None:
    """And wherever another is not done, it would not be taken."""
    times = torch.arange(600) / RATE
    longer = replace(seen.of(np.resize(np.arange(FRAMES), 600)), times=times)
    held = torch.full((600, 33), 0.2 * SETTINGS.image)
    for wrong in (slice(0, 40), slice(300, 360)):
        held[wrong] = 2 * SETTINGS.image
    first, second = trust.doubtful_parts(longer, held, SETTINGS)
    assert (first[0], second[0] < 270, second[-1] >= 390) == (0, True, True)
    assert len(first) + len(second) < 300
    done = np.zeros(600, dtype=bool)
    done[np.concatenate((first, second))] = True
    doubt = trust.doubt(longer, held, torch.full((600, 33), 0.0), SETTINGS).numpy()
    assert not doubt[~done].any()
    assert np.abs(np.diff(doubt)).max() < 0.3


def test_a_frame_in_which_nobody_is_seen_goes_with_those_beside_it(seen: Evidence) -> None:
    weight = seen.image_weight.clone()
    weight[40:50] = 0
    doubt = trust.doubt(replace(seen, image_weight=weight), away(2.0), away(0.5), SETTINGS)
    assert doubt.min() > 0.99


def test_half_way_between_two_poses() -> None:
    still = np.tile([1.0, 0, 0, 0], (2, 24, 1))
    bent = rotations.exp(np.broadcast_to([0.0, 1.2, 0.0], (2, 24, 3)))
    held, freed = (torch.tensor(rotations.to_matrix(each), dtype=torch.float32) for each in (still, bent))
    middle = trust.between(held, freed, torch.tensor([[0.5], [1.0]]))
    turned = rotations.log(rotations.from_matrix(middle.double().numpy()))
    np.testing.assert_allclose(turned[0, 1], [0, 0.6, 0], atol=1e-5)
    np.testing.assert_allclose(turned[1, 1], [0, 1.2, 0], atol=1e-5)
