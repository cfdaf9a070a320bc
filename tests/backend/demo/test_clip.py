import av
import numpy as np

from backend.demo.__main__ import BETAS
from backend.demo.clip import RenderedClip, clothing
from smpl_rig.body import Body, skin
from smpl_rig.skeleton import INDEX


def test_the_person_is_always_in_the_picture(rendered_clip: RenderedClip, body: Body) -> None:
    camera, performance = rendered_clip.camera, rendered_clip.performance
    vertices = skin(body, BETAS, performance.local_rotations[::4], performance.trans[::4])
    projected = (vertices - camera.world_from_camera[:3, 3]) @ camera.world_from_camera[:3, :3] @ camera.K.T
    pixels = projected[..., :2] / projected[..., 2:]
    margin = 0.02 * camera.height
    assert pixels.min() > margin
    assert (pixels.max(axis=(0, 1)) < np.array([camera.width, camera.height]) - margin).all()


def test_the_clip_has_every_frame(rendered_clip: RenderedClip) -> None:
    with av.open(str(rendered_clip.path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_allclose(times, rendered_clip.performance.timestamps_s, atol=1e-6)


def test_front_and_back_differ(body: Body) -> None:
    """A face in front, hair behind it."""
    colours, owner = clothing(body), body.weights.argmax(axis=1)
    head = owner == INDEX["head"]
    _, up, forward = (body.v_template - body.rest_joints(np.zeros(10))[INDEX["head"]]).T
    skull = head & (up > 0) & (up < 0.1)
    face, nape = colours[skull & (forward > 0.05)], colours[skull & (forward < -0.03)]
    assert face.mean() > nape.mean() + 0.3
