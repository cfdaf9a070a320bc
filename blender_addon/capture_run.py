"""A capture as the user follows it: takes a job's news on the main thread and makes people of it.

It is stepped by a timer and returns at once from each step, or after one person was made.
"""

from __future__ import annotations

import queue
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .job import Cancelled, CaptureJob, Ending, Failed, Finished, PersonCaptured, Progressed
from .smpl_rig.errors import LimberError

if TYPE_CHECKING:
    from .smpl_rig.body import Body
    from .smpl_rig.motion import Motion

#: The backend's words for its stages, and ours for what goes round them, as the user reads them.
STAGES = {
    "begin": "Asking the backend",
    "upload": "Sending the footage",
    "queued": "Waiting for the backend",
    "running": "Starting",
    "body": "Building the body",
    "people": "Finding people",
    "pose": "Fitting the body",
    "placement": "Placing on the floor",
    "preview": "Drawing the preview",
    "files": "Writing the motion",
    "fetch": "Fetching the motion",
    "build": "Making the character",
}


@dataclass
class CaptureRun:
    """One capture, from the button to the people in the scene.

    Attributes:
        job: what runs in the thread.
        footage: what is captured, for the background; None where only the backend knows it.
        scene_uid: the ``session_uid`` of the scene that gets the people, whatever scene is shown when they come.
        progress: the latest news.
        is_cancelling: whether the user has asked for the end.
        ending: how the job ended; None while it goes on.
        people: names of the armatures made.
        heights_m: how tall each of them stands; None of those that have bones and no mesh.
        warnings: what the user should know.
        error: why it ended early; empty if it did not.
    """

    job: CaptureJob
    footage: Path | None
    scene_uid: int
    progress: Progressed = Progressed("begin", 0.0)  # noqa: RUF009  (frozen)
    is_cancelling: bool = False
    ending: Ending | None = None
    people: list[str] = field(default_factory=list)
    heights_m: list[float | None] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str = ""
    _motions: list[Motion] = field(default_factory=list)
    _body: Body | None = None
    _count: int = 0
    _stem: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.ending is not None and not self._motions

    @property
    def headline(self) -> str:
        """What is being done, in a few words."""
        if self.is_cancelling:
            return "Cancelling"
        return STAGES.get(self.progress.stage, self.progress.stage.capitalize())

    def cancel(self) -> None:
        """Asks for the end; it has come when :attr:`is_over` says so."""
        self.is_cancelling = True
        self.job.cancel()

    def abandon(self) -> None:
        """Leaves the capture to the backend and makes nobody."""
        self.job.abandon()
        self.ending = self.ending or Cancelled()
        self._motions.clear()

    def step(self, context: Any) -> None:
        """Takes all news, or makes one of the people that have come."""
        if self.ending is None:
            self.ending = self._listen()
            if self.ending is not None and self._motions:
                self._prepare(context)
        elif self._motions:
            self._make_one(context)

    def _listen(self) -> Ending | None:
        while True:
            try:
                news = self.job.events.get_nowait()
            except queue.Empty:
                return None
            match news:
                case Progressed():
                    self.progress = news
                case PersonCaptured(motion, footage, body):
                    self._motions.append(motion)
                    self._body = body
                    self._stem = Path(footage).stem
                case Finished(warnings):
                    self.warnings.extend(warnings)
                    return news
                case Failed(message):  # those who came before it failed are made all the same
                    self.error = message
                    return news
                case Cancelled():
                    self._motions.clear()
                    return news

    def _prepare(self, context: Any) -> None:
        from .characters import fit_to_footage, scene_in_use

        self.is_cancelling = False  # it came too late
        self._count = len(self._motions)
        self.progress = Progressed("build", 0.0, None, self._count)
        with scene_in_use(context, self.scene_uid) as scene:
            if scene.limber.match_scene:
                fit_to_footage(scene, self._motions)

    def _make_one(self, context: Any) -> None:
        from .characters import add_person, scene_in_use, standing_height

        motion = self._motions.pop(0)
        name = self._stem if self._count == 1 else f"{self._stem} person {motion.person}"
        shown = context.scene
        with scene_in_use(context, self.scene_uid) as scene:
            try:
                armature, warnings = add_person(context, motion, name, scene.limber.smoothness, self._body)
                self.people.append(armature.name)
                self.heights_m.append(standing_height(motion, self._body) if armature.children else None)
                self.warnings += warnings
            except LimberError as error:
                self.error = str(error)
            if not self._motions:
                self._complete(context, scene)
        if self.people and not self._motions and scene != shown:
            self.warnings.append(f"The capture was begun in the scene '{scene.name}', and is there.")
        self.progress = Progressed("build", 1 - len(self._motions) / self._count, None, self._count)

    def _complete(self, context: Any, scene: Any) -> None:
        """All are made: their camera, and the selection."""
        from .characters import add_camera, select

        people = [scene.objects[name] for name in self.people if name in scene.objects]
        if not people:
            return
        if scene.limber.add_camera:
            self.warnings += add_camera(context, people, self.footage)[1]
        select(context, people)
