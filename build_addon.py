"""Makes the Blender extension: ``python build_addon.py`` writes ``dist/limber-VERSION.zip``.

The zip holds ``blender_addon/`` with a copy of ``smpl_rig/`` and the embedded body inside, and is the same, byte for
byte, whenever its contents are. Blender's own ``extension validate`` checks it: with a Blender executable where there
is one, else with the same program out of the ``bpy`` module.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from smpl_rig.errors import LimberError

REPOSITORY = Path(__file__).resolve().parent
#: What an extension needs of a package; everything else (caches, type markers, notes) stays behind.
_KINDS = (".py", ".json", ".toml")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class AddonBuildError(LimberError):
    """The extension cannot be built, or Blender refuses it."""


def main() -> int:
    """Builds and validates; returns the exit status."""
    parser = argparse.ArgumentParser(description="Make the Blender extension's zip.")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist", help="folder of the zip (default: dist)")
    parser.add_argument("--blender", type=Path, help="a Blender executable to validate with (default: the one on PATH)")
    parsed = parser.parse_args()
    try:
        # the body needs torch once, to be made; what only stages and validates does not
        from backend.body import body_path  # noqa: PLC0415

        archive = build(parsed.out, body_path(_print_progress))
        command = validation_command(parsed.blender)
        if command is None:
            print("NOT VALIDATED: there is neither a Blender on PATH nor the bpy module. Give --blender PATH.")
        else:
            validate(archive, command)
            print(f"valid, says {' '.join(command)}")
    except LimberError as error:
        print(f"build_addon: {error}", file=sys.stderr)
        return 1
    print(archive)
    return 0


def build(out: Path, body: Path) -> Path:
    """Writes the extension's zip, whole or not at all.

    Args:
        out: folder of the zip; made if need be.
        body: the embedded body's file.

    Returns:
        The zip's path.

    Raises:
        AddonBuildError: if the manifest's version is not the project's.
    """
    out.mkdir(parents=True, exist_ok=True)
    archive = out / f"limber-{version()}.zip"
    part = archive.with_suffix(".zip.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        for name, source in sorted(contents(body).items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            opened.writestr(entry, source.read_bytes())
    part.replace(archive)
    return archive


def stage(folder: Path, body: Path) -> None:
    """Lays the extension out in a folder, as Blender does when it installs the zip."""
    for name, source in contents(body).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def contents(body: Path) -> dict[str, Path]:
    """The extension's files: their names in the zip, and where they come from."""
    found = {"LICENSE": REPOSITORY / "LICENSE", "smpl_rig/bodies/limber.npz": body}
    for package, prefix in (("blender_addon", ""), ("smpl_rig", "smpl_rig/")):
        for source in (REPOSITORY / package).rglob("*"):
            if source.is_file() and source.suffix in _KINDS:
                found[prefix + source.relative_to(REPOSITORY / package).as_posix()] = source
    return found


def version() -> str:
    """The project's version, which the manifest must repeat.

    Raises:
        AddonBuildError: if it does not.
    """
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    manifest_path = REPOSITORY / "blender_addon" / "blender_manifest.toml"
    manifest = tomllib.loads(manifest_path.read_text(encoding="utf-8"))["version"]
    if manifest != project:
        raise AddonBuildError(
            f"{manifest_path.name} says version {manifest}, pyproject.toml {project}. Make them the same."
        )
    return str(project)


def validation_command(blender: Path | None = None) -> list[str] | None:
    """Blender's own validator, to be followed by the zip's path; None where there is none.

    Args:
        blender: a Blender executable; None looks for one on PATH, then for the ``bpy`` module, whose copy of the
            validator is the program that ``blender --command extension validate`` runs.

    Raises:
        AddonBuildError: if the executable given does not exist.
    """
    found = shutil.which(blender or "blender")
    if found:
        return [found, "--background", "--factory-startup", "--command", "extension", "validate"]
    if blender:
        raise AddonBuildError(f"{blender} is no program. Give the path of a Blender executable.")
    module = importlib.util.find_spec("bpy")
    folders = module.submodule_search_locations if module and module.submodule_search_locations else []
    for scripts in (each for folder in folders for each in Path(folder).glob("*/scripts")):
        program = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
        tags = scripts / "modules" / "_bpy_internal" / "extensions" / "tags.py"
        if program.is_file() and tags.is_file():
            return [sys.executable, str(program), "validate", f"--valid-tags={tags}"]
    return None


def validate(archive: Path, command: list[str]) -> None:
    """Has Blender's validator check the zip.

    Raises:
        AddonBuildError: with what it found wrong.
    """
    finished = subprocess.run([*command, str(archive)], capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise AddonBuildError(f"Blender refuses {archive.name}: {(finished.stderr or finished.stdout).strip()}")


def _print_progress(fraction: float) -> None:
    print(f"\rbuilding the embedded body {fraction:.0%}", end="" if fraction < 1 else "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
