import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from backend import cli
from backend.models import paper_table
from backend.models.paper_table import Asked, Figure, flops, parameters


@pytest.fixture(scope="module")
def figures() -> dict[tuple[str, str], Figure]:
    return {(figure.network, figure.what): figure for figure in paper_table.paper_table()}


def test_every_figure_is_met(figures: dict[tuple[str, str], Figure]) -> None:
    assert [key for key, figure in figures.items() if not figure.met] == []
    assert {network for network, _ in figures} == {"mps-net", "sps-net", "stc-net", "tar", "str-net"}


@pytest.mark.parametrize(
    ("network", "what", "exactly"),
    [
        ("mps-net", "parameters, HMR and SMPL's pose in", 9_176_581 + 3_469_469 + 26_977_501 + 5_248),
        ("sps-net", "parameters, HMR in", 16_785_408 + 4_196_352 + 2_049 + 3_469_469 + 26_977_501),
        ("sps-net", "the same without forecasting", 16_785_408 + 3_469_469 + 26_977_501),
        ("sps-net", "the same without self-attention", 4_196_352 + 3_469_469 + 26_977_501),
    ],
)
def test_exact_figures(figures: dict[tuple[str, str], Figure], network: str, what: str, exactly: int) -> None:
    figure = figures[network, what]
    assert figure.ours == exactly
    assert figure.asked is Asked.EXACTLY
    assert figure.printed == f"{exactly / 1e6:.2f} M"
    assert not replace(figure, ours=figure.ours + 1).met


def test_what_is_asked_of_tar_and_str_net(figures: dict[tuple[str, str], Figure]) -> None:
    of_tar = [figure for (network, _), figure in figures.items() if network == "tar"]
    assert [figure.printed for figure in of_tar] == [
        "25.0 M", "184.6 G", "29.9 M", "72.4 G", "34.3 M", "43.5 G", "38.5 M", "36.3 G",
    ]  # fmt: skip
    for figure in of_tar:
        assert figure.expected is not None
        assert replace(figure, ours=int(1.019 * figure.expected)).met
        assert not replace(figure, ours=int(0.979 * figure.expected)).met
    of_str_net = figures["str-net", "parameters, HMR and SMPL's pose in"]
    assert replace(of_str_net, ours=127_194_000).met
    assert not replace(of_str_net, ours=127_196_000).met


def test_multiply_adds_of_mps_net_are_those_of_its_formulas(figures: dict[tuple[str, str], Figure]) -> None:
    T, d, half, a = 16, 2048, 1024, 256
    moca = 3 * T * d * half + T * T * (d + half) + 2 * T * T + T * T * half + T * half * d
    hafi = (9 + 3) * d * a + 4 * (3 * a * a + a * a + 3 * a)
    regressor = 3 * ((d + 157) * 1024 + 1024 * 1024 + 1024 * 157)
    window = figures["mps-net", "FLOPs of a window"].ours
    assert window == 2 * (moca + hafi + regressor)
    with_a_frame = figures["mps-net", "multiply-adds, ResNet-50 for a frame in"]
    assert with_a_frame.ours - window / 2 == pytest.approx(4.087e9, abs=1e6), "ResNet-50"


def test_parameters_and_flops_of_a_layer_and_a_convolution() -> None:
    layer, convolution = nn.Linear(5, 7, device="meta"), nn.Conv2d(3, 4, 3, padding=1, device="meta")
    assert parameters(layer) == 42
    assert flops(layer, torch.empty(11, 5, device="meta")) == 2 * 11 * 5 * 7
    assert flops(convolution, torch.empty(2, 3, 6, 6, device="meta")) == 2 * 2 * 36 * 4 * 27


def test_the_command_prints_it_and_succeeds_where_all_is_met(
    figures: dict[tuple[str, str], Figure], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(figures.values())
    monkeypatch.setattr(paper_table, "paper_table", lambda: found)
    assert cli.main(["networks", "--paper-table"]) == 0
    assert "39,628,799" in capsys.readouterr().out
    found[0] = replace(found[0], ours=1)
    assert cli.main(["networks", "--paper-table"]) == 1
    assert "NOT MET" in capsys.readouterr().out
    assert cli.main(["networks", "--paper-table", "--json"]) == 1
    first, *others = json.loads(capsys.readouterr().out)
    assert (first["met"], first["asked"]) == (False, "exactly")
    assert first["ratio"] == pytest.approx(1 / 9_176_581)
    assert all(record["met"] for record in others)
