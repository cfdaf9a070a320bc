import pytest
import torch

from backend.models.configurations import CONFIGURATIONS, Configuration
from backend.models.weights import LANDMARK_NETWORKS

NAMES = [f"{configuration.network}-{configuration.name}" for configuration in CONFIGURATIONS]


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=NAMES)
def test_it_reads_what_the_network_needs_and_answers(configuration: Configuration) -> None:
    with torch.device("meta"):
        network = configuration.build().eval()
        assert set(configuration.reads) == set(network.needs)
        estimate = network(configuration.noise(2, network.window.length))
    outputs = len(network.window.outputs)
    assert estimate.pose6d.shape == (2, outputs, 24, 6)
    assert estimate.betas.shape == (2, outputs, 10)
    assert estimate.camera.shape == (2, outputs, 3)


def test_landmark_networks_are_those_that_can_have_weights() -> None:
    assert {one.network for one in CONFIGURATIONS if one.name == "landmark"} == set(LANDMARK_NETWORKS)
    assert {one.network for one in CONFIGURATIONS if one.name == "paper"} == set(LANDMARK_NETWORKS)
