"""Where half precision would cost millimetres."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def in_full_precision(compute: Callable[P, R]) -> Callable[P, R]:
    """Lets a computation be as exact under autocast as it is without.

    Half precision has three digits, which is enough for features but not for what follows them: the angles of joints,
    whose errors add up along a limb, and the exponents of unscaled attention. Inside, autocast is off, and tensors that
    come in half precision are widened.
    """

    @wraps(compute)
    def exact(*arguments: P.args, **named: P.kwargs) -> R:
        values = (*arguments, *named.values())
        device = next(value.device.type for value in values if isinstance(value, Tensor))
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return compute(*arguments, **named)
        widened: Any = [_widened(value) for value in arguments]
        widened_named: Any = {name: _widened(value) for name, value in named.items()}
        with torch.autocast(device, enabled=False):
            return compute(*widened, **widened_named)

    return exact


def _widened(value: object) -> object:
    if isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16):
        return value.float()
    return value
