"""Reads a USD file with Pixar's own library, in a process of its own, because Blender has another copy of it inside.

    python usd_reader.py take.usd take.npz

Writes ``times_s`` (T,), ``range`` (2,), ``names`` (J,), ``parents`` (J,), ``places`` (T, J, 3) and ``skin`` (T, V, 3),
both in metres and in the file's axes, ``up``, and how many of each kind of prim there are.
"""

import sys
from collections import Counter
from typing import Any

import numpy as np
from pxr import Usd, UsdGeom, UsdSkel


def main(source: str, target: str) -> None:
    stage = Usd.Stage.Open(source)
    prims = list(stage.Traverse())
    metres = UsdGeom.GetStageMetersPerUnit(stage)
    cache = UsdSkel.Cache()
    (root,) = (UsdSkel.Root(prim) for prim in prims if prim.IsA(UsdSkel.Root))
    cache.Populate(root, Usd.PrimDefaultPredicate)
    (binding,) = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)
    skeleton = cache.GetSkelQuery(binding.GetSkeleton())
    codes = skeleton.GetAnimQuery().GetJointTransformTimeSamples()
    order = list(skeleton.GetJointOrder())
    np.savez(
        target,
        times_s=np.array(codes) / stage.GetTimeCodesPerSecond(),
        range=np.array([stage.GetStartTimeCode(), stage.GetEndTimeCode()]) / stage.GetTimeCodesPerSecond(),
        names=np.array([joint.rpartition("/")[2] for joint in order]),
        parents=np.array(list(skeleton.GetTopology().GetParentIndices())),
        places=metres * np.array([_joints(skeleton, code) for code in codes]),
        skin=metres * np.array([_skin(binding, skeleton, code) for code in codes]),
        up=str(UsdGeom.GetStageUpAxis(stage)),
        kinds=np.array([f"{kind} {count}" for kind, count in sorted(Counter(map(_kind, prims)).items())]),
    )


def _kind(prim: Any) -> str:
    return str(prim.GetTypeName())


def _joints(skeleton: Any, code: float) -> list[Any]:
    """(J, 3) in the world."""
    transforms = skeleton.ComputeJointWorldTransforms(UsdGeom.XformCache(code))
    return [list(transform.ExtractTranslation()) for transform in transforms]


def _skin(binding: Any, skeleton: Any, code: float) -> np.ndarray:
    """(V, 3) in the world, of every mesh that the skeleton moves."""
    bent = []
    for query in binding.GetSkinningTargets():
        points = UsdGeom.Mesh(query.GetPrim()).GetPointsAttr().Get(code)
        assert query.ComputeSkinnedPoints(skeleton.ComputeSkinningTransforms(code), points, code)
        # skinning leaves points in the skeleton's axes
        placed = np.array(UsdGeom.XformCache(code).GetLocalToWorldTransform(skeleton.GetPrim()))
        bent.append(np.array(points) @ placed[:3, :3] + placed[3, :3])
    return np.concatenate(bent) if bent else np.zeros((0, 3))


if __name__ == "__main__":
    main(*sys.argv[1:])
