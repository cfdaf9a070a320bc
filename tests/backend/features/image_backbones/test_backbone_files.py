from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from backend.features.image_backbones.backbone import (
    BackboneError,
    CropFeatures,
    ImageBackbone,
    load_backbone,
    weights_sha256,
)


class TinyBackbone(ImageBackbone):
    crop_px, feature_size, map_shape = 8, 4, (4, 4, 4)
    heads = ("head.",)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 2, stride=2, bias=False)
        self.bn1 = nn.BatchNorm2d(4)

    def forward(self, crops: Tensor) -> CropFeatures:
        maps = self.bn1(self.conv1(crops))
        return CropFeatures(maps.mean((-2, -1)), maps)


def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return dict(TinyBackbone().state_dict())


@pytest.mark.parametrize("save", [torch.save, safetensors.torch.save_file])
def test_a_file_gives_its_tensors_with_or_without_heads(save: Callable[..., None], tmp_path: Path) -> None:
    held = tensors()
    path = tmp_path / f"weights.{'pth' if save is torch.save else 'safetensors'}"
    save(held | {"head.weight": torch.ones(2)}, path)
    backbone = load_backbone(TinyBackbone, path)
    assert not backbone.training
    assert backbone.state_dict().keys() == held.keys()
    assert all(torch.equal(backbone.state_dict()[name], tensor) for name, tensor in held.items())


def test_batches_need_not_have_been_counted(tmp_path: Path) -> None:
    held = tensors()
    del held["bn1.num_batches_tracked"]
    torch.save(held, tmp_path / "old.pth")
    assert torch.equal(load_backbone(TinyBackbone, tmp_path / "old.pth").state_dict()["bn1.bias"], held["bn1.bias"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"conv1.weight": None}, r"w\.pth lacks 'conv1\.weight'"),
        ({"bn1.bias": torch.zeros(5)}, r"'bn1\.bias' has shape \(5,\), expected \(4,\)"),
        ({"conv2.weight": torch.zeros(1)}, r"holds 'conv2\.weight', which is no part"),
        ({"bn1.bias": torch.tensor([0, 0, 0, float("nan")])}, r"'bn1\.bias' holds values that are not finite"),
        ({"epoch": 5}, r"'epoch' is a int, expected a tensor"),
    ],
)
def test_the_tensor_that_is_wrong_is_named(changed: dict[str, Tensor | None], said: str, tmp_path: Path) -> None:
    held = {name: tensor for name, tensor in (tensors() | changed).items() if tensor is not None}
    torch.save(held, tmp_path / "w.pth")
    with pytest.raises(BackboneError, match=said):
        load_backbone(TinyBackbone, tmp_path / "w.pth")


def test_what_is_no_file_of_tensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"nowhere\.pth cannot be read: No such file"):
        load_backbone(TinyBackbone, tmp_path / "nowhere.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(BackboneError, match="holds a list, expected tensors by their names"):
        load_backbone(TinyBackbone, tmp_path / "list.pth")
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("<html>Sign in to download</html>")
        with pytest.raises(BackboneError, match=f"{name} is damaged, or holds more than tensors"):
            load_backbone(TinyBackbone, tmp_path / name)
    torch.save({"conv1.weight": Path("a")}, tmp_path / "objects.pth")
    with pytest.raises(BackboneError, match="holds more than tensors"):
        load_backbone(TinyBackbone, tmp_path / "objects.pth")


def test_the_hash_is_of_what_the_answer_depends_on() -> None:
    torch.manual_seed(0)
    one, other = TinyBackbone(), TinyBackbone()
    assert weights_sha256(one) != weights_sha256(other)
    other.load_state_dict(one.state_dict())
    other.bn1.num_batches_tracked += 1
    assert weights_sha256(one) == weights_sha256(other)
    other.bn1.running_var[2] += 1e-6
    assert weights_sha256(one) != weights_sha256(other)
