import json

import pytest
import torch

from backend import cli
from backend.models import speed
from backend.models.configurations import Configuration

from .tiny import FEATURES, TINY


@pytest.fixture
def tiny() -> tuple[Configuration, ...]:
    return tuple(
        Configuration(name, "tiny", TINY[name], {"global_features": (FEATURES,)})
        for name in ("mps-net", "sps-net", "str-net")
    )


def test_speeds_of_all_are_measured(tiny: tuple[Configuration, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SECONDS_EACH", 0.01)
    threads = torch.get_num_threads()
    found = list(speed.speeds(tiny))
    assert [one.network for one in found] == ["mps-net", "sps-net", "str-net"] * len(speed.devices())
    for one in found:
        assert one.frames_per_second > 0
        assert one.seconds_per_frame == pytest.approx(1 / one.frames_per_second)
        assert one.times_sps_net == pytest.approx(0.09 * one.frames_per_second)
    assert "core" in found[0].device
    assert torch.get_num_threads() == threads


def test_64_windows_are_computed_at_once(tiny: tuple[Configuration, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    monkeypatch.setattr(speed, "SECONDS_EACH", 1e-6)
    for configuration in tiny:
        network = configuration.build()
        over_window = network.over_window

        def watched(frames, over_window=over_window):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            batches.append(len(frames.observed))
            return over_window(frames)

        network.over_window = watched  # type: ignore[method-assign]
        list(speed.speeds((Configuration(configuration.network, "tiny", lambda n=network: n, configuration.reads),)))
        assert set(batches) == {64}
        batches.clear()


def test_the_command_prints_them(
    tiny: tuple[Configuration, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed, "SECONDS_EACH", 1e-6)
    measured = list(speed.speeds(tiny))
    monkeypatch.setattr(speed, "speeds", lambda: iter(measured))
    assert cli.main(["networks", "--speed"]) == 0
    out = capsys.readouterr().out
    assert "0.09 s for an image, V100" in out
    assert cli.main(["networks", "--speed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == speed.as_records(measured)
    assert torch.is_grad_enabled()
