"""The backend's HTTP API, as docs/api.md describes it. Nothing here knows Blender, and every call may block.

``requests`` is imported where it is first used: importing it takes longer than the whole add-on.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from .smpl_rig import service
from .smpl_rig.errors import LimberError

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

_CONNECT_S = 3.0
_ANSWER_S = 10.0
#: After the last byte of an upload the backend may still have to write it to its disk.
_UPLOADED_S = 120.0
_BLOCK_BYTES = 1 << 20


class BackendError(LimberError):
    """The backend refused or could not do what was asked; ``code`` is for programs, as in the API."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class UnreachableError(BackendError):
    """Nothing answers at the backend's address, or not in time."""


@dataclass(frozen=True)
class Connection:
    """Where the backend is, and the token that opens it.

    Raises:
        BackendError: if the address is not one.
    """

    address: str
    token: str

    def __post_init__(self) -> None:
        _split(self.address)

    @property
    def is_local(self) -> bool:
        """Whether the backend is asked for on this machine; a tunnel to another looks the same."""
        return is_local(self.address)


def is_local(address: str) -> bool:
    """Whether an address like ``http://127.0.0.1:8765`` is the loopback interface's.

    Raises:
        BackendError: if the address is not one.
    """
    host = _split(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def port_of(address: str) -> int:
    """The port that an address names, or that its scheme implies.

    Raises:
        BackendError: if the address is not one.
    """
    parts = _split(address)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise BackendError(
            f"The backend address '{address}' is not an address like {service.DEFAULT_ADDRESS}. "
            "Mend it in the add-on's preferences."
        )
    return parts


@dataclass(frozen=True)
class Network:
    """A network of the backend's, as a user chooses it."""

    name: str
    title: str
    ready: bool


@dataclass(frozen=True)
class Health:
    """What a backend is and can do."""

    version: str
    worker: str
    device: str
    networks: tuple[Network, ...]
    upload_bytes: int


@dataclass(frozen=True)
class CaptureOptions:
    """How footage is captured, as the API's capture request says; None leaves it to the backend."""

    network: str = "auto"
    detector: str = "auto"
    person: str = "largest"
    start_s: float | None = None
    end_s: float | None = None
    fov_deg: float | None = None
    focal_px: float | None = None
    height_m: float | None = None
    body: str | None = None
    device: str = "auto"
    still_camera: bool = False


@dataclass(frozen=True)
class CaptureState:
    """A capture as it stands.

    Attributes:
        capture: its id.
        footage: the footage's name.
        body: path of the body file that it was asked with, on the backend's machine; empty for the one of Limber's.
        state: queued, running, done, failed, cancelled or interrupted.
        stage: what is being done; empty unless running.
        fraction: how far the whole has come, in [0, 1].
        eta_s: seconds left, by estimate.
        people_found: seen so far.
        people: numbers of the people captured, once done.
        warnings: what the user should know of a capture that went well.
        error: why it failed or was interrupted; empty otherwise.
    """

    capture: str
    footage: str
    body: str
    state: str
    stage: str
    fraction: float
    eta_s: float | None
    people_found: int | None
    people: tuple[int, ...]
    warnings: tuple[str, ...]
    error: str


class Client:
    """Talks to one backend; to be used by one thread at a time.

    Every method raises :class:`UnreachableError` when nothing answers in time, and :class:`BackendError` with the
    backend's own words when it refuses.
    """

    def __init__(self, connection: Connection) -> None:
        import requests

        self._address = connection.address.rstrip("/") + f"/v{service.API_VERSION}"
        self._session = requests.Session()
        self._session.trust_env = not connection.is_local  # a proxy cannot reach this machine's loopback
        self._session.auth = _Bearer(connection.token)  # an entry in ~/.netrc would replace a mere header

    def close(self) -> None:
        """Ends its connections."""
        self._session.close()

    def health(self) -> Health:
        """What the backend is and can do."""
        answer = self._json("GET", "/health")
        with _as_documented():
            if answer["api_version"] != service.API_VERSION:
                raise BackendError(
                    f"The backend {answer['version']} speaks version {answer['api_version']} of the API, this add-on "
                    f"version {service.API_VERSION}. Update the older of the two."
                )
            return Health(
                version=answer["version"],
                worker=answer["worker"],
                device=answer["device"] or "",
                networks=tuple(Network(each["name"], each["title"], each["ready"]) for each in answer["networks"]),
                upload_bytes=answer["limits"]["upload_bytes"],
            )

    def captures(self) -> list[CaptureState]:
        """All captures that the backend keeps, newest first."""
        answer = self._json("GET", "/captures")
        with _as_documented():
            return [_capture_state(each) for each in answer["captures"]]

    def add_footage_path(self, path: Path) -> str:
        """Names footage that the backend can read where it is; returns its id."""
        return self._id("POST", "/footage", json={"path": str(path)})

    def upload_footage(self, path: Path, progress: Callable[[float], None]) -> str:
        """Streams a file to the backend; returns its id.

        Args:
            path: a video file.
            progress: is told how far it has come, in [0, 1]; whatever it raises ends the upload.
        """
        with path.open("rb") as file:
            return self._id(
                "POST",
                "/footage",
                params={"name": path.name},
                data=_Upload(file, path.stat().st_size, progress),
                headers={"Content-Type": "application/octet-stream"},
                timeout=(_CONNECT_S, _UPLOADED_S),
            )

    def delete_footage(self, footage: str) -> None:
        """Forgets footage that no capture uses."""
        self._request("DELETE", f"/footage/{footage}")

    def start_capture(self, footage: str, options: CaptureOptions) -> str:
        """Queues a capture; returns its id."""
        asked = {name: value for name, value in vars(options).items() if value is not None}
        return self._id("POST", "/captures", json={"footage": footage} | asked)

    def restart_capture(self, capture: str) -> None:
        """Queues a capture again that failed or was interrupted."""
        self._request("POST", f"/captures/{capture}/restart")

    def capture(self, capture: str) -> CaptureState:
        """A capture as it stands now."""
        answer = self._json("GET", f"/captures/{capture}")
        with _as_documented():
            return _capture_state(answer)

    def delete_capture(self, capture: str) -> None:
        """Cancels a capture if it waits or runs, and removes it; when this returns, that has happened."""
        self._request("DELETE", f"/captures/{capture}")

    def save_motion(self, capture: str, person: int, path: Path) -> None:
        """Fetches a person's Motion file."""
        path.write_bytes(self._request("GET", f"/captures/{capture}/motion/{person}").content)

    def _id(self, method: str, path: str, **options: Any) -> str:
        answer = self._json(method, path, **options)
        with _as_documented():
            return str(answer["id"])

    def _json(self, method: str, path: str, **options: Any) -> Any:
        response = self._request(method, path, **options)
        try:
            return response.json()
        except ValueError:
            raise _not_limber() from None

    def _request(self, method: str, path: str, **options: Any) -> Response:
        from requests import ConnectionError as NoConnection
        from requests import RequestException, Timeout

        timeout = options.pop("timeout", (_CONNECT_S, _ANSWER_S))
        address = self._address.rpartition("/")[0]
        try:
            # the token must not follow to wherever a redirection leads
            response = self._session.request(
                method, self._address + path, timeout=timeout, allow_redirects=False, **options
            )
        except Timeout:
            raise UnreachableError(f"The backend at {address} does not answer in time.") from None
        except NoConnection:
            raise UnreachableError(
                f"No backend answers at {address}. Run 'limber serve' in a terminal, or name Limber's "
                "environment in the add-on's preferences and press Start."
            ) from None
        except RequestException as error:
            raise BackendError(f"The backend at {address} cannot be asked: {error}") from error
        if response.ok and not response.is_redirect:
            return response
        raise _refusal(response)


class _Bearer:
    """Authorization with the token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Upload:
    """A file as requests streams it: it is asked for its length, and for blocks."""

    def __init__(self, file: Any, size: int, progress: Callable[[float], None]) -> None:
        self._file = file
        self._size = size
        self._sent = 0
        self._progress = progress

    def __len__(self) -> int:
        return self._size

    def read(self, _size: int = -1) -> bytes:
        self._progress(self._sent / max(self._size, 1))
        block: bytes = self._file.read(_BLOCK_BYTES)
        self._sent += len(block)
        return block


def _refusal(response: Response) -> BackendError:
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return _not_limber()
    if code == "unauthorized":
        message = (
            "The backend does not accept the token. Delete the token in the add-on's preferences if the backend runs "
            "on this machine, else paste the one from the backend's token file."
        )
    return BackendError(message, code)


def _not_limber() -> BackendError:
    return BackendError(
        "What answers at the backend's address is not a Limber backend. Check the address in the add-on's preferences."
    )


@contextmanager
def _as_documented() -> Iterator[None]:
    """An answer that lacks what the API promises is not a Limber backend's."""
    try:
        yield
    except (KeyError, TypeError):
        raise _not_limber() from None


def _capture_state(answer: dict[str, Any]) -> CaptureState:
    return CaptureState(
        capture=answer["id"],
        footage=answer["footage"]["name"],
        body=answer["request"]["body"] or "",
        state=answer["state"],
        stage=answer["stage"] or "",
        fraction=answer["fraction"],
        eta_s=answer["eta_s"],
        people_found=answer["people_found"],
        people=tuple(person["person"] for person in answer["people"]),
        warnings=tuple(answer["warnings"]),
        error=answer["error"]["message"] if answer["error"] else "",
    )
