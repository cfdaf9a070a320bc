"""MPS-Net once more, frame by frame, as sections 3.1 and 3.2 of the paper tell it."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max())
    return powers / powers.sum()


#: Names of tensors here -> numbers.
Weights = dict[str, np.ndarray]
#: What is called otherwise in the public release.
RELEASED = {
    "moca.theta.weight": "nonlocalblock.conv_theta.weight",
    "moca.phi.weight": "nonlocalblock.conv_phi.weight",
    "moca.g.weight": "nonlocalblock.conv_g.weight",
    "moca.rho.weight": "nonlocalblock.conv_mask_forR.weight",
    "moca.W_z.weight": "nonlocalblock.conv_mask.weight",
    "hafi.resize.weight": "nonlocalblock.attention.fc.weight",
    "hafi.resize.bias": "nonlocalblock.attention.fc.bias",
}


def weights_by_the_book(released: Mapping[str, Tensor]) -> Weights:
    """The public release's tensors, in double precision."""
    numbers = {name: tensor.double().numpy() for name, tensor in released.items()}
    weights = {ours: numbers[theirs].squeeze() for ours, theirs in RELEASED.items()}
    for layer in ("0", "2", "4"):
        for kind in ("weight", "bias"):
            weights[f"hafi.attention.{layer}.{kind}"] = numbers[f"nonlocalblock.attention.attention.{layer}.{kind}"]
    return weights | {name: value for name, value in numbers.items() if name.startswith("regressor.")}


def by_the_book(weights: Weights, x: np.ndarray) -> dict[str, np.ndarray]:
    """The answer for one window (16, features), and the maps and attention values on the way, by their names."""
    frames = range(16)
    theta, phi, g = ([weights[f"moca.{name}.weight"] @ x[i] for i in frames] for name in ("theta", "phi", "g"))
    nssm = np.array([softmax(np.array([x[i] @ x[j] for j in frames])) for i in frames])
    attention = np.array([softmax(np.array([theta[i] @ phi[j] for j in frames])) for i in frames])
    first, second = weights["moca.rho.weight"].flatten()
    moca = np.array(
        [softmax(np.array([first * nssm[i, j] + second * attention[i, j] for j in frames])) for i in frames]
    )
    y = [sum(moca[i, j] * g[j] for j in frames) for i in frames]
    z = [weights["moca.W_z.weight"] @ y[i] + x[i] for i in frames]

    def attend(three: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        resize, bias = weights["hafi.resize.weight"], weights["hafi.resize.bias"]
        value = np.concatenate([resize @ member + bias for member in three])
        for layer in (0, 2, 4):
            value = np.tanh(weights[f"hafi.attention.{layer}.weight"] @ value + weights[f"hafi.attention.{layer}.bias"])
        a = softmax(value)
        return a[0] * three[0] + a[1] * three[1] + a[2] * three[2], a

    past, a_past = attend([z[4], z[5], z[6]])
    present, a_present = attend([z[7], z[8], z[9]])
    future, a_future = attend([z[10], z[11], z[12]])
    refined, a = attend([past, present, future])

    def layer(name: str, value: np.ndarray) -> np.ndarray:
        return weights[f"regressor.{name}.weight"] @ value + weights[f"regressor.{name}.bias"]

    pose, shape, camera = (weights[f"regressor.init_{name}"][0] for name in ("pose", "shape", "cam"))
    for _ in range(3):
        hidden = layer("fc2", layer("fc1", np.concatenate([refined, pose, shape, camera])))
        pose, shape, camera = (
            pose + layer("decpose", hidden),
            shape + layer("decshape", hidden),
            camera + layer("deccam", hidden),
        )
    return {
        "NSSM": nssm,
        "attention map": attention,
        "MoCA map": moca,
        "a": np.array([a_past, a_present, a_future, a]),
        "pose6d": pose.reshape(1, 24, 6),
        "betas": shape[None],
        "camera": camera[None],
    }
