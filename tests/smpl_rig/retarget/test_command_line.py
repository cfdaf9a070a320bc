import argparse

import pytest

from smpl_rig.retarget.command_line import add_arguments, as_words


@pytest.mark.parametrize(
    "words",
    [
        ["walk.npz", "figure.fbx", "out.fbx"],
        ["--smoothness", "0", "--touch", "--", "-walk.npz", "figure.fbx", "out.fbx"],
        [
            *("walk.npz", "my figure.fbx", "out.usd", "--smoothness", "0.25", "--map", "map.json", "--armature", "Two"),
            *("--touch", "--relax-fingers", "--ik", "--preset", "unreal", "--bones", "deforming"),
        ],
    ],
)
def test_what_one_process_reads_the_next_reads_again(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parsed = parser.parse_args(words)
    assert parser.parse_args(as_words(parsed)) == parsed
