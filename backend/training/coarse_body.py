"""A body of few triangles: as an outline in a small picture it does as well as the whole, at a fraction of the work."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra

from backend.body import TorchBody

#: A vertex every three centimetres or so.
VERTICES = 2000


def coarse_body(body: TorchBody, count: int = VERTICES) -> TorchBody:
    """The same body with some of its vertices alone, the joints where they were.

    What is not a part of the skin, as eyes and teeth, is left out.

    Args:
        body: with a skin in one piece, which is its largest.
        count: of vertices.
    """
    chosen, faces = coarse_mesh(body.v_template.cpu().numpy(), body.faces.cpu().numpy(), count)
    coarse = copy.deepcopy(body)
    coarse.v_template, coarse.shapedirs, coarse.weights = (
        body.v_template[chosen],
        body.shapedirs[chosen],
        body.weights[chosen],
    )
    if body.has_pose_corrections:
        coarse.posedirs = body.posedirs[chosen]
    coarse.faces = torch.tensor(faces, device=body.faces.device)
    return coarse


def coarse_mesh(
    vertices: NDArray[np.floating[Any]], faces: NDArray[np.integer[Any]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vertices spread evenly over a mesh's largest piece, and triangles between those whose neighbourhoods meet.

    Each vertex is chosen as the one farthest from those before it (Gonzalez 1985); the neighbourhood of a chosen one is
    all that is nearer to it than to others along the mesh's edges, and three that meet in a triangle make one.

    Args:
        vertices: (V, 3).
        faces: (F, 3).
        count: of vertices to choose, no more than the piece has.

    Returns:
        The chosen vertices (count,) and triangles (F', 3) of places in that list, the way round that theirs were.
    """
    ends = np.concatenate((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]))
    ends = np.unique(np.sort(ends, axis=1), axis=0)
    lengths = np.linalg.norm(vertices[ends[:, 0]] - vertices[ends[:, 1]], axis=1)
    graph = coo_array((lengths, (ends[:, 0], ends[:, 1])), shape=(len(vertices), len(vertices))).tocsr()
    piece = connected_components(graph, directed=False)[1]
    largest = np.flatnonzero(piece == np.bincount(piece).argmax())
    chosen = largest[_spread(vertices[largest], count)]
    _, _, nearest = dijkstra(graph, directed=False, indices=chosen, return_predecessors=True, min_only=True)
    place = np.full(len(vertices), -1)
    place[chosen] = np.arange(count)
    met = place[nearest[faces[piece[faces[:, 0]] == piece[largest[0]]]]]  # (F, 3) of whose neighbourhood each corner is
    met = met[(met != np.roll(met, 1, axis=1)).all(axis=1)]
    first = met.argmin(axis=1)[:, None]
    return chosen, np.unique(np.take_along_axis(met, (first + np.arange(3)) % 3, axis=1), axis=0)


def _spread(points: NDArray[np.floating[Any]], count: int) -> NDArray[np.int64]:
    chosen = np.zeros(count, dtype=np.int64)
    distance = np.full(len(points), np.inf)
    for place in range(1, count):
        distance = np.minimum(distance, np.square(points - points[chosen[place - 1]]).sum(axis=1))
        chosen[place] = distance.argmax()
    return chosen
