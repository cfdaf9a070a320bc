r"""Where the backend is found on this machine, and the token that opens it.

The backend and the add-on both follow these rules and nothing else, so the add-on finds a backend on the same machine
by itself. Only the standard library is used.

The data folder is ``$LIMBER_HOME`` where that is set, else the platform's own place for a program's data:

- Linux: ``$XDG_DATA_HOME/limber``, or ``~/.local/share/limber``
- macOS: ``~/Library/Application Support/Limber``
- Windows: ``%LOCALAPPDATA%\Limber``

The token lies in the file ``token`` in that folder, one line of ASCII. ``limber serve`` makes it on its first start,
readable by its user alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .errors import LimberError

#: The version of the HTTP API, the first part of every path: ``/v1/...``.
API_VERSION = 1
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
DEFAULT_ADDRESS = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"


class ServiceError(LimberError):
    """The backend of this machine cannot be found or opened."""


def data_folder(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the user's Limber data; it need not exist yet.

    Args:
        platform: as ``sys.platform``.
        environment: as ``os.environ``.
    """
    own = environment.get("LIMBER_HOME")
    if own:
        return Path(own).expanduser().absolute()
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "Limber"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Limber"
    # The XDG specification says that a relative path is to be ignored.
    shared = Path(environment.get("XDG_DATA_HOME", ""))
    return (shared if shared.is_absolute() else Path.home() / ".local" / "share") / "limber"


def token_path() -> Path:
    """The file that holds the token."""
    return data_folder() / "token"


def read_token() -> str:
    """The token of the backend of this machine and user.

    Raises:
        ServiceError: if no backend has ever been started here, or its token cannot be read.
    """
    path = token_path()
    try:
        token = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise ServiceError(
            "No backend has run on this machine yet. Run 'limber serve' in a terminal, or name Limber's environment in "
            f"the add-on's preferences and press Start. (Its token is looked for in {path}.)"
        ) from None
    except (OSError, ValueError) as error:
        raise ServiceError(f"{path} cannot be read ({error}). Delete it and start the backend again.") from error
    if not token:
        raise ServiceError(f"{path} is empty. Delete it and start the backend again.")
    return token
