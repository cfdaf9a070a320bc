import pytest

from backend.models import NETWORKS, NetworkError, choose_network


def test_auto_chooses_one_that_is_ready() -> None:
    ready = [network.name for network in NETWORKS if network.ready]
    assert choose_network("auto") == ready[0]


def test_refuses_an_unknown_network_by_name() -> None:
    with pytest.raises(NetworkError, match="'nonesuch' is unknown"):
        choose_network("nonesuch")


@pytest.mark.parametrize("network", [network for network in NETWORKS if not network.ready], ids=lambda n: n.name)
def test_refuses_a_network_without_weights(network) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    with pytest.raises(NetworkError, match="has no weights"):
        choose_network(network.name)
