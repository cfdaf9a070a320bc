from pathlib import Path

import pytest
import torch

from backend.models import NETWORKS, NetworkError, weights_file
from backend.models.weights import LANDMARK_NETWORKS, build_landmark_network, how_made, load_network, save_network

CPU = torch.device("cpu")


def test_what_was_saved_is_loaded_in_half_precision(tmp_path: Path) -> None:
    network = build_landmark_network("mps-net")
    save_network(network, "mps-net", tmp_path / "w.safetensors", {"motions": "dance"})
    assert how_made(tmp_path / "w.safetensors") == {"network": "mps-net", "motions": "dance"}
    loaded = load_network("mps-net", CPU, tmp_path / "w.safetensors")
    assert not loaded.training
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float()), name


def test_refuses_what_is_not_its_weights(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    with pytest.raises(NetworkError, match=r"w\.safetensors is missing"):
        load_network("mps-net", CPU, file)
    save_network(build_landmark_network("mps-net"), "mps-net", file, {})
    with pytest.raises(NetworkError, match="holds the weights of 'mps-net', not of 'str-net'"):
        load_network("str-net", CPU, file)
    save_network(build_landmark_network("str-net"), "mps-net", file, {})
    with pytest.raises(NetworkError, match="another version of 'mps-net'"):
        load_network("mps-net", CPU, file)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(NetworkError, match="is damaged"):
        load_network("mps-net", CPU, file)
    with pytest.raises(NetworkError, match="'nonesuch' is unknown"):
        load_network("nonesuch", CPU, file)


@pytest.mark.parametrize("name", sorted(LANDMARK_NETWORKS))
def test_what_ships_is_small_and_loads(name: str) -> None:
    file = weights_file(name)
    assert file.stat().st_size <= 12_000_000
    assert all(torch.isfinite(value).all() for value in load_network(name, CPU).state_dict().values())
    assert {"recipe", "encoder", "motions"} <= how_made(file).keys()
    assert file.with_suffix(".md").is_file(), "its card is missing"


def test_every_network_of_a_paper_can_be_built() -> None:
    own = {network.name for network in NETWORKS if network.paper and not network.imported}
    assert own == set(LANDMARK_NETWORKS)
