"""From the button to the people in the scene: operators in an empty scene, against a real server."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")


@pytest.fixture
def settings(connected: Any) -> Any:
    return bpy.context.scene.limber


def capture(settings: Any, footage: Path) -> None:
    settings.footage = str(footage)
    assert bpy.ops.limber.capture() == {"FINISHED"}


def begun(connected: Any, source: Any) -> Any:
    """A capture in the scene in use, followed by hand."""
    connection = connected.module("backend_address").connection()
    job = connected.module("job").CaptureJob(connection, source)
    return connected.module("capture_run").CaptureRun(job, None, bpy.context.scene.session_uid)


def armatures() -> list[Any]:
    return [each for each in bpy.context.scene.objects if each.type == "ARMATURE"]


def frames_of(armature: Any, bone: str = "left_elbow") -> np.ndarray:
    """(61, 4, 4) of a bone, in the armature's space, as Blender plays it."""
    scene, found = bpy.context.scene, []
    for frame in range(1, 62):
        scene.frame_set(frame)
        found.append(np.array(armature.pose.bones[bone].matrix))
    return np.array(found)


def test_footage_becomes_a_skinned_moving_person(settings: Any, connected: Any, server: Any) -> None:
    footage = server.script(people=1)
    capture(settings, footage)
    (armature,) = armatures()
    scene = bpy.context.scene
    assert armature.name == footage.stem
    assert bpy.context.object == armature
    assert connected.module("characters").captured_armature(bpy.context) == armature
    assert (scene.render.fps / scene.render.fps_base, scene.frame_start, scene.frame_end) == (30, 1, 61)
    (mesh,) = armature.children
    assert len(mesh.data.vertices) > 10_000
    assert np.ptp(frames_of(armature), axis=0).max() > 0.1
    assert connected.session.message == ""
    (height_m,) = connected.session.run.heights_m
    assert height_m == pytest.approx(np.ptp([vertex.co.z for vertex in mesh.data.vertices]), abs=1e-5)


def test_everybody_becomes_an_armature_each(settings: Any, server: Any) -> None:
    settings.people = "all"
    footage = server.script(people=3)
    capture(settings, footage)
    assert sorted(each.name for each in armatures()) == [f"{footage.stem} person {number}" for number in range(3)]
    assert sorted(each.name for each in bpy.context.selected_objects) == sorted(each.name for each in armatures())
    assert len([each for each in bpy.context.scene.objects if each.type == "CAMERA"]) == 1


def test_the_options_reach_the_backend(settings: Any, connected: Any, server: Any) -> None:
    settings.people, settings.person = "number", 4
    settings.use_range, settings.start_s, settings.end_s = True, 1.0, 2.5
    settings.camera, settings.fov, settings.focal_px = "fov", np.radians(50), 1234
    settings.use_height, settings.height_m = True, 1.875
    settings.device, settings.still_camera, settings.detector = "cpu", True, "heavy"
    connected.session.watch._replace(  # as after a look at a backend that has it
        connected.module("watch").Sight(health=_health(connected, "per-frame"))
    )
    settings.network = "per-frame"
    capture(settings, server.script(people=1, echo=True))
    (asked,) = [each for each in connected.session.run.warnings if "network" in each]
    for words in (
        '"network":"per-frame","detector":"heavy"',
        '"person":"4"',
        '"start_s":1.0,"end_s":2.5',
        '"fov_deg":50.',
        '"device":"cpu","still_camera":true',
    ):
        assert words in asked
    assert '"focal_px":null,"height_m":1.875,"body":null' in asked


def test_a_focal_length_reaches_the_backend_in_place_of_the_field_of_view(
    settings: Any, connected: Any, server: Any
) -> None:
    settings.camera, settings.focal_px = "focal", 1234
    capture(settings, server.script(people=1, echo=True))
    (asked,) = [each for each in connected.session.run.warnings if "network" in each]
    assert '"detector":"auto"' in asked
    assert '"fov_deg":null,"focal_px":1234.0,"height_m":null' in asked


def test_the_detectors_that_the_backends_messages_name_are_found_in_the_panel(settings: Any) -> None:
    names = {each.identifier: each.name for each in settings.bl_rna.properties["detector"].enum_items}
    assert [*names] == ["auto", "full", "heavy"]
    assert all(detector in names[detector] for detector in ("full", "heavy"))


@pytest.fixture
def tall_body(connected: Any, body_file: Path, tmp_path: Path) -> Path:
    """The file of a body that is a tenth taller than the one that comes with Limber."""
    module = connected.module("smpl_rig.body")
    body = module.load_body(body_file)
    taller = {"v_template": 1.1 * body.v_template, "shapedirs": 1.1 * body.shapedirs, "name": "tall"}
    path = tmp_path / "tall.npz"
    replace(body, **taller).save(path)
    return path


def test_another_body_is_captured_with_and_shown(
    settings: Any, connected: Any, server: Any, body_file: Path, tall_body: Path
) -> None:
    settings.body, settings.add_camera = str(tall_body), False
    capture(settings, server.script(people=1))
    assert connected.session.run.warnings == []
    (mesh,) = armatures()[0].children
    corners = np.array([vertex.co for vertex in mesh.data.vertices])
    own = connected.module("smpl_rig.body").load_body(body_file).v_template
    assert np.ptp(corners[:, 2]) == pytest.approx(1.1 * np.ptp(own[:, 1]), rel=1e-5)
    assert connected.session.run.heights_m == pytest.approx([1.1 * np.ptp(own[:, 1])], rel=1e-5)


def test_another_body_that_is_gone_when_an_earlier_capture_is_loaded(
    settings: Any, connected: Any, server: Any, tall_body: Path
) -> None:
    settings.body = str(tall_body)
    capture(settings, server.script(people=1))
    tall_body.unlink()
    client = connected.module("client").Client(connected.module("backend_address").connection())
    assert bpy.ops.limber.load_capture(capture=client.captures()[0].capture) == {"FINISHED"}
    client.close()
    said = " ".join(connected.session.run.warnings)
    assert f"{tall_body} does not exist" in said
    assert "bones and no mesh" in said
    assert connected.session.run.heights_m == [None]
    assert not bpy.context.object.children


@pytest.mark.parametrize(("content", "words"), [(None, "There is no body file"), (b"none", "is not a readable body")])
def test_a_body_that_cannot_be_used_is_told(
    settings: Any, connected: Any, server: Any, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "SMPL_NEUTRAL.npz"
    if content is not None:
        path.write_bytes(content)
    settings.footage, settings.body = str(server.script(people=1)), str(path)
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.limber.capture()
    assert words in connected.session.message
    assert path.name in connected.session.message
    assert not armatures()


def _health(connected: Any, *networks: str) -> Any:
    client = connected.module("client")
    offered = tuple(client.Network(name, name, True) for name in networks)
    return client.Health("0", "ready", "cpu", offered, 1)


def test_a_network_stays_chosen_when_the_backend_is_away(settings: Any, connected: Any) -> None:
    watch, sight = connected.session.watch, connected.module("watch").Sight
    watch._replace(sight(health=_health(connected, "tar", "per-frame")))
    settings.network = "per-frame"
    watch._replace(sight(problem="away"))
    assert settings.network == "per-frame"
    watch._replace(sight(health=_health(connected, "per-frame")))
    assert settings.options().network == "per-frame"
    settings.network = "auto"
    assert settings.network_name == "auto"


def test_a_second_capture_keeps_the_first_and_its_frame_rate(settings: Any, server: Any) -> None:
    capture(settings, server.script())
    (first,) = armatures()
    before = frames_of(first)
    bpy.context.scene.frame_end = 500
    capture(settings, server.script())
    assert len(armatures()) == 2
    assert bpy.context.scene.frame_end == 500
    np.testing.assert_array_equal(frames_of(first), before)


def test_a_longer_second_capture_is_within_the_scene_s_range(settings: Any, server: Any) -> None:
    capture(settings, server.script())
    bpy.context.scene.frame_end = 20
    capture(settings, server.script())
    assert (bpy.context.scene.frame_start, bpy.context.scene.frame_end) == (1, 61)


def test_the_playhead_is_brought_to_the_take(settings: Any, server: Any) -> None:
    bpy.context.scene.frame_set(200)
    capture(settings, server.script())
    assert bpy.context.scene.frame_current == 1
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def test_people_come_into_the_scene_that_the_capture_was_begun_in(settings: Any, connected: Any, server: Any) -> None:
    settings.footage, settings.people = str(server.script(people=2)), "all"
    run = begun(connected, connected.module("job").NewCapture(settings.footage_path(), settings.options()))
    first, second = bpy.context.scene, bpy.data.scenes.new("Second")
    run.job.start()
    bpy.context.window.scene = second
    while not run.is_over:
        run.step(bpy.context)
        time.sleep(0.02)
    assert bpy.context.scene == second
    assert not second.objects
    assert len([each for each in first.objects if each.type == "ARMATURE"]) == 2
    assert (first.frame_end, second.frame_end) == (61, 250)
    assert run.warnings[-1] == f"The capture was begun in the scene '{first.name}', and is there."
    assert first.camera is not None


def test_people_of_a_scene_that_is_gone_come_into_the_one_in_use(settings: Any, connected: Any, server: Any) -> None:
    settings.footage = str(server.script())
    run = begun(connected, connected.module("job").NewCapture(settings.footage_path(), settings.options()))
    first, second = bpy.context.scene, bpy.data.scenes.new("Second")
    run.job.start()
    bpy.context.window.scene = second
    bpy.data.scenes.remove(first)
    while not run.is_over:
        run.step(bpy.context)
        time.sleep(0.02)
    assert len(armatures()) == 1


def test_the_slider_rewrites_the_keys_from_the_capture(settings: Any, connected: Any, server: Any) -> None:
    settings.smoothness = 0.0
    capture(settings, server.script())
    (armature,) = armatures()
    action = armature.animation_data.action
    raw = frames_of(armature)
    action.limber_smoothness = 1.0
    smooth = frames_of(armature)

    def shaking(frames: np.ndarray) -> float:
        return float(np.abs(np.diff(frames, n=2, axis=0)).mean())

    assert shaking(smooth) < 0.3 * shaking(raw)
    action.limber_smoothness = 0.0
    np.testing.assert_allclose(frames_of(armature), raw, atol=1e-6)


def test_the_slider_works_in_a_file_opened_again_without_a_backend(
    settings: Any, connected: Any, server: Any, tmp_path: Path
) -> None:
    settings.smoothness = 0.25
    capture(settings, server.script())
    (armature,) = armatures()
    name, shown = armature.name, frames_of(armature)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    connected.preferences.address = "http://127.0.0.1:1"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    armature = bpy.data.objects[name]
    action = armature.animation_data.action
    assert action.limber_smoothness == pytest.approx(0.25)
    np.testing.assert_allclose(frames_of(armature), shown, atol=1e-6)
    action.limber_smoothness = 1.0
    assert np.abs(frames_of(armature) - shown).max() > 1e-3
    action.limber_smoothness = 0.25
    np.testing.assert_allclose(frames_of(armature), shown, atol=1e-6)


def test_a_part_of_the_body_can_have_its_own_smoothness(settings: Any, connected: Any, server: Any) -> None:
    settings.smoothness = 0.0
    capture(settings, server.script())
    (armature,) = armatures()
    action, raw = armature.animation_data.action, frames_of(armature)
    action.limber_parts.arms = 1.0  # has no effect until it is its own
    np.testing.assert_allclose(frames_of(armature), raw, atol=1e-6)
    action.limber_parts.own_arms = True
    assert np.abs(frames_of(armature) - raw).max() > 1e-3
    action.limber_parts.own_arms = False
    np.testing.assert_allclose(frames_of(armature), raw, atol=1e-6)


def test_a_preset_sets_slider_and_parts(settings: Any, connected: Any, server: Any) -> None:
    capture(settings, server.script())
    (armature,) = armatures()
    action = armature.animation_data.action
    connected.module("characters").select(bpy.context, [armature])
    for name, preset in connected.module("smpl_rig.smoothness").smoothness_presets().items():
        bpy.ops.limber.smoothness_preset(preset=name)
        assert action.limber_smoothness == pytest.approx(preset.smoothness)
        assert action.limber_parts.own() == pytest.approx(dict(preset.parts))
        motion = connected.module("smpl_rig.blender.character").motion_of(armature)
        expected = connected.module("smpl_rig.refine").refine(motion, preset.smoothness, preset.parts)
        frames = range(1, len(motion) + 1)
        heads = np.array([_head(armature, frame, "left_hand") for frame in frames])
        np.testing.assert_allclose(heads, expected.joints_world[:, 22], atol=1e-3)


def test_the_smoothness_can_be_keyed_over_time(settings: Any, connected: Any, server: Any, tmp_path: Path) -> None:
    settings.smoothness = 0.0
    capture(settings, server.script())
    (armature,) = armatures()
    action, raw, scene = armature.animation_data.action, frames_of(armature), bpy.context.scene
    connected.module("characters").select(bpy.context, [armature])
    middle = len(raw) // 2
    scene.frame_set(middle)
    bpy.ops.limber.key_smoothness()
    np.testing.assert_allclose(frames_of(armature), raw, atol=1e-6)
    scene.frame_set(len(raw))
    action.limber_smoothness = 1.0  # sets the key of the current frame
    keyed = frames_of(armature)
    np.testing.assert_allclose(keyed[: middle - 2], raw[: middle - 2], atol=1e-4)
    assert np.abs(keyed[middle:] - raw[middle:]).max() > 1e-3
    name = armature.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "keyed.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "keyed.blend"))
    armature = bpy.data.objects[name]
    connected.module("characters").select(bpy.context, [armature])
    bpy.ops.limber.smooth_again()
    np.testing.assert_allclose(frames_of(armature), keyed, atol=1e-5)
    bpy.ops.limber.unkey_smoothness()
    everywhere = frames_of(armature)
    assert np.abs(everywhere[: middle - 2] - raw[: middle - 2]).max() > 1e-3
    armature.animation_data.action.limber_smoothness = 0.0
    np.testing.assert_allclose(frames_of(armature), raw, atol=1e-6)


def _head(armature: Any, frame: int, bone: str) -> list[float]:
    bpy.context.scene.frame_set(frame)
    return list(armature.pose.bones[bone].head)


def test_a_motion_of_another_body_is_not_lost(settings: Any, connected: Any, server: Any, tmp_path: Path) -> None:
    capture(settings, server.script())
    characters, motions = connected.module("characters"), connected.module("smpl_rig.motion")
    motion = connected.module("smpl_rig.blender.character").motion_of(armatures()[0])
    values = {name: getattr(motion, name) for name in motion.__dataclass_fields__}
    other = motions.Motion(**values | {"rest_joints": motion.rest_joints * 1.1, "body": "giant"})
    armature, warnings = characters.add_person(bpy.context, other, "Giant", 0.5)
    assert not armature.children
    assert "giant" in warnings[0]
    assert characters.is_captured(armature)


def test_cancelling_leaves_the_scene_as_it_was(settings: Any, connected: Any, server: Any) -> None:
    settings.footage = str(server.script(steps=1000, seconds=0.05))
    operators, jobs = (connected.module(name) for name in ("operators", "job"))
    before = set(bpy.data.objects), set(bpy.data.actions), bpy.context.scene.frame_end
    source = jobs.NewCapture(settings.footage_path(), settings.options())
    run = begun(connected, source)
    connected.session.run = run
    run.job.start()
    while run.progress.stage != "people":
        run.step(bpy.context)
        time.sleep(0.02)
    assert not operators.LIMBER_OT_capture.poll(bpy.context)
    began = time.monotonic()
    assert bpy.ops.limber.cancel_capture() == {"FINISHED"}
    assert run.headline == "Cancelling"
    while not run.is_over:
        run.step(bpy.context)
        time.sleep(0.02)
    assert time.monotonic() - began < 1.0
    assert (set(bpy.data.objects), set(bpy.data.actions), bpy.context.scene.frame_end) == before
    assert not run.people
    assert operators.LIMBER_OT_capture.poll(bpy.context)


def test_opening_another_file_leaves_the_capture_to_the_backend(settings: Any, connected: Any, server: Any) -> None:
    settings.footage = str(server.script(steps=20, seconds=0.1))
    jobs = connected.module("job")
    connection = connected.module("backend_address").connection()
    run = begun(connected, jobs.NewCapture(settings.footage_path(), settings.options()))
    connected.session.run = run
    run.job.start()
    while run.progress.stage != "people":
        run.step(bpy.context)
        time.sleep(0.02)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert connected.session.run is None
    newest = connected.module("client").Client(connection).captures()[0]
    assert newest.state == "running"
    assert bpy.ops.limber.load_capture(capture=newest.capture) == {"FINISHED"}
    assert [each.name for each in armatures()] == [Path(newest.footage).stem]


@pytest.mark.parametrize(
    ("footage", "words"),
    [("", "No footage is chosen"), ("/nowhere/clip.mp4", "/nowhere/clip.mp4 does not exist"), ("error", "no picture")],
)
def test_errors_are_shown_in_words(settings: Any, connected: Any, server: Any, footage: str, words: str) -> None:
    settings.footage = str(server.script(error="It has no picture.")) if footage == "error" else footage
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.limber.capture()
    assert words in connected.session.message
    assert not armatures()


def test_a_backend_elsewhere_needs_the_network_to_be_allowed_and_a_token(connected: Any) -> None:
    backend_address = connected.module("backend_address")
    connected.preferences.address = "http://192.0.2.1:8765"
    with pytest.raises(Exception, match="Allow Online Access"):
        backend_address.connection()


def test_the_token_of_this_machine_is_found(
    connected: Any, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend_address = connected.module("backend_address")
    connected.preferences.token = ""
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path))
    with pytest.raises(Exception, match="No backend has run"):
        backend_address.connection()
    (tmp_path / "token").write_text("the token\n")
    assert backend_address.connection().token == "the token"


FORMATS = ("FBX", "BVH", "GLB", "USD", "ABC", "NPZ", "CSV")


@pytest.mark.parametrize(("file_format", "ending"), [(each, each.lower()) for each in FORMATS])
def test_exports(settings: Any, server: Any, tmp_path: Path, file_format: str, ending: str) -> None:
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.limber.export(filepath=str(tmp_path / "nobody"), file_format=file_format)
    capture(settings, server.script())
    assert bpy.ops.limber.export(filepath=str(tmp_path / "person"), file_format=file_format) == {"FINISHED"}
    assert (tmp_path / f"person.{ending}").stat().st_size > 10_000


def test_an_export_that_fails_says_why(settings: Any, connected: Any, server: Any, tmp_path: Path) -> None:
    capture(settings, server.script())
    with pytest.raises(RuntimeError, match="cannot be written"):
        bpy.ops.limber.export(filepath=str(tmp_path / "nowhere" / "person.fbx"), file_format="FBX")
    assert "nowhere" in connected.session.message


def test_the_camera_comes_with_the_capture_and_on_demand(settings: Any, connected: Any, server: Any) -> None:
    settings.add_camera = False
    capture(settings, server.script())
    scene = bpy.context.scene
    assert scene.camera is None
    assert bpy.ops.limber.toggle_footage() == {"FINISHED"}
    assert scene.camera is not None
    assert (scene.render.resolution_x, scene.render.resolution_y) == (1280, 720)


def test_each_person_has_the_camera_of_their_own_footage(settings: Any, connected: Any, server: Any) -> None:
    characters, scene = connected.module("characters"), bpy.context.scene
    settings.people = "all"
    capture(settings, server.script(people=2))
    earlier, earlier_camera = armatures(), scene.camera
    capture(settings, server.script(people=1))
    assert scene.camera != earlier_camera
    for armature in earlier:
        assert characters.footage_camera(scene, armature) == earlier_camera
    scene.render.resolution_x = 99
    bpy.context.view_layer.objects.active = earlier[1]
    assert bpy.ops.limber.toggle_footage() == {"FINISHED"}
    assert scene.camera == earlier_camera
    assert (scene.render.resolution_x, scene.render.resolution_y) == (1280, 720)


def test_no_second_camera_is_made_while_the_footage_is_not_found(settings: Any, server: Any) -> None:
    capture(settings, server.script())
    settings.footage = ""
    for _ in range(2):
        assert bpy.ops.limber.toggle_footage() == {"FINISHED"}
    assert len([each for each in bpy.context.scene.objects if each.type == "CAMERA"]) == 1


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of images."""
    picture = bpy.data.images.new("picture", 64, 36)
    picture.file_format = "PNG"
    for number in range(1, 8):
        picture.filepath_raw = str(tmp_path / f"{number:04d}.png")
        picture.save()
    return tmp_path


def test_footage_of_another_rate_than_the_scene_s_is_told(
    settings: Any, connected: Any, server: Any, pictures: Path
) -> None:
    capture(settings, server.script())
    characters, scene = connected.module("characters"), bpy.context.scene
    motion = connected.module("smpl_rig.blender.character").motion_of(armatures()[0])
    motion = replace(motion, footage=(pictures.name, motion.footage[1]))
    assert characters.put_footage(scene, scene.camera, motion, pictures) == []
    scene.render.fps = 24
    (warning,) = characters.put_footage(scene, scene.camera, motion, pictures)
    assert f"{pictures.name} has 30 frames per second and the scene plays 24" in warning


def test_footage_that_is_found_again_is_put_behind_the_camera(
    settings: Any, connected: Any, server: Any, pictures: Path
) -> None:
    capture(settings, server.script())
    (armature,), camera = armatures(), bpy.context.scene.camera
    motion = connected.module("smpl_rig.blender.character").motion_of(armature)
    motion = replace(motion, footage=(pictures.name, "0" * 64))
    motion.save(pictures / "motion.npz")
    armature.animation_data.action["limber"] = {"motion": (pictures / "motion.npz").read_bytes()}
    assert not camera.data.background_images
    settings.footage = str(pictures)
    assert bpy.ops.limber.toggle_footage() == {"FINISHED"}
    assert len(camera.data.background_images) == 1


def test_the_watch_sees_the_backend_come_and_go(connected: Any, start_server: Any) -> None:
    server = start_server()
    connected.preferences.address, connected.preferences.token = server.address, server.token
    watch = connected.session.watch

    def sight_after(words: str) -> Any:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            connected.session.look()
            time.sleep(0.05)
            if (words == "health") == (watch.sight.health is not None):
                return watch.sight
        raise AssertionError(watch.sight)

    assert sight_after("health").problem == ""
    server.end()
    assert "No backend answers" in sight_after("problem").problem
