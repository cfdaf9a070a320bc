"""The five networks, small enough to test many times, and features for them."""

from collections.abc import Callable

import torch

from backend.models import rotation6d
from backend.models.frame_features import FrameFeatures
from backend.models.mps_net import MPSNet, MPSNetConfig
from backend.models.sps_net import SPSNet, SPSNetConfig
from backend.models.stc_net import STCNet, STCNetConfig
from backend.models.str_net import STRNet, STRNetConfig
from backend.models.tar import TAR, TARConfig
from backend.models.temporal_network import TemporalNetwork

FEATURES = 32
LOCAL_CHANNELS, LOCAL_SIZE = 8, 16


def features(length: int, seed: int = 0, batch: int = 1) -> FrameFeatures:
    """Random features with every field, so that any network finds what it needs."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(batch, length, *shape, generator=generator)

    return FrameFeatures(
        global_features=noise(FEATURES),
        observed=torch.ones(batch, length, dtype=torch.bool),
        local_maps=noise(LOCAL_CHANNELS, LOCAL_SIZE, LOCAL_SIZE),
        initial_pose6d=rotation6d.identity(batch, length, 24) + 0.3 * noise(24, 6),
        initial_betas=0.5 * noise(10),
        initial_camera=torch.tensor([0.9, 0.0, 0.0]) + 0.1 * noise(3),
        box_information=0.2 * noise(3),
    )


#: Name -> a tiny network of that kind, freshly initialised (seed with torch.manual_seed), in evaluation mode.
TINY: dict[str, Callable[[], TemporalNetwork]] = {
    "mps-net": lambda: MPSNet(MPSNetConfig(features=FEATURES, attention=16, regressor=64)).eval(),
    # its answer is affine in few fused features, so that it can learn few frames by heart
    "sps-net": lambda: SPSNet(SPSNetConfig(features=FEATURES, frames=4, forecast_slope=1.0, hidden=64)).eval(),
    "stc-net": lambda: STCNet(
        STCNetConfig(
            map_channels=LOCAL_CHANNELS, pooled=4, features=FEATURES, spatial=64, lifted=16, regressor=64, hidden=48
        )
    ).eval(),
    "str-net": lambda: STRNet(STRNetConfig(features=FEATURES, channels=128, integration=16, regressor=128)).eval(),
    "tar": lambda: TAR(
        TARConfig(
            features=FEATURES,
            width=32,
            feedforward=64,
            heads=4,
            layers=2,
            local_channels=LOCAL_CHANNELS,
            local_size=LOCAL_SIZE,
            hidden_size=LOCAL_SIZE // 2,
            radius=1,
        )
    ).eval(),
}
