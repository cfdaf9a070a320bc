import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from backend.body import TorchBody
from backend.features.landmark_points import LandmarkSkin
from backend.models.weights import build_landmark_network, how_made
from backend.training.examples import Examples, ExampleSource, Variety
from backend.training.lessons import NetworkLesson
from backend.training.train import TrainingError, TrainingSettings, of_this_process, train
from backend.training.variety import Clips

CPU = torch.device("cpu")
SETTINGS = TrainingSettings(steps=4, clips=2, save_every_s=0.0)


class _CutOffError(Exception):
    """As if the process had been killed."""


class _CutOffSource(ExampleSource):
    draws_left = 2

    def draw(self, count: int, frames: int, occluded: int = 0) -> Examples:
        if not self.draws_left:
            raise _CutOffError
        self.draws_left -= 1
        return super().draw(count, frames, occluded)


def lesson_of(name: str, body: TorchBody) -> NetworkLesson:
    torch.manual_seed(3)
    return NetworkLesson(build_landmark_network(name), name, body, frames_out=4)


@pytest.mark.parametrize("name", ["mps-net", "sps-net"])
def test_a_run_that_was_cut_off_ends_where_an_uninterrupted_one_does(
    name: str, clips: Clips, torch_body: TorchBody, skin: LandmarkSkin, tmp_path: Path
) -> None:
    whole, resumed = lesson_of(name, torch_body), lesson_of(name, torch_body)
    train(whole, ExampleSource(clips, torch_body, skin, Variety(), 5), SETTINGS, tmp_path / "whole", CPU)
    with pytest.raises(_CutOffError):
        train(
            lesson_of(name, torch_body),
            _CutOffSource(clips, torch_body, skin, Variety(), 5),
            SETTINGS,
            tmp_path / "cut",
            CPU,
        )
    torch.manual_seed(99)  # nothing of that process is left but its checkpoint
    train(resumed, ExampleSource(clips, torch_body, skin, Variety(), 17), SETTINGS, tmp_path / "cut", CPU)
    found = resumed.taught.state_dict()
    assert all(torch.equal(value, found[key]) for key, value in whole.taught.state_dict().items())


@pytest.mark.parametrize(
    ("another", "weights", "said"),
    [
        ({"steps": SETTINGS.steps + 1}, 3, f"steps {SETTINGS.steps} instead of {SETTINGS.steps + 1}"),
        ({"seed": 7}, 3, "seed 0 instead of 7"),
        ({}, 4, "other weights to begin with"),
    ],
)
def test_a_folder_that_holds_another_run_is_refused(
    another: dict[str, int],
    weights: int,
    said: str,
    clips: Clips,
    torch_body: TorchBody,
    skin: LandmarkSkin,
    tmp_path: Path,
) -> None:
    def run(settings: TrainingSettings, seed: int) -> None:
        torch.manual_seed(seed)
        lesson = NetworkLesson(build_landmark_network("mps-net"), "mps-net", torch_body, frames_out=4)
        train(lesson, ExampleSource(clips, torch_body, skin, Variety(), 5), settings, tmp_path, CPU)

    run(SETTINGS, 3)
    run(replace(SETTINGS, save_every_s=1.0), 3)  # how often is nobody's business
    with pytest.raises(TrainingError, match=said):
        run(replace(SETTINGS, **another), weights)


def test_what_is_kept_is_the_running_mean_and_the_log_says_how_it_went(
    clips: Clips, torch_body: TorchBody, skin: LandmarkSkin, tmp_path: Path
) -> None:
    lesson = lesson_of("mps-net", torch_body)
    before = {key: value.clone() for key, value in lesson.taught.state_dict().items()}
    settings = TrainingSettings(steps=50, clips=1, averaged=1.0, learning_rate=1e-3)
    source = ExampleSource(clips, torch_body, skin, Variety(), 5)
    train(lesson, source, settings, tmp_path, CPU)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    learned = {key.removeprefix("taught."): value for key, value in saved["lesson"].items()}
    weights = [name for name, _ in lesson.taught.named_parameters() if name.startswith("network.")]
    assert saved["step"] == 50
    assert all(not torch.equal(learned[key], before[key]) for key in weights)
    # a mean that never forgets its beginning, which the first step, at no rate at all, leaves as it is
    assert all(torch.equal(lesson.taught.state_dict()[key], before[key]) for key in weights)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [50]
    assert {"loss", "pose", "joints_3d", "adversarial"} <= set(lines[0])
    assert list(tmp_path.glob("events.out.tfevents.*"))


TOGETHER = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[2])
from conftest import made_clips
from backend.models.weights import LANDMARK_NETWORKS
from backend.training.recipes import SMOKE_RECIPES, teach
from dataclasses import replace
brief = {name: replace(recipe, steps=2, clips=2) for name, recipe in SMOKE_RECIPES.items()}
teach("mps-net", made_clips(), Path(sys.argv[1]), torch.device("cpu"), brief)
"""


def test_each_process_has_a_graphics_card_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", used.append)
    assert of_this_process(torch.device("cuda")) == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert of_this_process(CPU) == CPU
    assert not used
    assert of_this_process(torch.device("cuda")) == torch.device("cuda", 1)
    assert used == [torch.device("cuda", 1)]


def test_two_processes_learn_together(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    finished = subprocess.run(
        [*command, str(tmp_path / "runs"), str(Path(__file__).parent)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    told = how_made(tmp_path / "runs" / "mps-net.safetensors")
    assert json.loads(told["recipe"])["processes"] == json.loads(told["encoder"])["processes"] == 2
    left = {path.name for path in (tmp_path / "runs").iterdir()}
    assert left == {"encoder", "mps-net", "mps-net-steady", "mps-net.safetensors"}
