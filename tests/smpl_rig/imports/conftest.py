"""A small body with a shape space, worn as a licensed SMPL body is and as Limber's own is."""

import numpy as np
import pytest

from smpl_rig.body import Body
from smpl_rig.imports.placing import Wearer
from smpl_rig.skeleton import PARENTS


@pytest.fixture(scope="session")
def body(rest_joints: np.ndarray) -> Body:
    """A tetrahedron round each joint; each beta moves every joint in a direction of its own. The pelvis is not at 0."""
    random = np.random.default_rng(7)
    corners = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) * 0.02
    return Body(
        name="tetrahedra",
        gender="neutral",
        v_template=((rest_joints + np.array([0, -0.23, 0.03]))[:, None] + corners).reshape(-1, 3),
        shapedirs=np.repeat(random.normal(0, 0.004, (24, 3, 10)), 4, axis=0),
        posedirs=np.zeros((96, 3, 207)),
        J_regressor=np.repeat(np.eye(24) / 4, 4, axis=1),
        weights=np.repeat(np.eye(24), 4, axis=0),
        kintree_table=np.array([[-1, *PARENTS[1:]], range(24)]),
        f=np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]),
    )


@pytest.fixture(scope="session")
def smpl(body: Body) -> Wearer:
    return Wearer(body, has_smpl_shapes=True)
