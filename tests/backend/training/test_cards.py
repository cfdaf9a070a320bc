import json
from pathlib import Path

import pytest

from backend.evaluation.rivals import FAIR, RAW
from backend.evaluation.scores import Row, write_rows
from backend.machine import machine
from backend.models.weights import LANDMARK_NETWORKS, build_landmark_network, save_network
from backend.training import cards

RECIPE = {"steps": 123, "clips": 7, "learning_rate": 0.0005, "seed": 3, "encoder_rate": 0.3}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cards, "weights_file", lambda name: tmp_path / f"{name}.safetensors")
    return tmp_path


def write(folder: Path, **left_out: None) -> None:
    made = {"recipe": json.dumps(RECIPE), "encoder": json.dumps(RECIPE | {"steps": 456}),
            "motions": json.dumps({"A library": 12.25, "Another": 3.0})}  # fmt: skip
    made = {key: value for key, value in made.items() if key not in left_out}
    save_network(build_landmark_network("mps-net"), "mps-net", folder / "mps-net.safetensors", made)


def figures(folder: Path) -> Path:
    answers = (RAW, FAIR, "per-frame", "mps-net", "mps-net, fitted", "str-net")
    errors = (3.0,) * 12
    rows = [
        Row("walk", 0, answer, 10.0 * place, 20.0, 25.0, 3.0, 98.0, 60.0, 12.0, 30.0, errors, errors)
        for place, answer in enumerate(answers, start=1)
    ]
    write_rows(rows, folder / "figures.json", {})
    return folder / "figures.json"


def test_a_card_tells_what_it_was_made_from_how_and_how_good_it_is(folder: Path) -> None:
    write(folder)
    assert cards.main([str(figures(folder))]) == 0
    told = (folder / "mps-net.md").read_text()
    assert "15.2 minutes of free motion capture" in told
    assert "- A library: 12.2 minutes" in told
    assert "456 steps of 7 clips" in told
    assert "123 steps of 7 clips, learning rate 0.0005, seed 3" in told
    assert machine() in told
    assert "mps-net, fitted" in told
    assert "40.0" in told
    assert "str-net" not in told, "another network's figures"
    assert not [name for name in LANDMARK_NETWORKS if name != "mps-net" and (folder / f"{name}.md").exists()]


def test_a_card_tells_how_many_processes_learned_together(folder: Path) -> None:
    told = RECIPE | {"processes": 2}
    made = {"recipe": json.dumps(RECIPE), "encoder": json.dumps(told), "motions": "{}", "went_on": json.dumps([told])}
    save_network(build_landmark_network("mps-net"), "mps-net", folder / "mps-net.safetensors", made)
    assert cards.main([str(figures(folder))]) == 0
    card = (folder / "mps-net.md").read_text()
    assert "encoder, which all networks start from: 123 steps of 2 times 7 clips. The" in card
    assert "rate: 123 steps of 7 clips, learning" in card
    assert "- 123 and 30 steps of 2 times 7 clips, learning rate 0.0005, seed 3" in card


def test_refuses_weights_that_do_not_say_how_they_were_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, motions=None)
    assert cards.main([str(figures(folder))]) == 1
    assert "does not tell its 'motions'" in capsys.readouterr().err


def test_refuses_figures_that_lack_some(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder)
    (folder / "old.json").write_text('{"machine": "an abacus", "rows": [{"act": "walk", "pa_mpjpe": 3}]}')
    assert cards.main([str(folder / "old.json")]) == 1
    assert "old.json lacks 'mpjpe'" in capsys.readouterr().err
