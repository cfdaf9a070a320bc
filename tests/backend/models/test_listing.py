import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from backend import cli
from backend.models import NETWORKS, listing, weights_path


def listed() -> dict[tuple[str, str], listing.Listed]:
    return {(entry.network, entry.configuration): entry for entry in listing.listing()}


def test_all_networks_are_listed_in_both_sizes() -> None:
    names = [network.name for network in NETWORKS if network.paper and not network.imported]
    sizes = {(name, size) for name in names for size in ("paper", "landmark")}
    assert set(listed()) == sizes | {("together", ""), ("per-frame", "")}
    together = listed()[("together", "")]
    assert together.parameters == sum(listed()[(name, "landmark")].parameters for name in names)


def test_what_is_told_of_each() -> None:
    found = listed()
    tar = found["tar", "paper"]
    assert (tar.window, tar.outputs) == (9, 1)
    assert tar.inputs == "384 features, 256 x 64 x 64 maps, place of the box"
    assert found["mps-net", "paper"].parameters == 12_646_050
    assert found["sps-net", "paper"].outputs == 32
    assert found["stc-net", "paper"].inputs == "16 x 112 x 112 maps, initial pose, initial camera"
    for (_, configuration), entry in found.items():
        if configuration == "landmark":
            assert 0 < entry.parameters < 5_000_000
            assert entry.licence == "GPL-3.0-or-later"


def test_weights_that_are_there_are_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path))
    monkeypatch.setattr(listing, "weights_file", lambda name: tmp_path / f"{name}.safetensors")
    before = listed()
    assert before["mps-net", "paper"].weights == "can be imported"
    assert before["mps-net", "paper"].licence == "its authors'"
    assert before["tar", "paper"].weights == "none published"
    assert before["tar", "landmark"].weights == "none yet"
    for path in (weights_path("mps-net", "paper"), tmp_path / "tar.safetensors"):
        path.parent.mkdir(parents=True, exist_ok=True)
        safetensors.torch.save_file({"any": torch.zeros(1)}, path)
    after = listed()
    assert after["mps-net", "paper"].weights == "imported"
    assert after["tar", "landmark"].weights == "shipped"
    assert after["sps-net", "landmark"].weights == "none yet"


def test_the_command_prints_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["networks"]) == 0
    heading, ruler, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["network", "configuration", "reads", "window", "parameters", "weights", "licence"]
    assert set(ruler) == {"-", " "}
    assert len(lines) == len(listing.listing())
    assert cli.main(["networks", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert records == listing.as_records(listing.listing())
