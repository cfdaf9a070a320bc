import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backend.training.occlusion import draw_boxes, hide_landmarks, mask_images


def drawn(seed: int, side: float = 224.0) -> tuple[Tensor, Tensor, Tensor]:
    """Keypoints (2, 6, 17, 2) pixels, which of them are visible, and boxes."""
    generator = torch.Generator().manual_seed(seed)
    keypoints = side * torch.rand(2, 6, 17, 2, generator=generator)
    visible = torch.rand(2, 6, 17, generator=generator) < 0.7
    return keypoints, visible, draw_boxes(keypoints, visible, torch.full((2, 6), side), generator)


@given(seed=st.integers(0, 10_000), side=st.sampled_from([224.0, 100.0, 900.0]))
def test_three_to_five_boxes_about_visible_keypoints(seed: int, side: float) -> None:
    keypoints, visible, boxes = drawn(seed, side)
    sizes = (boxes[..., 2:] - boxes[..., :2]) * 224 / side
    used = (sizes > 0).all(-1)  # (2, 6, 5)
    assert ((used.sum(-1) >= 3) & (used.sum(-1) <= 5)).all()
    assert ((sizes[used] >= 24.99) & (sizes[used] <= 50.01)).all()
    middles = (boxes[..., :2] + boxes[..., 2:]) / 2
    apart = (middles[..., None, :] - keypoints[:, :, None]).norm(dim=-1)  # (2, 6, 5, 17)
    apart = apart.masked_fill(~visible[:, :, None], torch.inf)
    assert (apart.amin(-1)[used] < 1e-3 * side).all()
    about = apart.argmin(-1)[0, 0][used[0, 0]].tolist()
    assert len(set(about)) == len(about), "no keypoint twice"


def test_as_many_as_there_are_visible_keypoints() -> None:
    visible = torch.zeros(1, 1, 17, dtype=torch.bool)
    visible[..., 3] = True
    boxes = draw_boxes(torch.rand(1, 1, 17, 2) * 224, visible, torch.full((1, 1), 224.0), torch.Generator())
    assert ((boxes[..., 2:] - boxes[..., :2]) > 0).all(-1).sum() == 1


def test_three_four_and_five_all_occur() -> None:
    counts = {
        int(count) for seed in range(10) for count in (drawn(seed)[2].diff(dim=-1)[..., 0] != 0).sum(-1).flatten()
    }
    assert counts == {3, 4, 5}


@given(seed=st.integers(0, 10_000))
def test_images_are_blank_in_the_boxes_and_nowhere_else(seed: int) -> None:
    _, _, boxes = drawn(seed, 60.0)
    images = mask_images(torch.ones(2, 6, 3, 64, 48), boxes)
    for clip, frame in ((0, 0), (1, 5)):
        expected = torch.ones(64, 48)
        for left, top, right, bottom in boxes[clip, frame].tolist():
            # pixels whose middle the box holds
            rows = [row for row in range(64) if top <= row + 0.5 < bottom]
            columns = [column for column in range(48) if left <= column + 0.5 < right]
            for row in rows:
                expected[row, columns] = 0.0
        assert torch.equal(images[clip, frame], expected.expand(3, -1, -1))


@given(seed=st.integers(0, 10_000))
def test_landmarks_in_the_boxes_are_hidden_and_no_others(seed: int) -> None:
    keypoints, _, boxes = drawn(seed)
    landmarks2d = torch.cat((keypoints, 0.9 * torch.ones(2, 6, 17, 1)), dim=-1)
    landmarks3d = torch.randn(2, 6, 17, 3)
    seen2d, seen3d = hide_landmarks(landmarks2d, landmarks3d, boxes, torch.Generator().manual_seed(seed))
    places, low, high = keypoints[:, :, :, None], boxes[:, :, None, :, :2], boxes[:, :, None, :, 2:]
    held = ((places >= low) & (places < high)).all(-1)  # (2, 6, 17, 5)
    hidden = held.any(-1)
    assert hidden.any(-1).all()
    assert torch.equal(seen2d[~hidden], landmarks2d[~hidden])
    assert torch.equal(seen3d[~hidden], landmarks3d[~hidden])
    assert (seen2d[..., 2][hidden] == 0).all()
    assert (seen3d[hidden] == 0).all()
    # it may be anywhere in its box, and is not where it was
    guessed = seen2d[:, :, :, None, :2]
    still_held = (held & (guessed >= low - 1e-3).all(-1) & (guessed <= high + 1e-3).all(-1)).any(-1)
    assert torch.equal(still_held, hidden)
    assert (seen2d[..., :2] != keypoints)[hidden].any(-1).all()
