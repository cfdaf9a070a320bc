"""The backend as a server: footage in, captures out, over HTTP on this machine. See docs/api.md."""

from backend.server.app import ServerSettings, create_app
from backend.server.serving import run

__all__ = ["ServerSettings", "create_app", "run"]
