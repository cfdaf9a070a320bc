"""torch.compile changes nothing but the speed. What makes machine code of the traced graphs is torch's own to test."""

from collections.abc import Iterator

import pytest
import torch
from torch.fx import GraphModule

from backend.models.frame_features import Estimate

from .tiny import TINY, features


@pytest.fixture(autouse=True)
def _nothing_compiled_before() -> Iterator[None]:
    torch.compiler.reset()
    torch.manual_seed(0)
    yield
    torch.compiler.reset()


def assert_same(one: Estimate, other: Estimate) -> None:
    for name in ("pose6d", "betas", "camera"):
        assert torch.allclose(getattr(one, name), getattr(other, name), atol=1e-5), name
    assert len(one.steps) == len(other.steps)
    assert set(one.auxiliary) == set(other.auxiliary)


@torch.no_grad()
@pytest.mark.parametrize("name", sorted(TINY))
def test_a_network_can_be_traced(name: str) -> None:
    network = TINY[name]()
    clips = features(network.window.length, batch=2)
    expected = network(clips)
    assert_same(torch.compile(network, backend="aot_eager")(clips), expected)


@torch.no_grad()
def test_no_complex_numbers_are_compiled() -> None:
    """Inductor cannot, and would warn of it; STR-Net has some."""
    kinds: set[torch.dtype] = set()

    def watched(graph: GraphModule, _inputs: list[torch.Tensor]) -> GraphModule:
        values = [node.meta.get("example_value") for node in graph.graph.nodes]
        kinds.update(value.dtype for value in values if isinstance(value, torch.Tensor))
        return graph

    network = TINY["str-net"]()
    clips = features(16, batch=2)
    assert_same(torch.compile(network, backend=watched)(clips), network(clips))
    assert torch.float32 in kinds
    assert not any(kind.is_complex for kind in kinds)


@torch.no_grad()
def test_under_autocast_too() -> None:
    network = TINY["mps-net"]()
    clips = features(16, batch=2)
    compiled = torch.compile(network, backend="aot_eager")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_same(compiled(clips), network(clips))
