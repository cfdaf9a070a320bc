"""STR-Net: spatio-temporal tendency reasoning.

Zhang et al., Spatio-temporal Tendency Reasoning for Human Body Pose and Shape Estimation from Videos (2022).

Where the paper leaves sizes open, they are such that the network, with ResNet-50, both regressors and SMPL's pose, has
the 127.19 million parameters that its authors state (github.com/Changboyang/STR) beside TCMR's 108.89 million:
bidirectional GRUs whose two directions together have the features' size, so that they can be added as eq. 1 asks (three
in TTR, and one each in STE and in the integration strategies, where the paper writes GRU without an index); a
convolution that keeps to each channel; one integration network each for eq. 6 and 7, and one, of two features, for all
of Algorithm 1. What else is open:

- Which frames are answered for: all. Eq. 1 to 5 and the loss run over t = 1..T, no frame is named as the current one,
  and what the GRU of the fourth fragment says reaches the fourth fragment alone. Windows follow each other by a
  fragment, so that a frame is answered for as a part of each of the four, and the mean is taken.
- Eq. 1 reads GRU(F_i^o), where F_i^o is what it defines. It is taken for GRU(F_i), as the text has it.
- Self-integration makes one feature of the T / 2 frames of a part: neighbours are integrated in pairs, and their
  results again, N = 3 times. F_SF then belongs to the whole window, and F_CF(t) to the frames t of both parts.
- The FFT followed by its inverse would give F back and highlight nothing. Between them stand gains, one for each
  frequency, which begin at 1: that is the formula as printed, and training may raise what moves fast.
- No ReLU stands right before the softmax of an integration network: where it let nothing through, nothing would be
  learned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .affinity import softmax_of_visible
from .frame_features import Estimate, FrameFeatures
from .regressor import IterativeRegressor
from .temporal_network import Frames, TemporalNetwork, Window

LENGTH = 16  # T
FRAGMENTS = 4
PARTS = 2  # c_1 and c_2
ROUNDS = 3  # N: from T / 2 = 8 frames to one


@dataclass(frozen=True)
class STRNetConfig:
    """Sizes; the paper's by default.

    Attributes:
        features: numbers of the feature vector of a frame.
        channels: numbers that each frame has inside, C; other than ``features``, a linear layer leads to them.
        integration: hidden size of the integration networks.
        regressor: hidden size of the regressor.
    """

    features: int = 2048
    channels: int = 2048
    integration: int = 256
    regressor: int = 1024


PAPER = STRNetConfig()
LANDMARK = STRNetConfig(features=512, channels=352, integration=128, regressor=512)


class TemporalTendencyReasoning(nn.Module):
    """TTR, section 2.2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.grus = nn.ModuleList(_gru(channels) for _ in range(FRAGMENTS - 1))

    def forward(self, F: Tensor) -> Tensor:
        """F_ttr: (B, T, C) -> (B, T, C)."""
        first, *others = F.chunk(FRAGMENTS, dim=1)  # (B, T / 4, C) each
        results = [first]
        for fragment, gru in zip(others, self.grus, strict=True):
            results.append(gru(fragment)[0] + results[-1])  # eq. 1
        return F + torch.cat(results, dim=1)  # eq. 2


class SpatialTendencyEnhancing(nn.Module):
    """STE, section 2.3: in the domain of time (a) and of frequency (b)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        # borders see copies of themselves, so that somebody who stands still does not move there
        self.convolution = nn.Conv1d(
            channels, channels, 3, padding=1, padding_mode="replicate", groups=channels, bias=False
        )
        self.gains = nn.Parameter(torch.ones(LENGTH // 2 + 1))
        self.gru = _gru(channels)

    def forward(self, F: Tensor) -> tuple[Tensor, Tensor]:
        """STEF_1 and STEF_2: (B, T, C) -> twice (B, T, C)."""
        F_G, F_fft_G = self.gru(torch.cat((F, self.highlighted(F))))[0].chunk(2)
        M_1 = self.difference(F)
        A_1 = M_1.mean(1, keepdim=True).sigmoid()  # (B, 1, C), eq. 4
        M_2 = F_G - F  # eq. 5
        A_2 = M_2.mean(1, keepdim=True).sigmoid()
        return F_G * A_1, F_fft_G * A_2

    def difference(self, F: Tensor) -> Tensor:
        """M_1, how else the convolved features change from frame to frame: (B, T, C) -> (B, T - 1, C) (eq. 3)."""
        S_F = self.convolution(F.transpose(1, 2)).transpose(1, 2)
        return S_F.diff(dim=1) - F.diff(dim=1)

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # it has no code for complex numbers
    def highlighted(self, F: Tensor) -> Tensor:
        """F_fft, frequencies amplified by their gains: (B, T, C) -> (B, T, C)."""
        frequencies = torch.fft.rfft(F.float(), dim=1)  # (B, T / 2 + 1, C)
        return torch.fft.irfft(frequencies * self.gains[:, None], n=F.shape[1], dim=1).to(F.dtype)


class Integration(nn.Module):
    """The integration network: a weighted sum of a set of features (section 2.4).

    Args:
        members: features in a set.
        channels: size of a feature.
        hidden: size of the layers; each feature is brought to it before they are joined.
    """

    def __init__(self, members: int, channels: int, hidden: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, hidden)
        self.weigh = nn.Sequential(
            nn.ReLU(),
            nn.Linear(members * hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, members),
        )

    def weights(self, features: Tensor, visible: Tensor | None = None) -> Tensor:
        """(..., members, C) -> (..., members), which sum to 1.

        Members that are not ``visible`` (..., members) weigh nothing; where none is, all count.
        """
        scores = self.weigh(self.reduce(features).flatten(-2))
        return scores.softmax(-1) if visible is None else softmax_of_visible(scores, visible)

    def forward(self, features: Tensor, visible: Tensor | None = None) -> Tensor:
        """(..., members, C) -> (..., C)."""
        return (self.weights(features, visible).unsqueeze(-1) * features).sum(-2)


class IntegrationStrategies(nn.Module):
    """Algorithm 1."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.gru = _gru(channels)
        self.integration = Integration(2, channels, hidden)

    def forward(self, F: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        """F_SF and F_CF: (B, T, C) and (B, T) -> twice (B, T, C)."""
        parts = self.gru(F.unflatten(1, (PARTS, -1)).flatten(0, 1))[0]  # (B * 2, T / 2, C)
        parts = parts.unflatten(0, (-1, PARTS))  # (B, 2, T / 2, C)
        seen = observed.unflatten(1, (PARTS, -1))  # (B, 2, T / 2)
        integrated, any_seen = parts, seen
        for _ in range(ROUNDS):
            pairs, pairs_seen = integrated.unflatten(2, (-1, 2)), any_seen.unflatten(2, (-1, 2))
            integrated, any_seen = self.integration(pairs, pairs_seen), pairs_seen.any(-1)  # (B, 2, half as many, C)
        F_SF = self.integration(integrated.squeeze(2), any_seen.squeeze(2))  # (B, C)
        F_CF = self.integration(parts.transpose(1, 2), seen.transpose(1, 2))  # (B, T / 2, C)
        return F_SF[:, None].expand_as(F), F_CF.repeat(1, PARTS, 1)


class STRNet(TemporalNetwork):
    """Reads T frames and answers for all of them."""

    def __init__(self, config: STRNetConfig = PAPER) -> None:
        super().__init__()
        self.window = Window(LENGTH, LENGTH // FRAGMENTS, range(LENGTH), 0)
        channels = config.channels
        self.resize = nn.Identity() if config.features == channels else nn.Linear(config.features, channels)
        self.ttr = TemporalTendencyReasoning(channels)
        self.ste = SpatialTendencyEnhancing(channels)
        self.integration_str = Integration(3, channels, config.integration)
        self.strategies = IntegrationStrategies(channels, config.integration)
        self.integration = Integration(3, channels, config.integration)
        self.regressor = IterativeRegressor(channels, config.regressor)

    def per_frame(self, features: FrameFeatures) -> dict[str, Tensor]:
        """F, the features in the network's size."""
        return {"F": self.resize(features.global_features)}

    def over_window(self, frames: Frames) -> Estimate:
        """Figure 2, from F to the regressor."""
        F = frames.work["F"]  # (B, T, C)
        F_STR = self.integration_str(torch.stack((self.ttr(F), *self.ste(F)), dim=2))  # eq. 6
        F_SF, F_CF = self.strategies(F, frames.observed)
        Z = self.integration(torch.stack((F_SF, F_STR, F_CF), dim=2))  # (B, T, C), eq. 7
        pose6d, betas, camera = self.regressor(Z)
        return Estimate(pose6d, betas, camera, frames.frame_indices)


def _gru(channels: int) -> nn.GRU:
    """(B, any number of frames, channels) -> the same, half of them from the past and half from the future."""
    return nn.GRU(channels, channels // 2, batch_first=True, bidirectional=True)
