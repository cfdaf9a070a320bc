import torch
from torch import Tensor

from backend.models.precision import in_full_precision


@in_full_precision
def product(a: Tensor, b: Tensor, scale: float = 1.0, other: Tensor | None = None) -> Tensor:
    result = a @ b * scale
    return result if other is None else result + other


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_under_autocast_it_is_as_exact_as_without() -> None:
    a, b = numbers(8, 200), numbers(200, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough, exact = a @ b, product(a, b, scale=1.0)
        inside_again = torch.is_autocast_enabled("cpu")
    assert not torch.equal(rough.float(), a @ b)
    assert torch.equal(exact, a @ b)
    assert inside_again


def test_what_comes_in_half_precision_is_widened() -> None:
    a, b, other = numbers(4, 4), numbers(4, 4), numbers(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = product(a.bfloat16(), b, other=other.bfloat16())
    assert found.dtype == torch.float32
    assert torch.equal(found, a.bfloat16().float() @ b + other.bfloat16().float())


def test_without_autocast_nothing_is_changed() -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        a = numbers(4, 4).to(dtype)
        assert product(a, a).dtype == dtype
        assert torch.equal(product(a, a), a @ a)


def test_it_keeps_its_name() -> None:
    assert product.__name__ == "product"


def test_tensors_without_values_pass() -> None:
    a = torch.empty(3, 4, device="meta")
    assert product(a, a.T).shape == (3, 3)
