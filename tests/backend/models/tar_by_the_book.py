"""TAR once more, number by number, as section 3 and appendix B.1 of the paper tell it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smpl_rig.skeleton import PARENTS

Floats = NDArray[np.float64]
#: Names of tensors here -> numbers.
Weights = dict[str, Floats]


@dataclass(frozen=True)
class Sizes:
    heads: int
    halvings: int
    radius: int
    steps: int


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def linear(weights: Weights, name: str, x: Floats) -> Floats:
    return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]


def normalised(weights: Weights, name: str, x: Floats) -> Floats:
    spread = np.sqrt(((x - x.mean()) ** 2).mean() + 1e-5)
    return (x - x.mean()) / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def transformer_layer(weights: Weights, name: str, frames: list[Floats], seen: list[bool], heads: int) -> list[Floats]:
    """Vaswani et al. 2017, section 3.1: each part's result is added to what it read, then normalised."""
    width = len(frames[0])
    of_head = width // heads
    packed, bias = weights[f"{name}.self_attn.in_proj_weight"], weights[f"{name}.self_attn.in_proj_bias"]
    queries, keys, values = (
        [packed[part * width : (part + 1) * width] @ x + bias[part * width : (part + 1) * width] for x in frames]
        for part in range(3)
    )
    results = []
    for x, query in zip(frames, queries, strict=True):
        attended = []
        for head in range(heads):
            own = slice(head * of_head, (head + 1) * of_head)
            powers = [
                np.exp(query[own] @ key[own] / np.sqrt(of_head)) * (s or not any(seen))
                for key, s in zip(keys, seen, strict=True)
            ]
            attended.append(sum(p * value[own] for p, value in zip(powers, values, strict=True)) / sum(powers))
        added = x + linear(weights, f"{name}.self_attn.out_proj", np.concatenate(attended))
        middle = normalised(weights, f"{name}.norm1", added)
        wide = np.maximum(linear(weights, f"{name}.linear1", middle), 0)
        results.append(normalised(weights, f"{name}.norm2", middle + linear(weights, f"{name}.linear2", wide)))
    return results


def convolution(weights: Weights, name: str, maps: Floats, stride: int = 1) -> Floats:
    """(C, h, w) -> (D, h / stride, w / stride)."""
    kernel = weights[f"{name}.weight"]
    side = kernel.shape[-1]
    around = (side - 1) // 2
    padded = np.pad(maps, ((0, 0), (around, around), (around, around)))
    height, width = maps.shape[1] // stride, maps.shape[2] // stride
    result = np.zeros((len(kernel), height, width))
    for y in range(height):
        for x in range(width):
            patch = padded[:, y * stride : y * stride + side, x * stride : x * stride + side]
            result[:, y, x] = (kernel * patch).sum((1, 2, 3)) + weights.get(f"{name}.bias", np.zeros(1))
    return result


def deconvolution(weights: Weights, name: str, maps: Floats) -> Floats:
    """(C, h, w) -> (C, 2 h, 2 w): every pixel paints the kernel about its place."""
    kernel = weights[f"{name}.weight"]  # (C in, C out, 3, 3)
    _, height, width = maps.shape
    painted = np.zeros((kernel.shape[1], 2 * height + 2, 2 * width + 2))
    for y in range(height):
        for x in range(width):
            painted[:, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3] += np.einsum("c,cdij->dij", maps[:, y, x], kernel)
    return painted[:, 1:-1, 1:-1] + weights[f"{name}.bias"][:, None, None]


def conv_gru(weights: Weights, name: str, sequence: list[Floats]) -> Floats:
    """Equations 1 to 4."""
    h = np.zeros_like(sequence[0])
    for m in sequence:
        W_z, W_r, W = np.split(convolution(weights, f"{name}.W", m), 3)
        U_z, U_r = np.split(convolution(weights, f"{name}.U_gates", h), 2)
        Z, R = sigmoid(W_z + U_z), sigmoid(W_r + U_r)
        candidate = np.tanh(W + convolution(weights, f"{name}.U", R * h))
        h = (1 - Z) * h + Z * candidate
    return h


def branch(weights: Weights, name: str, sequence: list[Floats], halvings: int) -> Floats:
    for layer in range(halvings):
        sequence = [np.maximum(convolution(weights, f"{name}.{layer}.convolution", m, stride=2), 0) for m in sequence]
    return conv_gru(weights, f"{name}.{halvings}", sequence)


def local_features(weights: Weights, M: list[Floats], halvings: int) -> Floats:
    """Section 3.2: M_p = m_0 .. m_tau and M_f = m_(L-1) .. m_tau."""
    tau = (len(M) - 1) // 2
    m_p = branch(weights, "LTE.history", [M[t] for t in range(tau + 1)], halvings)
    m_f = branch(weights, "LTE.future", [M[t] for t in range(len(M) - 1, tau - 1, -1)], halvings)
    both = np.concatenate((m_f, m_p))
    for layer in range(halvings):
        both = np.maximum(deconvolution(weights, f"LTE.restore.{layer}.deconvolution", both), 0)
    return convolution(weights, "LTE.fuse", both)


def rotation(six: Floats) -> Floats:
    """Zhou et al. 2019: two columns, made orthonormal, and the third."""
    a, b = six[0::2], six[1::2]
    a = a / np.linalg.norm(a)
    b = b - (a @ b) * a
    b = b / np.linalg.norm(b)
    return np.stack((a, b, np.cross(a, b)), axis=1)


def marker_places(weights: Weights, pose: Floats, betas: Floats) -> Floats:
    """(26, 3) metres from the pelvis: each joint's frame carries its share of a marker."""
    joints = weights["RRM.markers.joints"] + weights["RRM.markers.joint_shapedirs"] @ betas
    markers = weights["RRM.markers.skin.template"] + weights["RRM.markers.skin.shapedirs"] @ betas
    turned, places = [rotation(pose[0])], [np.zeros(3)]
    for joint in range(1, 24):
        parent = PARENTS[joint]
        places.append(places[parent] + turned[parent] @ (joints[joint] - joints[parent]))
        turned.append(turned[parent] @ rotation(pose[joint]))
    return np.array(
        [
            sum(
                share * (places[joint] + turned[joint] @ (marker - joints[joint])) for joint, share in enumerate(shares)
            )
            for marker, shares in zip(markers, weights["RRM.markers.skin.weights"], strict=True)
        ]
    )


def seen_in_crop(points: Floats, camera: Floats, v_cliff: Floats) -> Floats:
    """Equations 5 and 6, and CLIFF's t^full, in pixels of an image whose lens and middle make no difference."""
    focal, middle = 1234.0, np.array([950.0, 420.0])
    centre, size = middle + focal * v_cliff[:2], focal * v_cliff[2]
    s, tx, ty = camera
    t_full = np.array(
        [
            tx + 2 * (centre[0] - middle[0]) / (size * s),
            ty + 2 * (centre[1] - middle[1]) / (size * s),
            2 * focal / (size * s),
        ]
    )
    full = [focal * (point + t_full)[:2] / (point + t_full)[2] + middle for point in points]
    return np.array([(j - centre) / (size / 2) for j in full])


def window(picture: Floats, place: Floats, radius: int) -> list[float]:
    """Equation 7, in pixels; between pixels by bilinear interpolation, nothing beyond the picture's border."""
    height, width = picture.shape
    x, y = (place + 1) / 2 * (width, height) - 0.5

    def at(row: int, column: int) -> float:
        return picture[row, column] if 0 <= row < height and 0 <= column < width else 0.0

    values = []
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            row, column = int(np.floor(y + dy)), int(np.floor(x + dx))
            down, right = y + dy - row, x + dx - column
            values.append(
                (1 - down) * ((1 - right) * at(row, column) + right * at(row, column + 1))
                + down * ((1 - right) * at(row + 1, column) + right * at(row + 1, column + 1))
            )
    return values


def regressor(weights: Weights, name: str, H: Floats, v_cliff: Floats) -> Floats:
    """Figure 3b: a hidden layer for each of the 26 states, then six numbers for a joint, ten for the shape, three."""
    answers = []
    for n in range(26):
        layer = weights[f"{name}.hidden.weight"][n] @ np.concatenate((H[n], v_cliff))
        hidden = np.maximum(layer + weights[f"{name}.hidden.bias"][n], 0)
        if n < 24:
            answers.append(weights[f"{name}.pose.weight"][n] @ hidden + weights[f"{name}.pose.bias"][n])
        else:
            answers.append(linear(weights, f"{name}.{'shape' if n == 24 else 'camera'}", hidden))
    return np.concatenate(answers)


def gru_cell(weights: Weights, n: int, s: Floats, h: Floats) -> Floats:
    """Cho et al. 2014, the n-th of 26."""
    size = len(h)
    own = slice(n * 3 * size, (n + 1) * 3 * size)
    of_signal = weights["RRM.GRUs.of_signal.weight"][own] @ s + weights["RRM.GRUs.of_signal.bias"][own]
    of_state = weights["RRM.GRUs.of_state.weight"][n] @ h + weights["RRM.GRUs.of_state.bias"][n]
    (s_r, s_z, s_n), (h_r, h_z, h_n) = np.split(of_signal, 3), np.split(of_state, 3)
    z = sigmoid(s_z + h_z)
    return (1 - z) * np.tanh(s_n + sigmoid(s_r + h_r) * h_n) + z * h


def by_the_book(
    weights: Weights, F: Floats, M: Floats, v_cliff: Floats, seen: list[bool], sizes: Sizes
) -> list[Floats]:
    """Phi_init and the five estimates that follow it, (157,) each.

    Args:
        weights: the network's, and what it holds fixed.
        F: (9, features).
        M: (5, D, h, w), of the frames about the middle one.
        v_cliff: (3,) of the middle frame.
        seen: whether the person was, in each of the nine.
        sizes: which the weights do not tell.
    """
    frames = []
    for t, f in enumerate(F):
        projected = linear(weights, "project", f)
        width = len(projected)
        for i in range(width // 2):
            angle = t / 10000 ** (2 * i / width)
            projected[2 * i] += np.sin(angle)
            projected[2 * i + 1] += np.cos(angle)
        frames.append(projected)
    layer = 0
    while f"GTE.transformer.layers.{layer}.norm1.weight" in weights:
        frames = transformer_layer(weights, f"GTE.transformer.layers.{layer}", frames, seen, sizes.heads)
        layer += 1
    f = sum(w * frame for w, frame in zip(weights["GTE.weighted_average.weight"].flatten(), frames, strict=True))
    H = np.tanh(linear(weights, "GTE.hidden_states", f)).reshape(26, -1)
    upright = np.array([1.0, 0, 0, -1.0, 0, 0])  # the first columns of diag(1, -1, -1), row by row
    identity = np.array([1.0, 0, 0, 1.0, 0, 0])
    mean = np.concatenate((upright, np.tile(identity, 23), np.zeros(10), [0.9, 0.0, 0.0]))
    phis = [mean + regressor(weights, "GTE.regressor", H, v_cliff)]

    m = local_features(weights, list(M), sizes.halvings)
    of_markers = weights["RRM.marker_maps.weight"][:, :, 0, 0]
    pictures = np.einsum("kd,dyx->kyx", of_markers, m)
    for _ in range(sizes.steps):
        phi = phis[-1]
        J = marker_places(weights, phi[:144].reshape(24, 6), phi[144:154])
        j = seen_in_crop(J, phi[154:], v_cliff)
        sampled = [
            value for picture, place in zip(pictures, j, strict=True) for value in window(picture, place, sizes.radius)
        ]
        s = np.concatenate((sampled, phi, v_cliff))  # eq. 8
        H = np.array([gru_cell(weights, n, s, H[n]) for n in range(26)])  # eq. 9
        phis.append(phi + regressor(weights, "RRM.regressor", H, v_cliff))
    return phis
