"""TAR (Chen et al. 2023, Temporal-Aware Refinement for Video-based Human Pose and Shape Recovery).

Global features of nine frames give a first estimate for the one in the middle; local feature maps of the five frames
about it, read where the estimated body's markers are seen, correct it in five steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT

from . import rotation6d
from .crop_camera import points_in_crop
from .frame_features import Estimate, FrameFeatures
from .markers import MARKER_COUNT, MarkerBody, Markers, embedded_markers
from .precision import in_full_precision
from .regressor import CAMERA_SIZE, MEAN_CAMERA, POSE_SIZE
from .temporal_network import Frames, TemporalNetwork, one_frame_out

#: Phi: pose, shape and camera.
PHI_SIZES = (POSE_SIZE, BETA_COUNT, CAMERA_SIZE)
#: v^cliff, the box information.
CLIFF_SIZE = 3
#: Hidden states: one for each joint's rotation, one for the shape, one for the camera.
STATE_COUNT = JOINT_COUNT + 2


@dataclass(frozen=True)
class TARConfig:
    """Sizes; the paper's, for HRNet-W48, by default.

    Attributes:
        length: frames in a window, T.
        local_length: frames about the middle one whose local maps are read, L.
        features: numbers of a frame's global features.
        width: of the transformer.
        feedforward: of the transformer's layers.
        heads: of the transformer's layers.
        layers: of the transformer.
        local_channels: of the local feature maps, D.
        local_size: sides of the local feature maps, h = w.
        hidden_size: sides of the ConvGRUs' hidden maps, S: ``local_size`` halved any number of times.
        state: size of each hidden state of the refinement.
        steps: of the refinement.
        radius: of the windows about the markers, r, pixels of the local maps.
    """

    length: int = 9
    local_length: int = 5
    features: int = 384
    width: int = 512
    feedforward: int = 2048
    heads: int = 8
    layers: int = 4
    local_channels: int = 256
    local_size: int = 64
    hidden_size: int = 64
    state: int = 32
    steps: int = 5
    radius: int = 3


PAPER = TARConfig()
#: A pixel of the small maps is wide: a window of radius 1 spans as much of the box as one of radius 5 in the paper's.
LANDMARK = TARConfig(
    features=512,
    width=256,
    feedforward=1024,
    heads=4,
    layers=3,
    local_channels=32,
    local_size=16,
    hidden_size=16,
    radius=1,
)


class TAR(TemporalNetwork):
    """Reads T frames and answers for the middle one.

    Readings, where the paper leaves a choice. They meet its table S3 within 2 %, the backbone excluded: with S = 64,
    32, 16 and 8 there are 25.2, 29.7, 34.1 and 38.6 M parameters and 183.9, 71.2, 43.0 and 36.0 GFLOPs a window.

    - The table's network reads HRNet-W48, of which Wang and Daniilidis (2023, ReFit), whom the paper follows, use 384
      numbers, the mean of the coarsest maps. With ResNet-50's 2048 the projection has 0.85 M parameters more.
    - Equation 2 prints U_z for the reset gate; the table asks for a U_r of its own. The branches share no weights. The
      first step's convolutions of a hidden map of zeros are computed, as the table counts them.
    - For S < 64 each branch halves its maps with 4x4 convolutions of stride 2; 3x3 deconvolutions of stride 2 bring
      both branches' maps together back to 64, where the projection, 3x3 as always, follows.
    - As in ReFit, the k-th marker reads the k-th of 26 channels, to which a 1x1 convolution brings m. The distance in
      equation 7 is the larger of both coordinates', so that a window has 49 values; outside the map they are zero.
    - As in ReFit, no gradient goes from step to step through the estimate: each step's loss teaches that step's update,
      and those before it through the hidden states. It follows that the first estimate's regressor learns from its own
      loss only: train on ``steps``, the later counting more (eq. 14).
    - The GRUs' hidden states start within the bounds that a GRU keeps to, so a tanh follows the layer that makes them.
    - The initial regressor and the 26 of the refinement have one form, ReFit's: a hidden layer, and v^cliff beside the
      hidden state. Rotations have six numbers. The updates start from an upright body that faces the camera.

    Attention goes to frames in which the person was seen.

    Windows share the projection of each frame's global features only. What the ConvGRUs make of their inputs (W * m_t
    in equations 1 to 3, half of their work) could be shared too, which would save a third of it. But in the paper's
    size there would be 25 MB to keep for each frame and for each window that holds it, instead of 4 MB, and a window
    on its own would cost twice as much, for it reads nine frames, of which five have a part in it.

    Args:
        config: sizes.
        markers: on the body which the network's answers are worn by; the embedded body's if not given.
    """

    needs = ("global_features", "local_maps", "box_information")

    def __init__(self, config: TARConfig = PAPER, markers: Markers | None = None) -> None:
        super().__init__()
        self.config = config
        self.middle = (config.length - 1) // 2
        self.window = one_frame_out(config.length, self.middle)
        self.project = nn.Linear(config.features, config.width)
        self.GTE = GlobalTemporalEncoder(config)
        self.LTE = LocalTemporalEncoder(config)
        self.RRM = RecurrentRefinementModule(config, embedded_markers() if markers is None else markers)

    def per_frame(self, features: FrameFeatures) -> dict[str, Tensor]:
        """Projected global features, and what is read as it is."""
        assert features.local_maps is not None
        assert features.box_information is not None
        return {
            "F": self.project(features.global_features),  # (B, T, width)
            "M": features.local_maps,  # (B, T, D, h, w)
            "v_cliff": features.box_information,  # (B, T, 3)
        }

    def over_window(self, frames: Frames) -> Estimate:
        """Both encoders, then the refinement; ``steps`` are the initial estimate and all refined ones but the last."""
        first = self.middle - (self.config.local_length - 1) // 2
        v_cliff = frames.work["v_cliff"][:, self.middle]  # (B, 3)
        H, phi = self.GTE(frames.work["F"], frames.observed, v_cliff)  # (B, 26, state), (B, 157)
        m = self.LTE(frames.work["M"][:, first : first + self.config.local_length])  # (B, D, h, w)
        *before, last = (_unpacked(phi) for phi in (phi, *self.RRM(H, phi, m, v_cliff)))
        indices = frames.frame_indices[:, self.middle, None]  # (B, 1)
        steps = tuple(Estimate(*parts, indices) for parts in before)
        return Estimate(*last, indices, steps=steps)


def _unpacked(phi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, 157) -> (B, 1, 24, 6), (B, 1, 10) and (B, 1, 3)."""
    pose, betas, camera = phi[:, None].split(PHI_SIZES, dim=-1)
    return pose.unflatten(-1, (JOINT_COUNT, 6)), betas, camera


class GlobalTemporalEncoder(nn.Module):
    """Section 3.1: temporal global features of the middle frame, and the hidden states and estimate they give."""

    positions: Tensor
    phi_mean: Tensor

    def __init__(self, config: TARConfig) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(config.width, config.heads, config.feedforward, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.weighted_average = nn.Conv1d(config.length, 1, kernel_size=1, bias=False)
        nn.init.constant_(self.weighted_average.weight, 1 / config.length)
        self.hidden_states = nn.Linear(config.width, STATE_COUNT * config.state)
        self.regressor = DisentangledRegressor(config.state)
        self.register_buffer("positions", _sinusoids(config.length, config.width), persistent=False)
        self.register_buffer("phi_mean", _mean_phi(), persistent=False)

    @in_full_precision
    def forward(self, F: Tensor, observed: Tensor, v_cliff: Tensor) -> tuple[Tensor, Tensor]:
        """Finds where the refinement starts.

        Args:
            F: (B, T, width) projected features.
            observed: (B, T) bool.
            v_cliff: (B, 3) box information.

        Returns:
            H_init (B, 26, state) and Phi_init (B, 157).
        """
        hidden = ~observed & observed.any(dim=1, keepdim=True)  # where nobody was seen, all frames count
        F = self.transformer(F + self.positions, src_key_padding_mask=hidden)
        f = self.weighted_average(F).squeeze(1)  # (B, T, width) -> (B, width)
        H_init = torch.tanh(self.hidden_states(f)).unflatten(-1, (STATE_COUNT, -1))
        return H_init, self.phi_mean + self.regressor(H_init, v_cliff)


def _sinusoids(length: int, width: int) -> Tensor:
    """(length, width) the positional encoding of Vaswani et al. (2017)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = torch.arange(length)[:, None] * rates
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)


def _mean_phi() -> Tensor:
    """(157,) a body of mean shape in the T-pose that stands upright in its crop and faces the camera."""
    pose = rotation6d.identity(JOINT_COUNT)
    pose[0] = rotation6d.from_matrix(torch.diag(torch.tensor([1.0, -1.0, -1.0])))
    return torch.cat((pose.flatten(), torch.zeros(BETA_COUNT), torch.tensor(MEAN_CAMERA)))


class LocalTemporalEncoder(nn.Module):
    """Section 3.2 and appendix B.1: a bidirectional ConvGRU, the middle frame being the last of both directions."""

    def __init__(self, config: TARConfig) -> None:
        super().__init__()
        D = config.local_channels
        halvings = int(math.log2(config.local_size // config.hidden_size))
        self.tau = (config.local_length - 1) // 2
        self.history, self.future = (
            nn.Sequential(*(_Halving(D) for _ in range(halvings)), ConvGRU(D)) for _ in range(2)
        )
        self.restore = nn.Sequential(*(_Doubling(2 * D) for _ in range(halvings)))
        self.fuse = nn.Conv2d(2 * D, D, kernel_size=3, padding=1)

    def forward(self, M: Tensor) -> Tensor:
        """(B, L, D, h, w) -> m (B, D, h, w)."""
        m_p = self.history(M[:, : self.tau + 1])  # (B, D, S, S)
        m_f = self.future(M[:, self.tau :].flip(1))
        return self.fuse(self.restore(torch.cat((m_f, m_p), dim=1)))


class _Halving(nn.Module):
    """(B, L, D, h, w) -> (B, L, D, h / 2, w / 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, kernel_size=4, stride=2, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.convolution(maps.flatten(0, 1)).relu().unflatten(0, maps.shape[:2])


class _Doubling(nn.Module):
    """(B, D, h, w) -> (B, D, 2 h, 2 w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.deconvolution = nn.ConvTranspose2d(
            channels, channels, kernel_size=3, stride=2, padding=1, output_padding=1
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.deconvolution(maps).relu()


class ConvGRU(nn.Module):
    """Equations 1 to 4 (Siam et al. 2017).

    Args:
        channels: of the maps read and of the hidden map, D.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.W = nn.Conv2d(channels, 3 * channels, kernel_size=3, padding=1)  # W_z, W_r, W
        self.U_gates = nn.Conv2d(channels, 2 * channels, kernel_size=3, padding=1, bias=False)  # U_z, U_r
        self.U = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)

    def forward(self, M: Tensor) -> Tensor:
        """(B, any length, D, h, w), in the order in which they are read -> the last hidden map (B, D, h, w)."""
        h = torch.zeros_like(M[:, 0])
        for m in M.unbind(1):
            w_z, w_r, w = self.W(m).chunk(3, dim=1)
            u_z, u_r = self.U_gates(h).chunk(2, dim=1)
            Z = torch.sigmoid(w_z + u_z)  # eq. 1
            R = torch.sigmoid(w_r + u_r)  # eq. 2
            h_tilde = torch.tanh(w + self.U(R * h))  # eq. 3
            h = (1 - Z) * h + Z * h_tilde  # eq. 4
        return h


class RecurrentRefinementModule(nn.Module):
    """Section 3.3: 26 GRUs, each of which sees all markers' windows, correct the estimate step by step."""

    def __init__(self, config: TARConfig, markers: Markers) -> None:
        super().__init__()
        self.steps, self.radius = config.steps, config.radius
        self.markers = MarkerBody(markers)
        self.marker_maps = nn.Conv2d(config.local_channels, MARKER_COUNT, kernel_size=1, bias=False)
        sampled = MARKER_COUNT * (2 * config.radius + 1) ** 2
        self.GRUs = ParallelGRUs(STATE_COUNT, sampled + sum(PHI_SIZES) + CLIFF_SIZE, config.state)
        self.regressor = DisentangledRegressor(config.state)

    @in_full_precision
    def forward(self, H: Tensor, phi: Tensor, m: Tensor, v_cliff: Tensor) -> list[Tensor]:
        """Refines an estimate.

        Args:
            H: (B, 26, state) hidden states.
            phi: (B, 157) the estimate so far.
            m: (B, D, h, w) temporal local features.
            v_cliff: (B, 3) box information.

        Returns:
            The estimate (B, 157) after each step.
        """
        maps = self.marker_maps(m)  # (B, 26, h, w)
        phis = []
        for _ in range(self.steps):
            phi = phi.detach()
            j = self.keypoints(phi, v_cliff)  # (B, 26, 2)
            sampled = windows(maps, j, self.radius)  # (B, 26, 49)
            s = torch.cat((sampled.flatten(1), phi, v_cliff), dim=1)  # eq. 8
            H = self.GRUs(s, H)  # eq. 9
            phi = phi + self.regressor(H, v_cliff)
            phis.append(phi)
        return phis

    def keypoints(self, phi: Tensor, v_cliff: Tensor) -> Tensor:
        """Equations 5 and 6: where the estimated body's markers are seen, (B, 26, 2), the box's sides at -1 and 1."""
        pose, betas, camera = phi.split(PHI_SIZES, dim=-1)
        J = self.markers(rotation6d.to_matrix(pose.unflatten(-1, (JOINT_COUNT, 6))), betas)  # (B, 26, 3)
        return points_in_crop(J, camera, v_cliff)


def windows(maps: Tensor, places: Tensor, radius: int) -> Tensor:
    """Equation 7: what maps hold about a place in each, row by row, between pixels by bilinear interpolation.

    Args:
        maps: (B, K, S, S).
        places: (B, K, 2) x and y in the k-th map, whose sides are at -1 and 1.
        radius: r, pixels.

    Returns:
        (B, K, (2 r + 1)^2); zeros outside the map.
    """
    offsets = torch.arange(-radius, radius + 1, device=maps.device) * (2 / maps.shape[-1])
    y, x = torch.meshgrid(offsets, offsets, indexing="ij")
    grid = places[:, :, None, None] + torch.stack((x, y), dim=-1)  # (B, K, 2 r + 1, 2 r + 1, 2)
    sampled = grid_sample(maps.to(grid.dtype).flatten(0, 1)[:, None], grid.flatten(0, 1), align_corners=False)
    return sampled.view(*maps.shape[:2], -1)


class ParallelLinear(nn.Module):
    """Layers side by side, each with weights and an input of its own.

    Args:
        count: of the layers.
        inputs: numbers that each reads.
        outputs: numbers that each gives.
    """

    def __init__(self, count: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(count, outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(count, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(B, count, inputs) -> (B, count, outputs)."""
        return torch.einsum("bni,noi->bno", x, self.weight) + self.bias


class ParallelGRUs(nn.Module):
    """GRU cells side by side which all read the same signal; each is torch's ``nn.GRUCell``.

    Args:
        count: of the cells.
        inputs: numbers of the signal.
        state: numbers of each hidden state.
    """

    def __init__(self, count: int, inputs: int, state: int) -> None:
        super().__init__()
        self.of_signal = nn.Linear(inputs, count * 3 * state)
        self.of_state = ParallelLinear(count, state, 3 * state)

    def forward(self, s: Tensor, h: Tensor) -> Tensor:
        """(B, inputs) and (B, count, state) -> the next (B, count, state)."""
        s_r, s_z, s_n = self.of_signal(s).unflatten(-1, (h.shape[1], -1)).chunk(3, dim=-1)
        h_r, h_z, h_n = self.of_state(h).chunk(3, dim=-1)
        r, z = torch.sigmoid(s_r + h_r), torch.sigmoid(s_z + h_z)
        n = torch.tanh(s_n + r * h_n)
        return (1 - z) * n + z * h


class DisentangledRegressor(nn.Module):
    """26 regressors with one hidden layer, each of which reads one hidden state and the box information (figure 3b)."""

    def __init__(self, state: int) -> None:
        super().__init__()
        self.hidden = ParallelLinear(STATE_COUNT, state + CLIFF_SIZE, state)
        self.pose = ParallelLinear(JOINT_COUNT, state, 6)
        self.shape = nn.Linear(state, BETA_COUNT)
        self.camera = nn.Linear(state, CAMERA_SIZE)
        for decoder in (self.pose, self.shape, self.camera):
            nn.init.normal_(decoder.weight, std=0.002)  # the first updates are small, as SPIN's are
            nn.init.zeros_(decoder.bias)

    def forward(self, H: Tensor, v_cliff: Tensor) -> Tensor:
        """(B, 26, state) and (B, 3) -> Delta Phi (B, 157)."""
        v_cliff = v_cliff[:, None].expand(-1, STATE_COUNT, -1)
        hidden = self.hidden(torch.cat((H, v_cliff), dim=-1)).relu()  # (B, 26, state)
        pose = self.pose(hidden[:, :JOINT_COUNT]).flatten(1)
        betas, camera = self.shape(hidden[:, JOINT_COUNT]), self.camera(hidden[:, JOINT_COUNT + 1])
        return torch.cat((pose, betas, camera), dim=-1)
