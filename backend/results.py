"""Files of motion as Motions, those of torch among them: what ``limber import`` reads."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from backend.body import limber_body
from smpl_rig.body import load_body
from smpl_rig.imports.content import ImportedFileError
from smpl_rig.imports.placing import Wearer
from smpl_rig.imports.reading import TORCH_SUFFIXES, read_content, read_motions
from smpl_rig.motion import Motion
from smpl_rig.pickles import PickleError, read_pickle
from smpl_rig.skeletal_motion import MOST_FRAMES


def import_motions(
    path: Path, body: Path | None = None, frame_rate: float | None = None, skeleton: Path | None = None
) -> list[Motion]:
    """Every person or take of a file.

    Args:
        path: ``.bvh``, ``.amc``, ``.glb``, ``.gltf``, ``.npz``, ``.pkl``, ``.pt`` or ``.pth``.
        body: a licensed SMPL file, whose shapes the file's betas are; None takes Limber's own body, of mean shape.
        frame_rate: of files that do not tell theirs.
        skeleton: the ``.asf`` of an ``.amc``; None looks beside it.

    Raises:
        LimberError: naming the file, and the key that is wrong.
    """
    wearer = Wearer(limber_body(), False) if body is None else Wearer(load_body(body), True)
    if path.suffix.lower() in TORCH_SUFFIXES and path.is_file():
        return read_content(path, _torch_content(path), wearer, frame_rate)
    return read_motions(path, wearer, frame_rate, skeleton)


#: In one tensor: what PHALP's matrices have in as many frames as are read.
_MOST_NUMBERS = 216 * MOST_FRAMES


def _torch_content(path: Path) -> Any:
    """Tensors as arrays. Programs give files of joblib torch's ending too."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                if file.read(2) == b"PK":
                    raise ImportedFileError("It is an archive that was cut off.")
            return read_pickle(path)
        with zipfile.ZipFile(path) as archive:
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ImportedFileError("Its members are compressed, which torch never does.")
        return _as_arrays(torch.load(path, map_location="cpu", weights_only=True))
    except (PickleError, ImportedFileError) as error:
        raise ImportedFileError(f"{path.name}: {error}") from error
    except Exception as error:  # a damaged archive can raise nearly anything
        raise ImportedFileError(
            f"{path.name} is no file of tensors: {(str(error).splitlines() or [type(error).__name__])[0]}"
        ) from error


def _as_arrays(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        if value.numel() > _MOST_NUMBERS:  # a tensor may repeat one number any number of times
            raise ImportedFileError(f"A tensor has the shape {tuple(value.shape)}, which is more than any motion has.")
        return value.detach().float().numpy() if value.is_floating_point() else value.numpy()
    if isinstance(value, dict):
        return {key: _as_arrays(inner) for key, inner in value.items()}
    return value
