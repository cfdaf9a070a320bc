import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.models.crop_camera import (
    box_information,
    camera_from_translation,
    crop_translation,
    full_translation,
    points_in_crop,
)

K = torch.tensor([[1400.0, 0.0, 640.0], [0.0, 1380.0, 350.0], [0.0, 0.0, 1.0]], dtype=torch.float64)


@given(
    x=st.floats(-2, 2), y=st.floats(-1, 1), z=st.floats(1.5, 20), centre=st.floats(100, 1100), side=st.floats(80, 900)
)
def test_a_place_before_the_camera_comes_back(x: float, y: float, z: float, centre: float, side: float) -> None:
    transl = torch.tensor([[x, y, z]], dtype=torch.float64)
    boxes = torch.tensor([[centre, centre / 2, side]], dtype=torch.float64)
    camera = camera_from_translation(transl, boxes, K)
    assert torch.allclose(full_translation(camera, boxes, K), transl, atol=1e-9)


def test_the_origin_of_a_body_in_the_middle_of_its_crop_projects_there() -> None:
    boxes = torch.tensor([[900.0, 200.0, 300.0]], dtype=torch.float64)
    transl = full_translation(torch.tensor([[0.8, 0.0, 0.0]], dtype=torch.float64), boxes, K)
    pixel = K @ transl[0] / transl[0, 2]
    assert torch.allclose(pixel[:2], boxes[0, :2])
    # a metre at that depth spans s / 2 of the crop's side
    assert torch.allclose(K[0, 0] / transl[0, 2], torch.tensor(0.8 * 300 / 2, dtype=torch.float64))


def test_the_crop_as_an_image_of_its_own() -> None:
    transl = crop_translation(torch.tensor([0.9, 0.1, -0.2]))
    assert torch.allclose(transl, torch.tensor([0.1, -0.2, 2 * 5000 / (224 * 0.9)]))


def test_box_information_is_from_the_middle_of_the_image() -> None:
    boxes = torch.tensor([[640.0, 350.0, 280.0]], dtype=torch.float64)
    assert torch.allclose(box_information(boxes, K), torch.tensor([[0.0, 0.0, 0.2]], dtype=torch.float64))


@given(
    s=st.floats(0.3, 1.5),
    tx=st.floats(-0.5, 0.5),
    ty=st.floats(-0.5, 0.5),
    centre=st.floats(0, 1280),
    side=st.floats(20, 900),
    focal=st.floats(500, 3000),
    point=st.tuples(*3 * [st.floats(-1, 1)]),
)
def test_points_of_a_body_are_seen_where_the_full_camera_sees_them(
    s: float, tx: float, ty: float, centre: float, side: float, focal: float, point: tuple[float, float, float]
) -> None:
    lens = torch.tensor([[focal, 0, 640], [0, focal, 350], [0, 0, 1]], dtype=torch.float64)
    camera = torch.tensor([[s, tx, ty]], dtype=torch.float64)
    boxes = torch.tensor([[centre, centre / 2, side]], dtype=torch.float64)
    x, y, z = (torch.tensor(point, dtype=torch.float64) + full_translation(camera, boxes, lens)[0]).tolist()
    found = points_in_crop(torch.tensor([[point]], dtype=torch.float64), camera, box_information(boxes, lens))
    depth = 2 * focal / (s * side)
    if z > 0.05 * depth:
        pixel = torch.tensor([[focal * x / z + 640, focal * y / z + 350]], dtype=torch.float64)
        assert torch.allclose(found[0], (pixel - boxes[:, :2]) / (side / 2), atol=1e-9)
    assert found.isfinite().all(), "also where a wrong camera puts a part of the body behind itself"


def test_far_away_perspective_is_weak() -> None:
    points = torch.tensor([[[0.3, -0.8, 0.4], [-0.2, 0.9, -0.5]]], dtype=torch.float64)
    camera = torch.tensor([[0.9, 0.1, -0.2]], dtype=torch.float64)
    tiny_box = torch.tensor([[0.3, -0.1, 1e-9]], dtype=torch.float64)
    in_front = torch.tensor([[0.0, 0.0, 1e-9]], dtype=torch.float64)
    assert torch.allclose(points_in_crop(points, camera, in_front), 0.9 * (points[..., :2] + camera[:, None, 1:]))
    # to the side, what lies farther back is seen nearer to the middle of the picture
    aside = points_in_crop(points, camera, tiny_box) - points_in_crop(points, camera, in_front)
    assert torch.allclose(aside, -0.9 * tiny_box[:, None, :2] * points[..., 2:])
