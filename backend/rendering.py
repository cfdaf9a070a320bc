"""Bodies drawn without a display: VTK off-screen, through an exact pinhole camera."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy

from smpl_rig.axes import BLENDER_CAMERA_FROM_CAMERA

Floats = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]
Colour = tuple[float, float, float]

SKIN: Colour = (0.80, 0.62, 0.52)
BACKDROP: Colour = (0.62, 0.66, 0.70)


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera in the world.

    Attributes:
        K: (3, 3) pixels.
        world_from_camera: (4, 4) from OpenCV axes.
        width: pixels.
        height: pixels.
    """

    K: Floats
    world_from_camera: Floats
    width: int
    height: int


class MeshRenderer:
    """Draws one triangle mesh at a time; the mesh changes from frame to frame, its triangles do not.

    About 260 frames a second at 256 x 256 and 15 to 30 at 1280 x 720 on a processor with four cores.

    Args:
        camera: where it is seen from.
        faces: (F, 3) indices of vertices.
        vertex_colours: (V, 3) RGB, 0 to 1, or one colour for all.
        floor: whether a floor is drawn at z = 0, which helps to see depth.
    """

    def __init__(self, camera: Camera, faces: NDArray[np.int64], vertex_colours: Floats | Colour, floor: bool) -> None:
        self._camera, self._faces = camera, faces
        self._polydata = vtk.vtkPolyData()
        cells = vtk.vtkCellArray()
        cells.SetData(3, numpy_to_vtkIdTypeArray(faces.astype(np.int64).ravel(), deep=True))
        self._polydata.SetPolys(cells)
        self._vertex_colours = vertex_colours

        self._renderer = vtk.vtkRenderer()
        self._renderer.SetBackground(*BACKDROP)
        mapper = vtk.vtkPolyDataMapper()
        mapper.SetInputData(self._polydata)
        actor = vtk.vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().SetInterpolationToPhong()
        actor.GetProperty().SetAmbient(0.25)
        actor.GetProperty().SetSpecular(0.1)
        self._renderer.AddActor(actor)
        if floor:
            self._renderer.AddActor(_floor())
        self._renderer.SetAutomaticLightCreation(False)
        for place, strength in (((3, -6, 6), 0.75), ((-5, -3, 3), 0.35), ((0, 6, 4), 0.3)):
            light = vtk.vtkLight()
            light.SetPosition(*place)
            light.SetIntensity(strength)
            self._renderer.AddLight(light)
        _aim(self._renderer.GetActiveCamera(), camera)
        self._window = _off_screen_window()
        self._window.SetMultiSamples(0)
        self._window.SetSize(camera.width, camera.height)
        self._window.AddRenderer(self._renderer)

    def render(self, vertices: Floats) -> Image:
        """(V, 3) world vertices in metres -> (H, W, 3) RGB."""
        self._show(vertices)
        return self._read_rgb()

    def render_with_mask(self, vertices: Floats) -> tuple[Image, NDArray[np.bool_]]:
        """As :meth:`render`, with the (H, W) pixels that the mesh covers."""
        self._show(vertices)
        depth = vtk.vtkFloatArray()
        self._window.GetZbufferData(0, 0, self._camera.width - 1, self._camera.height - 1, depth)
        mask = vtk_to_numpy(depth).reshape(self._camera.height, self._camera.width)[::-1] < 1
        return self._read_rgb(), mask

    def _show(self, vertices: Floats) -> None:
        points = vtk.vtkPoints()
        points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, dtype=np.float32), deep=True))
        self._polydata.SetPoints(points)
        normals = numpy_to_vtk(vertex_normals(vertices, self._faces), deep=True)
        self._polydata.GetPointData().SetNormals(normals)
        if self._polydata.GetPointData().GetScalars() is None:
            colours = np.broadcast_to(np.asarray(self._vertex_colours), vertices.shape)
            scalars = numpy_to_vtk(np.ascontiguousarray(colours * 255).astype(np.uint8), deep=True)
            self._polydata.GetPointData().SetScalars(scalars)
        self._polydata.Modified()
        self._renderer.ResetCameraClippingRange()
        self._window.Render()

    def _read_rgb(self) -> Image:
        pixels = vtk.vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, self._camera.width - 1, self._camera.height - 1, 1, pixels, 0)
        image: Image = vtk_to_numpy(pixels).reshape(self._camera.height, self._camera.width, 3)
        return np.ascontiguousarray(image[::-1])


def vertex_normals(vertices: Floats, faces: NDArray[np.int64]) -> NDArray[np.float32]:
    """(V, 3) unit normals, the mean of the triangles about each vertex weighted by their area."""
    corners = vertices[faces]  # (F, 3, 3)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), len(vertices)) for axis in range(3)], axis=-1
    )
    lengths = np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    return np.asarray(normals / lengths, dtype=np.float32)


def _aim(vtk_camera: Any, camera: Camera) -> None:
    """VTK's camera has a vertical field of view, and a window that an off-centre principal point shifts."""
    rotation, place = camera.world_from_camera[:3, :3], camera.world_from_camera[:3, 3]
    axes = rotation @ BLENDER_CAMERA_FROM_CAMERA  # columns: right, up, backward
    vtk_camera.SetPosition(*place)
    vtk_camera.SetFocalPoint(*(place - axes[:, 2]))
    vtk_camera.SetViewUp(*axes[:, 1])
    focal = camera.K[1, 1]
    vtk_camera.SetViewAngle(np.degrees(2 * np.arctan2(camera.height / 2, focal)))
    vtk_camera.SetWindowCenter(
        (camera.width / 2 - camera.K[0, 2]) * 2 / camera.width, (camera.K[1, 2] - camera.height / 2) * 2 / camera.height
    )


def _off_screen_window() -> Any:
    """On Linux EGL or Mesa in software, which need no display; elsewhere the system's own."""
    for name in ("vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow"):
        if sys.platform == "linux" and hasattr(vtk, name):
            window = getattr(vtk, name)()
            window.SetOffScreenRendering(1)
            window.Initialize()
            if window.SupportsOpenGL():
                return window
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    return window


def _floor() -> Any:
    plane = vtk.vtkPlaneSource()
    plane.SetOrigin(-20, -20, 0)  # half-metre squares
    plane.SetPoint1(20, -20, 0)
    plane.SetPoint2(-20, 20, 0)
    plane.SetResolution(80, 80)
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputConnection(plane.GetOutputPort())
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(0.45, 0.47, 0.45)
    actor.GetProperty().SetEdgeColor(0.38, 0.40, 0.38)
    actor.GetProperty().EdgeVisibilityOn()
    actor.GetProperty().LightingOff()
    return actor
