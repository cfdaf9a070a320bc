"""Where the backend is, and how to start it, as the add-on's preferences say."""

import os
from pathlib import Path
from typing import Any

import bpy

from .client import BackendError, Connection, is_local
from .smpl_rig import service


def preferences() -> Any:
    """The preferences of the enabled add-on."""
    return bpy.context.preferences.addons[__package__].preferences


def environment() -> Path:
    """The Python environment of the preferences.

    Raises:
        BackendError: if none is given.
    """
    chosen = preferences().environment
    if not chosen:
        raise BackendError(
            "The add-on's preferences name no environment to start the backend from. Choose the folder of the Python "
            "environment that Limber is installed in, or run 'limber serve' in a terminal."
        )
    return Path(os.path.abspath(bpy.path.abspath(chosen)))  # noqa: PTH100  (a link to an environment is one)


def connection() -> Connection:
    """Where the backend is, by the preferences, and its token.

    Raises:
        LimberError: if the address is none, the token is not found, or Blender's user allows no network.
    """
    chosen = preferences()
    address = chosen.address.strip()
    if is_local(address):
        return Connection(address, chosen.token.strip() or service.read_token())
    if not bpy.app.online_access:
        raise BackendError(
            f"{address} is another machine, and Blender may not use the network. Turn on Allow Online Access in "
            "Preferences, System."
        )
    if not chosen.token.strip():
        raise BackendError(
            f"The backend at {address} needs its token. Paste it into the add-on's preferences; it is in the file "
            "'token' of the user who runs the backend."
        )
    return Connection(address, chosen.token.strip())
