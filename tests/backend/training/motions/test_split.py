"""The division of the library: by subject, the same everywhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.training.motions.split import SPLITS, read_split, split

MOTIONS = Path(__file__).parents[5] / "shared" / "motions"


def write(path: Path, groups: list[dict[str, Any]], datasets: dict[str, str] | None = None) -> Path:
    path.write_text(json.dumps({"groups": groups, "datasets": datasets or {}}))
    return path


def test_every_free_clip_is_named_once() -> None:
    if not MOTIONS.is_dir():
        pytest.skip(f"{MOTIONS} is not there")
    assert set(split().clips) == {path.stem for path in MOTIONS.glob("*.npz")}


def test_takes_of_one_person_or_act_stay_together() -> None:
    table = split()
    for one, other in (
        ("cmu_salsa_01", "cmu_salsa_16"),  # two partners in the same take
        ("cmu_martial_03", "cmu_fbx_martial_135_01"),
        ("cmu_walking_test_1", "cmu_fbx_walk_07_01"),
        ("cc0_kaykit_sit_floor_down", "cc0_kaykit_sit_floor_standup"),
    ):
        assert table.subject_of(f"motions/{one}") == table.subject_of(f"elsewhere/{other}")


def test_every_part_has_who_sits_or_lies() -> None:
    table = split()
    low = ("cc0_kaykit_lie_idle", "cc0_kaykit_sit_chair_idle", "cc0_kaykit_sit_floor_idle")
    assert {table.part_of(table.subject_of(clip)) for clip in low} == set(SPLITS)


@pytest.mark.parametrize(
    ("clip", "subject", "part"),
    [
        ("AMASS/HumanEva/S1/Walking_1_poses", "humaneva/S1".lower(), "validation"),
        ("Transitions/mazen_c3d/airkick_jumpinplace_stageii", "transitions/mazen_c3d", "test"),
        ("AMASS/CMU/94/94_03_poses", "Indian dance", "test"),
        ("CMU/07/07_05_poses", "walking and running of many subjects", "train"),
        ("AMASS/CMU/120/120_01_poses", "cmu/120", "train"),
        ("downloads/91_12", "styles of walking", "test"),
        ("bvh/135_04", "martial arts", "train"),
    ],
)
def test_persons_of_amass_and_of_the_cmu_database_are_known(clip: str, subject: str, part: str) -> None:
    table = split()
    assert table.subject_of(clip) == subject
    assert table.part_of(subject) == part


def test_unknown_takes_that_differ_in_their_number_are_one_act() -> None:
    table = split()
    assert table.subject_of("mine/jump_01") == table.subject_of("mine/Jump 12") == "mine/jump"
    assert table.subject_of("mine/jump_01") != table.subject_of("yours/jump_01")
    assert table.subject_of("mine/12") == "mine/12"


def test_unknown_subjects_are_divided_by_their_hash() -> None:
    table = split()
    # sha256sum's output for these begins with 41, d1 and ec; of 256, train ends at cc and validation at e6
    assert [table.part_of(subject) for subject in ("s3", "s19", "s0")] == ["train", "validation", "test"]
    parts = [table.part_of(f"subject {number}") for number in range(2000)]
    for part, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        assert parts.count(part) / 2000 == pytest.approx(share, abs=0.03)


@given(st.text(min_size=1, max_size=30))
def test_any_subject_has_a_part(subject: str) -> None:
    assert split().part_of(subject) in SPLITS


@pytest.mark.parametrize(
    ("groups", "datasets", "said"),
    [
        ([{"name": "a", "split": "exam", "subjects": [], "clips": []}], {}, "'a' is in the part 'exam'"),
        ([], {"KIT": "train, surely"}, "'kit' is in the part 'train, surely'"),
        ([{"name": name, "split": "test", "subjects": [], "clips": ["x"]} for name in "ab"], {},
         "'x' is in the groups 'a' and 'b'"),
        ([{"name": name, "split": "test", "subjects": ["CMU/1"], "clips": []} for name in "ab"], {},
         "'cmu/1' is in the groups"),
        ([{"name": "a", "split": "test", "subjects": [], "clips": []}] * 2, {}, "two groups are called 'a'"),
    ],
)  # fmt: skip
def test_a_wrong_division_is_named(
    groups: list[dict[str, Any]], datasets: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        read_split(write(tmp_path / "split.json", groups, datasets))
