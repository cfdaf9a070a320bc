"""``limber networks``: which there are, and their figures beside their papers'."""

from __future__ import annotations

import argparse
import json

from .arguments import Commands


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("networks", help="list the networks, or set them beside their papers")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--paper-table", action="store_true", help="parameters and FLOPs; exit status 1 if they differ")
    shown.add_argument("--speed", action="store_true", help="frames per second on this machine; takes some minutes")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Prints what was asked for; 1 where a figure differs from its paper's."""
    if parsed.paper_table:
        return _paper_table(parsed.json)
    if parsed.speed:
        return _speed(parsed.json)
    from backend.models.listing import as_records, as_table, listing

    listed = listing()
    print(json.dumps(as_records(listed), indent=2) if parsed.json else as_table(listed))
    return 0


def _paper_table(as_json: bool) -> int:
    from backend.models.paper_table import as_records, as_table, paper_table

    figures = paper_table()
    print(json.dumps(as_records(figures), indent=2) if as_json else as_table(figures))
    return 0 if all(figure.met for figure in figures) else 1


def _speed(as_json: bool) -> int:
    from tqdm import tqdm

    from backend.models.configurations import CONFIGURATIONS
    from backend.models.speed import as_records, as_table, devices, speeds

    total = len(devices()) * len(CONFIGURATIONS)
    found = list(tqdm(speeds(), total=total, desc="networks", disable=as_json, leave=False))
    print(json.dumps(as_records(found), indent=2) if as_json else as_table(found))
    return 0
