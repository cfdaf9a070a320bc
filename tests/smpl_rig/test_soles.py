import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.soles import sole_points


def test_soles_lie_under_the_feet_of_the_t_pose(rest_joints: np.ndarray) -> None:
    local = np.tile(rotations.IDENTITY, (1, 24, 1))
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    turned, positions = forward_kinematics(local, rest_joints, np.zeros((1, 3)))
    left_heel, left_toe, right_heel, right_toe = sole_points(turned, positions, rest_joints)[0]
    assert left_heel[2] == pytest.approx(left_toe[2])  # flat on the floor
    assert left_heel[2] < positions[0, [7, 10], 2].min()
    assert left_toe[1] < left_heel[1] - 0.15  # the body faces -Y
    np.testing.assert_allclose(left_heel * [-1, 1, 1], right_heel, atol=1e-12)
    np.testing.assert_allclose(left_toe * [-1, 1, 1], right_toe, atol=1e-12)
