"""SPS-Net (Chen, Piccirilli, Piramuthu, Yang 2021, Self-attentive 3D Human Pose and Shape Estimation from Videos)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .frame_features import Estimate, FrameFeatures
from .regressor import IterativeRegressor
from .self_attention import SelfAttention
from .temporal_network import Frames, TemporalNetwork, Window


@dataclass(frozen=True)
class SPSNetConfig:
    """Sizes; the defaults are the paper's (section 4.1).

    Attributes:
        features: d, of a frame's feature and all that is made of it.
        frames: N, answered for together.
        forecast_slope: of the forecast's LeakyReLU below zero. ResNet-50's features are never negative, so a small one
            does not bind the forecast; features of either sign need 1.
        hidden: of the regressors' two layers.
    """

    features: int = 2048
    frames: int = 32
    forecast_slope: float = 0.01
    hidden: int = 1024


PAPER = SPSNetConfig()
LANDMARK = SPSNetConfig(features=512, forecast_slope=1.0)


class SPSNet(TemporalNetwork):
    """Self-attention over all frames and a forecast from the frame before, fused and regressed to a body.

    Readings, where the paper leaves a choice:

    - The text gives the forecasting module two layers of 2048, which would make 55.63 M parameters with HMR; the
      paper's tables 1 and 3 (51.43 M, and 47.23 M without the module) have room for one. There is one.
    - The same tables have room for one regressor of HMR's size, so R_shape, R_pose and R_camera are the three decoders
      of one :class:`IterativeRegressor`. R_shape reads all fused features: as all of the regressor is affine, the mean
      of the shapes that it finds for each of them is the shape that it finds for their mean.
    - A window is the paper's N frames and the one before, which is only there to forecast the first of them. Where
      there is none, at the beginning of a sequence, F_1 = h_1 as in the paper; likewise after a frame in which the
      person was not seen. Such frames, and those in which the person is not seen, tell nothing of the shape unless all
      are such.
    - Attention goes to frames of the sequence in which the person was seen; it takes any number of them, so copies that
      fill a window beyond the sequence get none.
    - Windows follow each other by half their length, and the runner fades from one's answer to the other's.

    The bias of the fusion's layer moves both of its weights alike, which the softmax undoes; it is there because the
    paper's layer has one.

    An estimate's auxiliary values are those that the feature loss (eq. 3) reads, "features" f_i and "forecast" f'_i,
    each (B, N, d), and "forecast_counts" (B, N) bool, where the person was seen in frame i and in the one before; and
    "attention" a (B, N, N).
    """

    def __init__(self, config: SPSNetConfig = PAPER) -> None:
        super().__init__()
        self.window = Window(config.frames + 1, config.frames // 2, range(1, config.frames + 1), first=-1)
        self.attention = SelfAttention(config.features)
        self.forecasting = nn.Sequential(
            nn.Linear(config.features, config.features), nn.LeakyReLU(config.forecast_slope)
        )
        self.fusion = FeatureFusion(config.features)
        self.regressor = IterativeRegressor(config.features, config.hidden)

    def per_frame(self, features: FrameFeatures) -> dict[str, Tensor]:
        f = features.global_features  # (B, T, d)
        q, k = self.attention.vectors(f)
        return {"f": f, "q": q, "k": k, "forecast_of_next": self.forecasting(f)}

    def over_window(self, frames: Frames) -> Estimate:
        f, q, k = (frames.work[name][:, 1:] for name in ("f", "q", "k"))  # (B, N, d)
        forecast = frames.work["forecast_of_next"][:, :-1]  # (B, N, d), f'_i = F(f_{i-1})
        seen = frames.observed & frames.inside  # (B, N + 1)
        seen, seen_before = seen[:, 1:], seen[:, :-1]

        h, a = self.attention.latent(f, q, k, seen)
        fused = self.fusion(h, forecast, seen_before)  # (B, N, d), F_i
        pose6d, shapes, camera = self.regressor(fused)
        beta = _mean_over(shapes, seen & seen_before)  # (B, 1, 10)
        return Estimate(
            pose6d,
            beta.expand_as(shapes),
            camera,
            frames.frame_indices[:, 1:],
            auxiliary={
                "features": f,
                "forecast": forecast,
                "forecast_counts": seen & seen_before,
                "attention": a,
            },
        )


class FeatureFusion(nn.Module):
    """Weighs what attention and forecast say of a frame by one layer that both share (section 3.4, figure 4)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.fc = nn.Linear(size, 1)

    def forward(self, h: Tensor, forecast: Tensor, known: Tensor) -> Tensor:
        """F_i = a_h h_i + a_f' f'_i, and F_i = h_i where there is no forecast.

        Args:
            h: (B, N, d) latent representations.
            forecast: (B, N, d) f'.
            known: (B, N) bool, where there is a forecast.

        Returns:
            (B, N, d).
        """
        forecast_score = self.fc(forecast).masked_fill(~known[..., None], -torch.inf)
        weights = torch.cat((self.fc(h), forecast_score), dim=-1).softmax(dim=-1)  # (B, N, 2)
        return weights[..., :1] * h + weights[..., 1:] * forecast


def _mean_over(values: Tensor, counted: Tensor) -> Tensor:
    """The mean (B, 1, n) of those of the values (B, N, n) that are counted (B, N); where none is, of all."""
    counted = counted | ~counted.any(dim=1, keepdim=True)
    weights = counted.to(values.dtype)[..., None]  # (B, N, 1)
    return (values * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True)
