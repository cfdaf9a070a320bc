"""How far a whole capture has come and how long it will take, from how far its stages have come.

A stage's length is foreseen from the shares below, at the pace of the capture so far, until the stage is under way;
then its own pace counts. What users read follows this no faster than they can: see :meth:`Estimate.eta_s`.
"""

from __future__ import annotations

#: Share of a capture's time that each stage takes, measured on 6 s of real footage and 4 cores: people 4.7 s, pose 1.7,
#: preview 8.8, files 0.2. Stages that are not named (the body, built once in a lifetime) count for nothing.
STAGE_SHARES = {"people": 0.3, "pose": 0.12, "placement": 0.01, "preview": 0.55, "files": 0.02}
#: An estimate from less than this fraction of the work is worth nothing.
_LEAST_FRACTION = 0.02
#: How much of a stage must have come for its own pace to weigh as much as what was foreseen.
_FORESIGHT = 0.05
#: How much the seconds left may stray from counting down, in each second: in parts of themselves, and in seconds.
_STRAY_PARTS = 0.2
_STRAY_S = 1.0


class Estimate:
    """Follows one capture.

    Attributes:
        stage: the stage that was last told of.
        stage_fraction: how far it has come, in [0, 1].
        fraction: how far the whole has come, in [0, 1]; never falls.
    """

    def __init__(self, has_preview: bool) -> None:
        shares = {stage: share for stage, share in STAGE_SHARES.items() if stage != "preview" or has_preview}
        self.stage: str | None = None
        self.stage_fraction = 0.0
        self.fraction = 0.0
        self._shares = {stage: share / sum(shares.values()) for stage, share in shares.items()}
        self._come = dict.fromkeys(shares, 0.0)
        self._spent_s = dict.fromkeys(shares, 0.0)
        self._latest: str | None = None
        self._latest_s = 0.0
        self._told_s: float | None = None

    def update(self, stage: str, stage_fraction: float, now_s: float) -> None:
        """Takes news of a stage. Stages may alternate, as they do where each person is posed and placed in turn."""
        self.stage, self.stage_fraction = stage, stage_fraction
        if stage not in self._shares:
            return
        if self._latest is not None:
            self._spent_s[stage] += now_s - self._latest_s
        self._come[stage] = max(stage_fraction, self._come[stage])
        self.fraction = max(self.fraction, min(self._all_come(), 1.0))
        self._told_s = self._follow(self._left_s(0.0), now_s)
        self._latest, self._latest_s = stage, now_s

    def eta_s(self, now_s: float) -> float | None:
        """Seconds left if the work goes on as it has; None while that cannot be told.

        It counts down with the clock, and where the work turns out faster or slower than foreseen it follows at
        no more than a second and a fifth of itself in each second.
        """
        return self._follow(self._left_s(now_s - self._latest_s), now_s)

    def _all_come(self) -> float:
        return sum(share * self._come[stage] for stage, share in self._shares.items())

    def _left_s(self, silence_s: float) -> float | None:
        """Seconds left, where nothing has been heard of the latest stage for some seconds."""
        if self.fraction < _LEAST_FRACTION:
            return None
        spent_s = self._spent_s | ({self._latest: self._spent_s[self._latest] + silence_s} if self._latest else {})
        whole_s = sum(spent_s.values()) / self._all_come()
        left_s = 0.0
        for stage, share in self._shares.items():
            length_s = (spent_s[stage] + _FORESIGHT * share * whole_s) / (self._come[stage] + _FORESIGHT)
            left_s += (1 - self._come[stage]) * length_s
        return left_s

    def _follow(self, left_s: float | None, now_s: float) -> float | None:
        """What is told after what was told last."""
        if left_s is None or self._told_s is None:
            return left_s
        passed_s = now_s - self._latest_s
        expected_s = max(self._told_s - passed_s, 0.0)
        stray_s = (_STRAY_PARTS * expected_s + _STRAY_S) * passed_s
        return min(max(left_s, expected_s - stray_s, 0.0), expected_s + stray_s)
