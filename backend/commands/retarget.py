"""``limber retarget``: a Motion file onto the rig in a file, through Blender in a process of its own."""

from __future__ import annotations

import argparse

from smpl_rig.retarget.command_line import add_arguments, as_words

from .arguments import Commands

_FOUND = "bones found by: "


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("retarget", help="put a motion onto any character")
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Writes the animated rig.

    Raises:
        BlenderError: with what the user is to be told.
    """
    from backend.blender_process import run_in_blender

    warnings, lines = run_in_blender("smpl_rig.blender.retarget_file", as_words(parsed))
    for warning in warnings:
        print(f"warning: {warning}")
    how = next((line.removeprefix(_FOUND) for line in lines if line.startswith(_FOUND)), "")
    print(f"{parsed.out}  (bones found by: {how})")
    return 0
