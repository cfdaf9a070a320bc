import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, map_coordinates

from backend.features.crops import cut, square_boxes

WIDTH, HEIGHT = 120, 90


def levels(crop: torch.Tensor) -> np.ndarray:
    """The colours of a crop, (crop_px, crop_px, 3), 0 to 255: normalisation undone, with ImageNet's numbers."""
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return np.asarray(255 * (crop.permute(1, 2, 0) * deviation + mean))


def smooth_picture() -> np.ndarray:
    """Without detail that depends on the exact place within a pixel."""
    noise = np.random.default_rng(0).uniform(-1, 1, (HEIGHT, WIDTH, 3))
    smooth = gaussian_filter(noise, (6, 6, 0))
    return np.round(128 + 100 * smooth / np.abs(smooth).max()).astype(np.uint8)


def test_the_square_is_a_tenth_larger_than_the_longer_side_about_the_same_middle() -> None:
    boxes = np.array([[10.0, 20, 30, 60], [0, 0, 100, 40], [np.nan] * 4])
    squares = square_boxes(boxes)
    assert squares[:2] == pytest.approx(np.array([[25, 50, 66], [50, 20, 110]]))
    assert np.isnan(squares[2]).all()


def test_a_square_of_the_crops_size_on_whole_pixels_is_those_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    crop = cut(picture, np.array([30 + 16, 20 + 16, 32]), 32)
    assert crop.shape == (3, 32, 32)
    assert crop.dtype == torch.float32
    assert levels(crop) == pytest.approx(picture[20:52, 30:62], abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(-20, WIDTH + 20),
    y=st.floats(-20, HEIGHT + 20),
    side=st.floats(8, 200),
    crop_px=st.sampled_from([7, 32]),
)
def test_places_between_pixels_are_interpolated_and_beyond_the_picture_is_black(
    x: float, y: float, side: float, crop_px: int
) -> None:
    picture = smooth_picture()
    found = levels(cut(picture, np.array([x, y, side]), crop_px))
    # the middle of a pixel lies half a pixel from its corner, in the crop as in the picture
    middles = (np.arange(crop_px) + 0.5) / crop_px * side - side / 2
    rows, columns = np.meshgrid(y + middles - 0.5, x + middles - 0.5, indexing="ij")
    expected = np.stack(
        [map_coordinates(picture[..., c].astype(float), (rows, columns), order=1) for c in range(3)], -1
    )
    inside = (rows >= 0) & (rows <= HEIGHT - 1) & (columns >= 0) & (columns <= WIDTH - 1)
    beyond = (rows <= -1) | (rows >= HEIGHT) | (columns <= -1) | (columns >= WIDTH)
    assert found[inside] == pytest.approx(expected[inside], abs=2)
    assert found[beyond] == pytest.approx(0, abs=1e-3)


def test_colours_are_normalised_in_the_order_red_green_blue() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), (255, 51, 0), dtype=np.uint8)
    crop = cut(picture, np.array([60.0, 45, 20]), 8)
    expected = [(1 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0 - 0.406) / 0.225]
    assert torch.allclose(crop, torch.tensor(expected)[:, None, None].expand(3, 8, 8), atol=1e-5)
