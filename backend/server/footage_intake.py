"""How footage comes in: as an upload that is kept, or as a path on this machine that is read where it is."""

from __future__ import annotations

import asyncio
import errno
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from backend.server.errors import ApiError
from backend.server.storage import FootageRecord, Storage, new_id
from smpl_rig.image_sequence import images_of, is_image_sequence

DEFAULT_NAME = "footage"
_LONGEST_NAME_BYTES = 120
#: Written at once: small writes would cost more than the bytes.
_BLOCK_BYTES = 1 << 20
#: Names that Windows keeps for devices, whatever their suffix.
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*%\ud800-\udfff]')


async def receive_upload(storage: Storage, parts: AsyncIterator[bytes], name: str) -> FootageRecord:
    """Keeps an upload as it comes. If it does not come whole, nothing of it stays.

    Raises:
        ApiError: if it is empty (400) or the disk is full (507).
    """
    footage = new_id()
    folder = storage.footage_folder / footage
    path = folder / safe_name(name)
    folder.mkdir(mode=0o700)
    try:
        size = await _write(path, parts)
        if size == 0:
            raise ApiError(400, "empty_footage", "The upload is empty. Send the footage as the request's body.")
        record = FootageRecord(footage, path.name, path, uploaded=True, size_bytes=size)
        storage.add_footage(record)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = "The backend's disk is full. Delete captures, or start it with --data on another disk."
            raise ApiError(507, "no_space", message) from error
        raise
    except BaseException:  # the client's going away and the server's stopping too
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return record


async def _write(path: Path, parts: AsyncIterator[bytes]) -> int:
    size = 0
    block = bytearray()
    with path.open("xb") as file:
        async for part in parts:
            block += part
            size += len(part)
            if len(block) >= _BLOCK_BYTES:
                await asyncio.to_thread(file.write, block)
                block = bytearray()
        await asyncio.to_thread(file.write, block)
    return size


def footage_at(text: str) -> FootageRecord:
    """Footage that lies on this machine; links are followed, so that what was checked is what is read.

    Raises:
        ApiError: if there is no file, folder of images or pattern of images that this user may read (404).
    """
    try:
        path = Path(text)
        if is_image_sequence(path):
            path = path.resolve(strict=True) if path.is_dir() else path.parent.resolve(strict=True) / path.name
            if images_of(path):
                return FootageRecord(new_id(), path.name, path, uploaded=False, size_bytes=None)
        else:
            path = path.resolve(strict=True)
            if path.is_file():
                return FootageRecord(new_id(), path.name, path, uploaded=False, size_bytes=path.stat().st_size)
    except (OSError, ValueError, RuntimeError) as error:
        message = f"{text} cannot be read on the backend's machine ({_reason(error)}). Give the whole path of a video."
        raise ApiError(404, "footage_not_found", message) from None
    found = "holds no images" if path.is_dir() else "stands for no images" if is_image_sequence(path) else "is no file"
    message = f"{text} {found}. Choose a video, a folder of images or a pattern like shot_%04d.png."
    raise ApiError(404, "footage_not_found", message)


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or "not a possible path"


def remove_files(record: FootageRecord) -> None:
    """Removes an upload's files; never those of a path."""
    if record.uploaded:
        shutil.rmtree(record.path.parent, ignore_errors=True)


def safe_name(name: str) -> str:
    """A name that any file system takes and that leads nowhere else, as near to the given one as can be."""
    last = re.split(r"[\\/]", name)[-1]
    clean = _UNSAFE.sub("_", last).strip(" .")
    if _RESERVED.match(clean):
        clean = "_" + clean
    stem, suffix = Path(clean).stem, Path(clean).suffix[:16]
    room = _LONGEST_NAME_BYTES - len(suffix.encode())
    return (stem.encode()[: max(room, 0)].decode(errors="ignore").rstrip(" .") + suffix) or DEFAULT_NAME
