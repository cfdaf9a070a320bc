"""The training loop.

Everything is drawn anew for every step, so there is no epoch: a run has a number of steps. It can be cut off at any
moment and goes on from its last checkpoint as if it never had been. Started by ``torchrun``, each process draws
examples of its own, and they learn together.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from backend.features.landmarks import LandmarkEncoder
from smpl_rig.errors import LimberError
from smpl_rig.whole_files import whole_file

from .examples import Examples, ExampleSource
from .lessons import Lesson


@dataclass(frozen=True)
class TrainingSettings:
    """How a run goes.

    Attributes:
        steps: of the optimiser.
        clips: drawn for each step.
        frames_out: consecutive frames for which a network that answers for one frame of a window is asked.
        learning_rate: the highest; it rises for a twentieth of the run and falls as a cosine.
        weight_decay: of AdamW.
        seed: of the weights and of all that is drawn.
        save_every_s: seconds between checkpoints.
        encoder_rate: what the encoder of a network learns by, as a part of that.
        averaged: decay of the running mean of the weights, which is what is kept.
        mixed_precision: multiply in bfloat16, where the device does that faster.
    """

    steps: int = 6000
    clips: int = 24
    frames_out: int = 16
    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    seed: int = 0
    save_every_s: float = 120.0
    encoder_rate: float = 0.3
    averaged: float = 0.999
    mixed_precision: bool = True


def train(lesson: Lesson, source: ExampleSource, settings: TrainingSettings, out: Path, device: torch.device) -> None:
    """Teaches ``lesson.taught``; the folder ``out`` gets checkpoints, ``log.jsonl`` and TensorBoard's events.

    Args:
        lesson: what is asked. When it is over, ``taught`` has the running mean of its weights.
        source: of examples, on ``device``.
        settings: how the run goes.
        out: the run's folder. If it holds a checkpoint, the run goes on from there.
        device: on which the lesson lies.

    Raises:
        TrainingError: if that checkpoint is of a run with other settings, or that began with other weights.
    """
    run = _Run(lesson, source, settings, out)
    asked = _together(lesson, device)
    mixed = settings.mixed_precision and multiplies_bfloat16(device)
    with _Log(out) as log:
        for step in tqdm(range(run.step, settings.steps), initial=run.step, total=settings.steps, desc=out.name):
            run.rate(_schedule(step / settings.steps))
            examples = source.draw(settings.clips, lesson.frames, round(lesson.occluded * settings.clips))
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                loss, errors = asked(examples)
            run.learn(loss)
            log.write(run.step, {"loss": loss.item(), **errors})
            run.save_now_and_then()
    run.finish()


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies matrices of bfloat16 faster than others."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        # older releases do not tell
        known: dict[str, bool | int | str] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return False


class TrainingError(LimberError):
    """A run cannot go on."""


class _Run:
    """A lesson, what learns it and how far it has come."""

    def __init__(self, lesson: Lesson, source: ExampleSource, settings: TrainingSettings, out: Path) -> None:
        self._lesson, self._source, self._settings = lesson, source, settings
        self._checkpoint = out / "checkpoint.pt"
        self._optimiser = torch.optim.AdamW(
            [
                {"params": list(module.parameters()), "highest": settings.learning_rate * part}
                for module, part in lesson.groups(settings.encoder_rate)
            ],
            weight_decay=settings.weight_decay,
        )
        self._averaged = torch.optim.swa_utils.AveragedModel(
            lesson.taught, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.averaged), use_buffers=True
        )
        self.step = 0
        self._begun = _digest(lesson.taught)
        self._saved_at = time.monotonic()
        out.mkdir(parents=True, exist_ok=True)
        if self._checkpoint.exists():
            self._restore()

    def rate(self, part: float) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = group["highest"] * part

    def learn(self, loss: Tensor) -> None:
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._lesson.parameters(), 1.0)
        self._optimiser.step()
        self._averaged.update_parameters(self._lesson.taught)
        self.step += 1

    def save_now_and_then(self) -> None:
        if time.monotonic() - self._saved_at > self._settings.save_every_s or self.step == self._settings.steps:
            if rank() == 0:
                self._save()
            self._saved_at = time.monotonic()

    def finish(self) -> None:
        self._lesson.taught.load_state_dict(self._averaged.module.state_dict())
        self._lesson.eval()

    def _save(self) -> None:
        """Never half a checkpoint."""
        state = {
            "step": self.step,
            "lesson": self._lesson.state_dict(),
            "averaged": self._averaged.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "source": self._source.state(),
            "random": torch.get_rng_state(),
            "settings": asdict(self._settings),
            "begun": self._begun,
        }
        with whole_file(self._checkpoint) as part:
            torch.save(state, part)

    def _restore(self) -> None:
        saved = torch.load(self._checkpoint, weights_only=True, map_location="cpu")
        self._refuse_another(saved["settings"], saved.get("begun"))
        self._lesson.load_state_dict(saved["lesson"])
        self._averaged.load_state_dict(saved["averaged"])
        self._optimiser.load_state_dict(saved["optimiser"])
        self.step = saved["step"]
        if rank() == 0:
            self._source.restore(saved["source"])
            torch.set_rng_state(saved["random"])
        else:  # they go on with other examples than they would have drawn, and not with their first ones
            self._source.reseed(self.step)
            torch.manual_seed(1000 * self.step + rank())

    def _refuse_another(self, settings: dict[str, float], begun: str | None) -> None:
        """Whoever names a folder that holds another run would get its weights, and be told that they are of this."""
        now = asdict(self._settings)
        differ = [name for name in now if name != "save_every_s" and settings.get(name) != now[name]]
        found = [f"{name} {settings.get(name)} instead of {now[name]}" for name in differ]
        if begun != self._begun:
            found.append("other weights to begin with")
        if found:
            raise TrainingError(
                f"{self._checkpoint} is of another run, with {', '.join(found)}. "
                "Choose another folder, or delete that run's."
            )


def _digest(taught: nn.Module) -> str:
    """By which the weights that a run begins with are known again."""
    digest = hashlib.sha256()
    for parameter in taught.parameters():
        digest.update(parameter.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()


class _Log:
    """Every fiftieth step, as lines of JSON and for TensorBoard."""

    EVERY = 50

    def __init__(self, out: Path) -> None:
        self._out = out

    def __enter__(self) -> _Log:
        self._lines = (self._out / "log.jsonl").open("a") if rank() == 0 else None
        self._board = SummaryWriter(str(self._out)) if rank() == 0 else None
        return self

    def __exit__(self, *_: object) -> None:
        if self._lines is not None:
            self._lines.close()
        if self._board is not None:
            self._board.close()

    def write(self, step: int, values: dict[str, float]) -> None:
        if step % self.EVERY or self._lines is None:
            return
        self._lines.write(json.dumps({"step": step, **values}) + "\n")
        self._lines.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)


def _together(lesson: Lesson, device: torch.device) -> nn.Module:
    """The lesson, taught by all the processes that ``torchrun`` started, or by this one."""
    lesson.train()
    if "RANK" not in os.environ:
        return lesson
    if not torch.distributed.is_initialized():
        # once for all runs: a second meeting would find what the first one left behind
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(torch.distributed.destroy_process_group)
    # not every network reads the encoder's first estimate
    return DistributedDataParallel(
        lesson, device_ids=[device.index] if device.type == "cuda" else None, find_unused_parameters=True
    )


def of_this_process(device: torch.device) -> torch.device:
    """The graphics card that is this process's own, where ``torchrun`` started several; else the device itself."""
    if device.type != "cuda" or "LOCAL_RANK" not in os.environ:
        return device
    own = torch.device(device.type, int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(own)
    return own


def rank() -> int:
    """Which of the processes that learn together this one is, from 0, as ``torchrun`` told it."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """How many processes learn together, as ``torchrun`` told them."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def standardise(encoder: LandmarkEncoder, examples: Examples) -> None:
    """Sets the mean and deviation by which an encoder divides its inputs."""
    flat = examples.inputs.values.flatten(0, 1)
    encoder.mean.copy_(flat.mean(0))
    encoder.deviation.copy_(flat.std(0).clamp_min(0.02))


def _schedule(part: float) -> float:
    warm = min(part / 0.05, 1.0)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
