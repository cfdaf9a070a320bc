import torch

from backend.training.cameras import CameraVariety, draw_cameras


def paths(clips: int) -> tuple[torch.Tensor, torch.Tensor]:
    times = torch.linspace(0, 2, 40).expand(clips, -1)
    pelvis = torch.stack((2 * times - 2, torch.sin(times), torch.full_like(times, 0.9)), dim=-1)
    return pelvis, times


def seen(variety: CameraVariety) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    pelvis, times = paths(300)
    cameras = draw_cameras(pelvis, times, variety, torch.Generator().manual_seed(1))
    places = torch.einsum("btij,btj->bti", cameras.camera_from_world, pelvis) + cameras.transl
    pixels = torch.einsum("bij,btj->bti", cameras.K, places)
    return places, pixels[..., :2] / pixels[..., 2:], cameras.image_size


def test_people_are_in_front_of_the_camera() -> None:
    places, _, _ = seen(CameraVariety(following=0.0, handheld=0.0))
    assert places[..., 2].min() > 1.19


def test_the_middle_of_the_path_lies_in_the_picture() -> None:
    places, _, image_size = seen(CameraVariety(following=0.0, handheld=0.0, fov_deg=(60, 60)))
    middle = places.mean(1)
    pixel = middle[:, :2] / middle[:, 2:] * (image_size.amax(-1) / 2 / torch.tan(torch.tensor(torch.pi / 6)))[:, None]
    assert (pixel.abs() < 0.6 * image_size / 2 + 1).all()


def test_a_camera_that_follows_keeps_the_person_in_place() -> None:
    still = CameraVariety(following=1.0, handheld=0.0, rolled=0.0, pitch_deg=(0.0, 0.0))
    _, pixels, _ = seen(still)
    assert (pixels[..., 0].amax(1) - pixels[..., 0].amin(1)).max() < 1.0


def test_cameras_are_rotations() -> None:
    pelvis, times = paths(20)
    cameras = draw_cameras(pelvis, times, CameraVariety(), torch.Generator().manual_seed(2))
    turned = cameras.camera_from_world
    assert torch.allclose(turned @ turned.mT, torch.eye(3).expand_as(turned), atol=1e-5)
    assert (torch.linalg.det(turned) > 0).all()
