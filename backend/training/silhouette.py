"""The silhouette of a mesh in a picture, differentiable by where its vertices are seen.

A pixel's value is the sigmoid of its signed distance to the silhouette's edge, as in the soft rasteriser (Liu et al.
2019, Soft Rasterizer, eq. 1). That one takes the distance to each triangle and joins their values to one; with
triangles smaller than pixels, as a body's are, it swells the silhouette and costs triangles times pixels. Here the
silhouette is one shape, found by exact coverage, and a pixel's distance is that to the nearest edge of the mesh that
bounds it.

An edge bounds the silhouette, or does not, as a whole, which its middle decides; so where parts of a mesh overlap in
the picture, the distance is wrong by up to half the length of its edges there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

#: Pairs, of a point and a triangle or edge, that are looked at together: what bounds the memory.
PAIRS_AT_ONCE = 2_000_000
#: Triangles are sorted into at most this many cells across.
CELLS = 128
#: How far beside an edge, in pixels, one looks whether the mesh goes on there.
BESIDE_PX = 0.01


class Silhouette(nn.Module):
    """Silhouettes of one mesh in any poses.

    Args:
        faces: (F, 3) vertices of the triangles, either way round. The mesh may be open and in several parts.
        softness_px: over how many pixels the edge of the silhouette fades.
    """

    faces: Tensor
    edges: Tensor
    opposite: Tensor

    def __init__(self, faces: NDArray[np.integer[Any]], softness_px: float = 0.5) -> None:
        super().__init__()
        self.softness_px = softness_px
        edges, opposite = _edges(np.asarray(faces))
        self.register_buffer("faces", torch.tensor(np.asarray(faces), dtype=torch.long), persistent=False)
        self.register_buffer("edges", torch.tensor(edges), persistent=False)
        self.register_buffer("opposite", torch.tensor(opposite), persistent=False)

    def forward(self, points: Tensor, height: int, width: int) -> Tensor:
        """How far each pixel is covered, from 0 to 1: (B, V, 2) pixels -> (B, height, width)."""
        return torch.sigmoid(self.signed_distance(points, height, width) / self.softness_px)

    def signed_distance(self, points: Tensor, height: int, width: int) -> Tensor:
        """How deep in the silhouette the middle of each pixel lies; negative outside.

        Args:
            points: (B, V, 2) where the vertices are seen, pixels from the picture's top left corner, all in front of
                the camera. They may lie outside the picture.
            height: of the picture, pixels.
            width: of the picture, pixels.

        Returns:
            (B, height, width) pixels. The gradient moves the edge that is nearest to each pixel.
        """
        rows, columns = torch.arange(height) + 0.5, torch.arange(width) + 0.5
        pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1).to(points)  # (height, width, 2)
        distances = [self._signed_distance(body, pixels.flatten(0, 1)) for body in points]
        return torch.stack(distances).unflatten(1, (height, width))

    def _signed_distance(self, points: Tensor, pixels: Tensor) -> Tensor:
        """(V, 2), (P, 2) -> (P,)."""
        with torch.no_grad():
            bounding, beside = self._bounding(points)
            triangles = points[self.faces]  # (F, 3, 2)
            covered = cover(triangles, torch.cat((pixels, beside)))
            inside, goes_on = covered[: len(pixels)], covered[len(pixels) :]
            if not goes_on.all():  # so far out of the picture that numbers cannot tell what is beside an edge
                bounding = bounding[~goes_on]
            nearest, along = _nearest(points[self.edges[bounding]], pixels)
        ends = points[self.edges[bounding[nearest]]]  # (P, 2, 2)
        # the foot moves along its edge too, which does not change the distance
        foot = torch.lerp(ends[:, 0], ends[:, 1], along[:, None])
        distance = ((pixels - foot).square().sum(-1) + 1e-12).sqrt()
        return torch.where(inside, distance, -distance)

    def _bounding(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The edges (E,) both of whose triangles are seen on one side, and a point (E, 2) on the other side of each."""
        start, end = points[self.edges].unbind(1)  # (all edges, 2)
        direction = end - start
        sides = _cross(direction[:, None], points[self.opposite] - start[:, None])  # (all edges, 2)
        chosen = (sides[:, 0] * sides[:, 1] >= 0).nonzero().squeeze(1)
        direction, side = direction[chosen], sides[chosen].sum(-1, keepdim=True)
        normal = torch.stack((direction[:, 1], -direction[:, 0]), dim=-1) * side.sign()
        middle = (start[chosen] + end[chosen]) / 2
        return chosen, middle + BESIDE_PX * torch.nn.functional.normalize(normal, dim=-1)


def cover(triangles: Tensor, points: Tensor) -> Tensor:
    """Which points lie in at least one of the triangles, exactly: (F, 3, 2), (P, 2) -> (P,) bool."""
    covered = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    triangles = triangles[_cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]) != 0]
    if not len(triangles):  # all of them are seen edge on
        return covered
    first_corner, last_corner = triangles.amin(1), triangles.amax(1)
    low, high = first_corner.amin(0), last_corner.amax(0)
    within = ((points >= low) & (points <= high)).all(-1).nonzero().squeeze(1)
    cells = CELLS
    while True:  # fewer cells where they are small against most triangles
        size = ((high - low) / cells).clamp_min(1e-9)
        first = ((first_corner - low) / size).long().clamp(0, cells - 1)  # (F, 2) cells
        across = ((last_corner - low) / size).long().clamp(0, cells - 1) - first + 1  # (F, 2) cells
        if cells == 1 or int(across.prod(-1).sum()) <= PAIRS_AT_ONCE:
            break
        cells //= 2
    place = ((points[within] - low) / size).long().clamp(0, cells - 1)  # (P', 2)
    cell_of_point, order = (place[:, 1] * cells + place[:, 0]).sort()
    within = within[order]
    in_cell = torch.bincount(cell_of_point, minlength=cells * cells)
    first_in_cell = in_cell.cumsum(0) - in_cell

    triangle, step = _each(across.prod(-1))  # a row for every cell that a triangle may reach
    cell = (first[triangle, 1] + step // across[triangle, 0]) * cells + first[triangle, 0] + step % across[triangle, 0]
    for part in _parts(in_cell[cell]):
        row, step = _each(in_cell[cell[part]])  # a row for every point in such a cell
        point = within[first_in_cell[cell[part][row]] + step]
        hit = _holds(triangles[triangle[part][row]], points[point])
        covered[point[hit]] = True
    return covered


def _holds(triangles: Tensor, points: Tensor) -> Tensor:
    """Whether each triangle (N, 3, 2) holds its point (N, 2), on its border too."""
    corners = triangles - points[:, None]
    sides = _cross(corners, corners.roll(-1, dims=1))  # (N, 3); neighbours get exact opposites: no cracks between
    return (sides >= 0).all(-1) | (sides <= 0).all(-1)


def _nearest(segments: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """For each point (P, 2) the nearest of the segments (E, 2, 2) and the part of the way along it: (P,), (P,)."""
    start, direction = segments[:, 0], segments[:, 1] - segments[:, 0]
    squared = direction.square().sum(-1).clamp_min(1e-12)
    nearest, along = [], []
    for some in points.split(max(PAIRS_AT_ONCE // len(segments), 1)):
        apart = some[:, None] - start  # (p, E, 2)
        part = ((apart * direction).sum(-1) / squared).clamp(0, 1)  # (p, E)
        distance = (apart - part[..., None] * direction).square().sum(-1)
        best = distance.argmin(-1, keepdim=True)
        nearest.append(best.squeeze(1))
        along.append(part.gather(1, best).squeeze(1))
    return torch.cat(nearest), torch.cat(along)


def _each(counts: Tensor) -> tuple[Tensor, Tensor]:
    """``counts[i]`` rows for each i: which i, and which of its rows, from 0."""
    owner = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    first = counts.cumsum(0) - counts
    return owner, torch.arange(len(owner), device=counts.device) - first[owner]


def _parts(counts: Tensor) -> Iterator[slice]:
    """Consecutive parts whose counts, but for one row, sum to no more than :data:`PAIRS_AT_ONCE`."""
    part = counts.cumsum(0) // PAIRS_AT_ONCE
    begin = 0
    for length in torch.unique_consecutive(part, return_counts=True)[1].tolist():
        yield slice(begin, begin + length)
        begin += length


def _cross(one: Tensor, other: Tensor) -> Tensor:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]


def _edges(faces: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The edges (E, 2) of triangles (F, 3) and the corners opposite to each (E, 2); where there is one only, twice."""
    ends = np.sort(np.concatenate((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]])), axis=1)
    across = np.concatenate((faces[:, 2], faces[:, 0], faces[:, 1]))
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    ends, across = ends[order].astype(np.int64), across[order].astype(np.int64)
    begins = np.flatnonzero(np.r_[True, (np.diff(ends, axis=0) != 0).any(axis=1)])
    last = np.r_[begins[1:], len(ends)] - 1
    return ends[begins], np.stack((across[begins], across[last]), axis=1)
