"""Makes the golden features with torchvision's ResNet-50 and timm's HRNet, which are independent of this program.

    python tests/backend/features/image_backbones/make_golden.py

Run it in an environment of its own, with numpy, torch, torchvision and timm installed. Weights and crops are authored,
see ``authored.py``: nothing is downloaded.
"""

import json
from pathlib import Path

import timm
import torch
import torchvision
from authored import authored_crops, authored_weights
from torch import Tensor
from torch.nn.functional import interpolate

GOLDEN = Path(__file__).parent / "golden" / "features.json"
#: Every so many channels and places are kept.
CHANNEL_STEP, PLACE_STEP = 31, 5


def sample(features: Tensor, maps: Tensor) -> dict[str, list[float]]:
    """Some of a crop's numbers, to seven digits."""
    return {
        "global_features": digits(features[0, ::CHANNEL_STEP]),
        "local_maps": digits(maps[0, ::CHANNEL_STEP, ::PLACE_STEP, ::PLACE_STEP]),
    }


def digits(numbers: Tensor) -> list[float]:
    return [float(f"{number:.7g}") for number in numbers.flatten().tolist()]


@torch.no_grad()
def resnet50() -> dict[str, list[float]]:
    network = torchvision.models.resnet50().eval()
    weights = authored_weights({name: value for name, value in network.state_dict().items() if name[:2] != "fc"})
    network.load_state_dict(weights, strict=False)
    network.fc = torch.nn.Identity()
    kept = []
    network.layer4.register_forward_hook(lambda _network, _given, maps: kept.append(maps))
    features = network(authored_crops(1, 224))
    return sample(features, kept[0])


@torch.no_grad()
def hrnet_w32() -> dict[str, list[float]]:
    network = timm.create_model("hrnet_w32", pretrained=False).eval()
    heads = ("incre_modules", "downsamp_modules", "final_layer", "classifier")
    names = {name: value for name, value in network.state_dict().items() if not name.startswith(heads)}
    network.load_state_dict(authored_weights(names), strict=False)
    maps = network.act1(network.bn1(network.conv1(authored_crops(1, 128))))
    branches = network.stages(network.act2(network.bn2(network.conv2(maps))))
    side = branches[0].shape[-1]
    together = torch.cat([interpolate(one, (side, side), mode="bilinear", align_corners=False) for one in branches], 1)
    return sample(branches[-1].mean((-2, -1)), together)


if __name__ == "__main__":
    made_with = {"torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__}
    golden = {"made_with": made_with, "resnet50": resnet50(), "hrnet_w32": hrnet_w32()}
    GOLDEN.write_text(json.dumps(golden, indent=None))
