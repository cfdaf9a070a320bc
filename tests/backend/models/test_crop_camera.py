import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.models.crop_camera import box_information, camera_from_translation, crop_translation, full_translation

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
