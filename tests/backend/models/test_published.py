import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from backend import cli
from backend.features.image_backbones.backbone import load_backbone
from backend.features.image_backbones.resnet import ResNet50
from backend.models import weights_path
from backend.models.frame_features import FrameFeatures
from backend.models.mps_net import MPSNet
from backend.models.published import CheckpointError, import_weights
from backend.models.regressor import IterativeRegressor

from .mps_net_by_the_book import by_the_book, weights_by_the_book
from .releases import MPS_NET_SHAPES, SMPL_SHAPES, empty, filled, save, spin_shapes, uncounted_spin_shapes


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


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
    weights = weights_by_the_book(released)
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
    assert "limber capture --network mps-net-paper still needs limber import-weights FILE --network resnet50." in said

    file = save(tmp_path, empty(uncounted_spin_shapes()), entry="model")
    assert cli.main(["import-weights", str(file), "--network", "resnet50"]) == 0
    assert capsys.readouterr().out.endswith("Use: limber capture --network mps-net-paper\n")

    assert cli.main(["import-weights", str(file), "--network", "vibe"]) == 1
    assert "'vibe' cannot be imported. Choose one of mps-net" in capsys.readouterr().err
