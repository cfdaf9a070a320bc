import hashlib
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from backend import cli
from backend.features.image_backbones.backbone import load_backbone
from backend.features.image_backbones.resnet import ResNet50
from backend.models.frame_features import FrameFeatures
from backend.models.mps_net import MPSNet
from backend.models.published import CheckpointError, import_weights, weights_path
from backend.models.regressor import IterativeRegressor

from .mps_net_by_the_book import by_the_book

#: What the public release of MPS-Net holds.
MPS_NET_SHAPES = {
    "nonlocalblock.conv_phi.weight": (1024, 2048, 1),
    "nonlocalblock.conv_theta.weight": (1024, 2048, 1),
    "nonlocalblock.conv_g.weight": (1024, 2048, 1),
    "nonlocalblock.conv_mask.weight": (2048, 1024, 1),
    "nonlocalblock.conv_mask_forR.weight": (1, 2, 1, 1),
    "nonlocalblock.attention.fc.weight": (256, 2048),
    "nonlocalblock.attention.fc.bias": (256,),
    "nonlocalblock.attention.attention.0.weight": (256, 768),
    "nonlocalblock.attention.attention.0.bias": (256,),
    "nonlocalblock.attention.attention.2.weight": (256, 256),
    "nonlocalblock.attention.attention.2.bias": (256,),
    "nonlocalblock.attention.attention.4.weight": (3, 256),
    "nonlocalblock.attention.attention.4.bias": (3,),
    "regressor.fc1.weight": (1024, 2205),
    "regressor.fc1.bias": (1024,),
    "regressor.fc2.weight": (1024, 1024),
    "regressor.fc2.bias": (1024,),
    "regressor.decpose.weight": (144, 1024),
    "regressor.decpose.bias": (144,),
    "regressor.decshape.weight": (10, 1024),
    "regressor.decshape.bias": (10,),
    "regressor.deccam.weight": (3, 1024),
    "regressor.deccam.bias": (3,),
    "regressor.init_pose": (1, 144),
    "regressor.init_shape": (1, 10),
    "regressor.init_cam": (1, 3),
}
#: What lies there beside the network.
SMPL_SHAPES = {"regressor.smpl.betas": (64, 10), "regressor.smpl.v_template": (6890, 3)}


def spin_shapes() -> dict[str, tuple[int, ...]]:
    """What SPIN's checkpoint holds: ResNet-50 in torchvision's names without its classifier, and the regressor."""

    def normalisation(name: str, channels: int) -> dict[str, tuple[int, ...]]:
        values = ("weight", "bias", "running_mean", "running_var")
        return {f"{name}.{value}": (channels,) for value in values} | {f"{name}.num_batches_tracked": ()}

    shapes = {"conv1.weight": (64, 3, 7, 7), **normalisation("bn1", 64)}
    channels = 64
    for layer, (inner, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], start=1):
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            shapes[f"{name}.conv1.weight"] = (inner, channels, 1, 1)
            shapes[f"{name}.conv2.weight"] = (inner, inner, 3, 3)
            shapes[f"{name}.conv3.weight"] = (4 * inner, inner, 1, 1)
            shapes |= normalisation(f"{name}.bn1", inner)
            shapes |= normalisation(f"{name}.bn2", inner)
            shapes |= normalisation(f"{name}.bn3", 4 * inner)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * inner, channels, 1, 1)
                shapes |= normalisation(f"{name}.downsample.1", 4 * inner)
            channels = 4 * inner
    for name, shape in MPS_NET_SHAPES.items():
        if name.startswith("regressor."):
            shapes[name.removeprefix("regressor.")] = shape
    return shapes


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def empty(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Zeros which take no room in a file."""
    return OrderedDict((name, torch.zeros(()).expand(shape)) for name, shape in shapes.items())


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Numbers by which each layer's output is neither lost nor saturated."""
    generator = torch.Generator().manual_seed(0)

    def numbers(shape: tuple[int, ...]) -> Tensor:
        width = int(np.prod(shape[1:])) if len(shape) > 1 else 4
        return torch.randn(shape, generator=generator) / width**0.5

    return OrderedDict((name, numbers(shape)) for name, shape in shapes.items())


def save(folder: Path, released: Any, entry: str = "gen_state_dict", **how: Any) -> Path:
    """A checkpoint with what else lies in the release."""
    path = folder / "model_best.pth.tar"
    optimiser = {"state": {0: {"step": 5, "exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 5e-5, "params": [0]}]}
    checkpoint = {"epoch": 29, entry: released, "performance": np.float64(52.1), "gen_optimizer": optimiser}
    torch.save(checkpoint, path, **how)
    return path


@torch.no_grad()
def test_mps_nets_release_gives_the_papers_network(tmp_path: Path, cache: Path) -> None:
    released = filled(MPS_NET_SHAPES)
    file = save(tmp_path, released | empty(SMPL_SHAPES))
    imported = import_weights(file, "mps-net")
    path = cache / "weights" / "mps-net-paper.safetensors"
    assert imported.written == (path,)
    assert imported.used == len(MPS_NET_SHAPES)
    assert set(imported.unused) == {*SMPL_SHAPES, "epoch", "performance", "gen_optimizer"}
    with safe_open(path, "pt") as opened:
        assert opened.metadata() == {
            "network": "mps-net",
            "config": "paper",
            "source": "model_best.pth.tar",
            "source_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }

    network = MPSNet().eval()
    network.load_state_dict(load_file(path))
    features = 0.05 * torch.randn(3, 16, 2048, generator=torch.Generator().manual_seed(1))
    observed = torch.ones(3, 16, dtype=torch.bool)
    numbers = {name: tensor.double().numpy() for name, tensor in released.items()}
    names = {
        "moca.theta.weight": "nonlocalblock.conv_theta.weight",
        "moca.phi.weight": "nonlocalblock.conv_phi.weight",
        "moca.g.weight": "nonlocalblock.conv_g.weight",
        "moca.rho.weight": "nonlocalblock.conv_mask_forR.weight",
        "moca.W_z.weight": "nonlocalblock.conv_mask.weight",
        "hafi.resize.weight": "nonlocalblock.attention.fc.weight",
        "hafi.resize.bias": "nonlocalblock.attention.fc.bias",
    }
    weights = {ours: numbers[theirs].squeeze() for ours, theirs in names.items()}
    for layer in ("0", "2", "4"):
        for kind in ("weight", "bias"):
            weights[f"hafi.attention.{layer}.{kind}"] = numbers[f"nonlocalblock.attention.attention.{layer}.{kind}"]
    weights |= {name: value for name, value in numbers.items() if name.startswith("regressor.")}
    expected = [by_the_book(weights, clip.double().numpy()) for clip in features]
    assert max(float(np.abs(answer["a"] - 1 / 3).max()) for answer in expected) > 0.05, "attention must matter"
    for clips in ([0], [0, 1, 2]):
        estimate = network(FrameFeatures(features[clips], observed[clips]))
        for place, clip in enumerate(clips):
            for name, value in expected[clip].items():
                found = estimate.auxiliary[name] if name in estimate.auxiliary else getattr(estimate, name)
                assert np.allclose(found[place].numpy(), value, atol=2e-4), name


@pytest.mark.parametrize("batches_counted", [True, False])
def test_spins_release_gives_the_backbone_and_the_regressor(batches_counted: bool, tmp_path: Path, cache: Path) -> None:
    shapes = spin_shapes()
    released = {}
    for number, (name, shape) in enumerate(shapes.items()):
        counter = name.endswith("num_batches_tracked")
        if batches_counted or not counter:
            released[name] = torch.tensor(number if counter else number / 7).expand(shape)
    imported = import_weights(save(tmp_path, released, entry="model"), "resnet50")
    backbone_file, regressor_file = (
        cache / "weights" / f"{name}-spin.safetensors" for name in ("resnet50", "regressor")
    )
    assert imported.written == (backbone_file, regressor_file)

    backbone = load_backbone(ResNet50, backbone_file)
    assert sum(parameter.numel() for parameter in backbone.parameters()) == 23_508_032
    regressor = IterativeRegressor()
    regressor.load_state_dict(load_file(regressor_file))
    found = backbone.state_dict() | regressor.state_dict()
    assert found.keys() == shapes.keys()
    for name, tensor in found.items():
        assert tensor.shape == shapes[name], name
        assert (tensor == released.get(name, torch.tensor(0))).all(), name


def test_files_of_old_versions_of_pytorch_are_read(tmp_path: Path) -> None:
    file = save(tmp_path, empty(MPS_NET_SHAPES), _use_new_zipfile_serialization=False)
    assert import_weights(file, "mps-net").used == len(MPS_NET_SHAPES)


NAME = "regressor.fc2.bias"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (torch.zeros(1023), "(1023,) instead of (1024,)"),
        (torch.zeros(1, 1024), "(1, 1024) instead of (1024,)"),
        (torch.full((1024,), torch.nan), "not all finite"),
        (torch.zeros(1024, dtype=torch.int64), "torch.int64 instead of torch.float32"),
        (0.5, "not a tensor"),
        (np.zeros(1024), "not a tensor"),
    ],
)
def test_an_unfit_tensor_is_named(change: Any, said: str, tmp_path: Path, cache: Path) -> None:
    file = save(tmp_path, empty(MPS_NET_SHAPES) | {NAME: change})
    with pytest.raises(CheckpointError) as error:
        import_weights(file, "mps-net")
    assert f"unfit are {NAME} ({said})" in str(error.value)
    assert not cache.exists()


def test_what_is_missing_and_what_is_unknown_is_named(tmp_path: Path, cache: Path) -> None:
    released = empty(MPS_NET_SHAPES)
    released["regressor.fc3.bias"] = released.pop(NAME)
    with pytest.raises(CheckpointError) as error:
        import_weights(save(tmp_path, released), "mps-net")
    assert f"it lacks {NAME}; it should not have regressor.fc3.bias." in str(error.value)
    assert not cache.exists()


def test_of_many_that_are_missing_a_few_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"and 20 more"):
        import_weights(save(tmp_path, {}), "mps-net")


def test_another_kind_of_checkpoint_is_told_by_what_it_holds(tmp_path: Path) -> None:
    file = save(tmp_path, empty(MPS_NET_SHAPES), entry="model")
    with pytest.raises(CheckpointError, match=r"'gen_state_dict'.*epoch, model, performance"):
        import_weights(file, "mps-net")
    torch.save(torch.zeros(3), file)
    with pytest.raises(CheckpointError, match="holds Tensor"):
        import_weights(file, "mps-net")


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.made),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_would_run_code_is_refused_and_runs_nothing(zipped: bool, tmp_path: Path) -> None:
    made = tmp_path / "made"
    file = save(tmp_path, empty(MPS_NET_SHAPES) | {"extra": Malicious(made)}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"more than tensors.*mkdir"):
        import_weights(file, "mps-net")
    assert not made.exists()
    torch.load(file, weights_only=False)
    assert made.exists(), "it would have run"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_was_cut_off_is_refused(zipped: bool, tmp_path: Path, cache: Path) -> None:
    file = save(tmp_path, empty(MPS_NET_SHAPES), _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    for part in range(0, len(whole), len(whole) // 40):
        file.write_bytes(whole[:part])
        with pytest.raises(CheckpointError):
            import_weights(file, "mps-net")
    assert not cache.exists()


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere cannot be read: No such file"):
        import_weights(tmp_path / "nowhere", "mps-net")
    (tmp_path / "text.pth").write_text("<html>Sign in to download</html>")
    with pytest.raises(CheckpointError, match=r"text\.pth is not a PyTorch checkpoint"):
        import_weights(tmp_path / "text.pth", "mps-net")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, cache: Path) -> None:
    file = save(tmp_path, empty(MPS_NET_SHAPES))
    cache.write_text("in the way")
    with pytest.raises(CheckpointError, match=r"mps-net-paper\.safetensors cannot be written"):
        import_weights(file, "mps-net")


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = save(tmp_path, empty(MPS_NET_SHAPES | SMPL_SHAPES))
    assert cli.main(["import-weights", str(file), "--network", "mps-net"]) == 0
    said = capsys.readouterr().out
    assert "26 tensors" in said
    assert "regressor.smpl.v_template" in said
    assert str(weights_path("mps-net", "paper")) in said

    assert cli.main(["import-weights", str(file), "--network", "vibe"]) == 1
    assert "'vibe' cannot be imported. Choose one of mps-net" in capsys.readouterr().err
