import subprocess
import sys
from pathlib import Path
from typing import Any


def test_schemathesis_finds_nothing_that_the_description_does_not_say(server: Any, tmp_path: Path) -> None:
    """Every operation, with data that the description allows and forbids, alone and in sequences."""
    program = Path(sys.executable).parent / "schemathesis"
    configuration = Path(__file__).parent / "schemathesis.toml"
    command = [str(program), "--config-file", str(configuration), "run", f"{server.address}/v1/openapi.json"]
    command += ["--header", f"Authorization: Bearer {server.token}", "--no-color", "--generation-database", "none"]
    command += ["--seed", "1", "--max-examples", "15"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert server.client.get("/v1/health").json()["worker"] in ("ready", "busy")


def test_description_names_every_path_of_the_documentation(server: Any) -> None:
    documented = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    for path, operations in server.client.get("/v1/openapi.json").json()["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in documented


def test_every_operation_says_that_it_needs_the_token(server: Any) -> None:
    for operations in server.client.get("/v1/openapi.json").json()["paths"].values():
        for operation in operations.values():
            assert operation["security"] == [{"HTTPBearer": []}]
            assert {"401", "413", "421"} <= set(operation["responses"])


def test_health(server: Any) -> None:
    health = server.client.get("/v1/health").json()
    assert health["api_version"] == 1
    assert health["device"] in (None, "cpu")
    assert "per-frame" in [network["name"] for network in health["networks"] if network["ready"]]
    assert health["limits"]["upload_bytes"] == 8 * 1024**3


def test_refusals_of_unknown_paths_and_methods_have_the_same_form(server: Any) -> None:
    answer = server.client.get("/v2/health")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    answer = server.client.put("/v1/captures")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"
