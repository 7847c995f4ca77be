"""The Frame Selector in a real browser: ComfyUI's real page, its pinned frontend and a newer one, canvas and Vue nodes.

No video model is needed: a small clip from a file is the video. What ran again is what ComfyUI itself reports.
Screenshots of what was tested land in .screenshots/.
"""

import io
import os
from pathlib import Path

import pytest
from if_edit.tests.support.comfy_page import (
    FIND_NODE,
    PAGES,
    SELECTOR,
    WINDOW,
    clip,
    nearest,
    new_page,
    save_clip,
)
from if_edit.tools.comfyui import PACK
from PIL import Image

FRAMES = 12
FINE = {"quality": 95, "subsampling": 0}  # of the filmstrip's large pictures, see nodes/progress.py
SHOWN_STRIPS = """(count) => [...document.querySelectorAll(".ifedit-strip")]
  .filter((strip) => strip.checkVisibility({ visibilityProperty: true }) && strip.clientWidth).length === count"""

NOTE_HEIGHTS = """(strip) => {
  window.heights = new Set();
  new ResizeObserver(() => window.heights.add(strip.offsetHeight)).observe(strip);
}"""

VIDEO = {
    "Video": ["LoadImage", 0, 0, {"image": "if_edit_clip.webp"}],
    "Noise": ["ImageAddNoise", 0, 380, {"seed": 7, "control_after_generate": "fixed", "strength": 0.01}],
}
TO_NOISE = ["Video", 0, "Noise", "image"]


def selector(x: float, y: float = 0, **values) -> list:
    return [SELECTOR, x, y, {"method": "last", **values}]


SIMPLE = (
    {**VIDEO, "Selector": selector(320), "Result": ["PreviewImage", 1240, 0, {}]},
    [TO_NOISE, ["Noise", 0, "Selector", "frames"], ["Selector", 0, "Result", "images"]],
)


@pytest.fixture(scope="module", params=PAGES)
def opened(request, browser, servers):
    """ComfyUI's page, open in a tab: one for all tests of a frontend and a kind of nodes."""
    with new_page(browser, servers, request.param) as comfy:
        save_clip(comfy.folder / "input" / "if_edit_clip.webp", count=FRAMES)
        comfy.open()
        yield comfy


def shown_frame(comfy, run, title="Result") -> int:
    return nearest(comfy.picture(run, title), clip(FRAMES))


def test_a_click_takes_that_frame_and_runs_only_what_follows(comfy):
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    assert "Run once" in strip.root.inner_text()
    first = comfy.queue()
    strip.wait()
    assert shown_frame(comfy, first) == FRAMES - 1
    assert strip.numbers() == list(range(FRAMES))
    assert strip.chosen() == ["Frame 11, chosen automatically"]
    assert strip.root.locator("polyline").count() >= 2  # the measured curves
    assert "still to change" in strip.root.locator(".ifedit-legend").inner_text()
    assert len([label for label in strip.labels() if "among the best" in label]) <= FRAMES / 3
    status = strip.root.get_by_role("status").first
    assert status.evaluate("(line) => line.scrollWidth <= line.clientWidth")  # all of the reason can be read
    comfy.settle()
    strip.wait_for_pictures()
    comfy.screenshot(f"{comfy.name}-1-automatic")

    strip.frame(5).click()
    assert comfy.value("Selector", "frame") == 5
    assert strip.chosen() == ["Frame 5, chosen by hand"]
    assert strip.status().endswith("press Run to take it")
    second = comfy.queue()
    assert second.ran == {"Selector", "Result"}
    assert shown_frame(comfy, second) == 5
    comfy.screenshot(f"{comfy.name}-2-frame-5")

    comfy.open()  # a reload
    strip = comfy.filmstrip()
    strip.wait()
    assert comfy.value("Selector", "frame") == 5
    assert strip.chosen() == ["Frame 5, chosen by hand"]
    strip.wait_for_pictures()
    comfy.screenshot(f"{comfy.name}-3-reloaded")

    strip.auto.click()
    assert comfy.value("Selector", "frame") == -1
    assert strip.chosen() == ["Frame 11, chosen automatically"]
    assert shown_frame(comfy, comfy.queue()) == FRAMES - 1


def test_the_shipped_workflow_works_so_with_the_embedded_model(comfy):
    comfy.open_template("pick_the_frame")
    assert "Run once" in comfy.filmstrip("Frame Selector").root.inner_text()
    comfy.set_value("Edit", "steps", 4)  # of 20: the time of a test
    first = comfy.queue(timeout=240)
    assert "Edit Sampler" in first.ran
    comfy.look_at("Frame Selector")
    strip = comfy.filmstrip("Frame Selector")
    strip.wait()
    assert strip.numbers() == list(range(33))
    shown = first.outputs[first.node("Frame Selector")]["if_edit_filmstrip"][0]["large"]
    pictures = [Image.open(io.BytesIO(comfy.get("/view", **each))).convert("RGB") for each in shown]
    comfy.screenshot(f"{comfy.name}-0-shipped-workflow")

    strip.frame(5).click()
    assert strip.chosen() == ["Frame 5, chosen by hand"]
    second = comfy.queue()
    finished = {"Still-Video Refiner", "Composite Edit", "Before and After", "Result"}
    assert second.ran == {"Frame Selector", "Measures", "Best frames", "All frames", *finished}
    result = io.BytesIO()  # saved as the filmstrip's pictures are: frames differ less than a JPEG file from its frame
    Image.open(io.BytesIO(comfy.picture(second, "Frame Selector"))).save(result, "JPEG", **FINE)
    assert nearest(result.getvalue(), pictures[2::3]) == 1  # neighbors differ less than how ComfyUI rounds a picture
    comfy.screenshot(f"{comfy.name}-0-shipped-workflow-frame-5")

    comfy.open()  # a reload
    strip = comfy.filmstrip("Frame Selector")
    strip.wait()
    assert comfy.value("Frame Selector", "frame") == 5
    assert strip.chosen() == ["Frame 5, chosen by hand"]


def test_a_seed_that_changes_is_named_and_can_be_fixed(comfy):
    nodes, links = SIMPLE
    random_seed = ["ImageAddNoise", 0, 380, {"seed": 11, "control_after_generate": "randomize", "strength": 0.01}]
    comfy.load({**nodes, "Noise": random_seed}, links)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    assert comfy.value("Noise", "seed") != 11  # ComfyUI has already drawn the next one
    assert "Seed of Noise changes each time" in strip.seeds.inner_text()
    comfy.screenshot(f"{comfy.name}-4-random-seed")
    strip.frame(4).click()
    strip.seeds.get_by_role("button", name="Fix the seed").click()
    strip.seeds.get_by_text("only this node").wait_for()
    assert comfy.value("Noise", "seed") == 11
    assert comfy.value("Noise", "control_after_generate") == "fixed"
    run = comfy.queue()
    assert run.ran == {"Selector", "Result"}
    assert shown_frame(comfy, run) == 4

    comfy.set_value("Noise", "seed", 12)  # by hand: fixed, but not the seed of these frames
    comfy.page.mouse.move(5, 900)
    strip.root.hover()
    assert "no longer that of these frames" in strip.seeds.inner_text()
    strip.seeds.get_by_role("button").click()
    strip.seeds.get_by_text("only this node").wait_for()
    assert comfy.value("Noise", "seed") == 11


def test_a_seed_is_found_behind_reroutes_primitives_and_subgraphs(comfy):
    nodes, links = SIMPLE
    nodes = {
        **nodes,
        "Noise": ["ImageAddNoise", 0, 380, {"control_after_generate": "fixed", "strength": 0.01}],
        "Dial": ["PrimitiveNode", -240, 380, {}],
        "Bend": ["Reroute", 240, 480, {}],
    }
    links = [TO_NOISE, ["Noise", 0, "Bend", ""], ["Bend", 0, "Selector", "frames"], ["Selector", 0, "Result", "images"]]
    comfy.load(nodes, [*links, ["Dial", 0, "Noise", "seed"]])
    comfy.set_value("Dial", "value", 21)
    comfy.set_value("Dial", "control_after_generate", "increment")
    comfy.to_subgraph(["Noise"])
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    assert "Seed of Dial changes each time" in strip.seeds.inner_text()
    assert comfy.value("Dial", "value") == 22
    strip.seeds.get_by_role("button").click()
    strip.seeds.get_by_text("only this node").wait_for()
    assert comfy.value("Dial", "value") == 21
    strip.frame(3).click()
    assert comfy.queue().ran == {"Selector", "Result"}


def test_the_keyboard_chooses_and_nothing_reaches_the_canvas(comfy):
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    strip.frame(5).click()
    keys = comfy.page.keyboard
    for key, expected in [("ArrowLeft", 4), ("ArrowRight", 5), ("ArrowRight", 6), ("Home", 0), ("ArrowLeft", 0)]:
        keys.press(key)
        assert comfy.value("Selector", "frame") == expected
    keys.press("End")
    assert comfy.value("Selector", "frame") == FRAMES - 1
    keys.press("ArrowLeft")
    comfy.settle()
    focused = comfy.page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    assert focused == "Frame 10, chosen by hand"
    comfy.screenshot(f"{comfy.name}-5-keyboard")

    for key in ("Delete", "Backspace", "b", "m", "c", "p", "q", "Control+c", "Control+v", "Control+b", "Alt+c"):
        keys.press(key)
    comfy.settle()
    assert comfy.page.evaluate("() => window.app.graph.nodes.length") == 4
    assert comfy.on_node("Selector", "[node.mode, Boolean(node.flags.collapsed), Boolean(node.flags.pinned)]") == [
        0,
        False,
        False,
    ]

    with comfy.one_run() as runs:
        keys.press("Enter")
    assert runs[0].ran == {"Selector", "Result"}
    assert shown_frame(comfy, runs[0]) == 10


def test_undo_takes_back_the_choice_and_leaves_the_frames(comfy):
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    for number in (5, 7):
        strip.frame(number).click()
        comfy.settle()
    comfy.undo("() => window.app.graph.nodes.find((each) => each.title === 'Selector')?.widgets[2].value === 5")
    comfy.settle()
    strip = comfy.filmstrip()
    assert strip.chosen() == ["Frame 5, chosen by hand"]
    strip.wait_for_pictures()


def test_a_double_click_chooses_and_queues(comfy):
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    before = set(comfy.history())
    with comfy.one_run() as runs:
        strip.frame(6).dblclick()
    assert runs[0].ran == {"Selector", "Result"}
    assert shown_frame(comfy, runs[0]) == 6
    comfy.page.wait_for_timeout(300)  # a second run would be over: nothing of it is computed
    assert set(comfy.history()) - before == {runs[0].id}


def test_hovering_shows_the_frame_large(comfy):
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    comfy.settle()
    strip.frame(9).hover()
    preview = comfy.page.locator(".ifedit-preview")
    preview.wait_for()
    assert preview.inner_text().startswith("frame 9")
    shown, small = preview.locator("img").bounding_box(), strip.frame(9).locator("img").bounding_box()
    assert shown["width"] > 2 * small["width"]
    assert shown["y"] > strip.reel.bounding_box()["y"]  # the status line and the widgets above stay free
    assert "as sharp as the sharpest" in preview.inner_text() or "sharpest of all" in preview.inner_text()
    comfy.screenshot(f"{comfy.name}-6-preview")
    comfy.page.mouse.move(5, 900)
    preview.wait_for(state="detached")


def test_the_wheel_turns_the_strip_and_the_middle_button_pans(comfy):
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    comfy.settle()
    comfy.page.evaluate("() => document.activeElement?.blur()")
    box = strip.reel.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 20
    turned, scale = strip.reel.evaluate("(reel) => reel.scrollLeft"), comfy.scale()
    assert turned > 0  # at the last frame
    comfy.page.mouse.move(x, y)
    comfy.page.mouse.wheel(0, -120)
    comfy.wait("() => document.querySelector('.ifedit-reel:hover').scrollLeft < 500")
    comfy.page.mouse.move(x, strip.root.bounding_box()["y"] + 5)  # over the status line there is nothing to turn
    comfy.page.mouse.wheel(0, 120)
    comfy.settle()
    assert comfy.scale() == scale

    before = comfy.offset()
    comfy.page.mouse.move(x, y)
    comfy.page.mouse.down(button="middle")
    comfy.page.mouse.move(x + 30, y + 20)
    comfy.page.mouse.move(x + 60, y + 40)
    comfy.page.mouse.up(button="middle")
    comfy.page.mouse.move(x, y)  # let go
    comfy.settle()
    moved = [after - earlier for after, earlier in zip(comfy.offset(), before, strict=True)]
    assert moved == pytest.approx([60 / scale, 40 / scale], abs=2)
    assert comfy.value("Selector", "frame") == -1


def test_the_frames_play_in_order_until_a_click(comfy):
    comfy.page.emulate_media(reduced_motion="reduce")
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait_for_pictures()
    preview = comfy.page.locator(".ifedit-preview")
    comfy.page.wait_for_timeout(400)
    assert preview.count() == 0  # nothing moves by itself
    strip.frame(11).focus()
    comfy.page.keyboard.press("Space")
    preview.wait_for()
    seen = []
    while len(seen) < 4:
        number = int(preview.inner_text().split()[1].rstrip(","))
        if number not in seen:
            seen.append(number)
        comfy.page.wait_for_timeout(40)
    assert seen == list(range(seen[0], seen[0] + 4))
    comfy.screenshot(f"{comfy.name}-13-playing")
    comfy.page.mouse.click(1450, 600)  # anywhere
    preview.wait_for(state="detached")
    assert strip.root.get_by_role("button", name="play").is_visible()
    assert comfy.value("Selector", "frame") == -1
    comfy.page.emulate_media(reduced_motion="no-preference")


def test_a_frame_is_saved_compared_and_edited_on_from_its_menu(comfy):
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    strip.frame(9).click()
    strip.frame(6).click(button="right")
    assert comfy.page.locator(".ifedit-menu").get_by_role("menuitem").count() == 3
    comfy.screenshot(f"{comfy.name}-12-menu")
    with comfy.page.expect_download() as download:
        comfy.page.get_by_role("menuitem", name="Save this frame").click()
    assert download.value.suggested_filename == "frame_6.jpg"
    assert nearest(Path(download.value.path()).read_bytes(), clip(FRAMES)) == 6

    strip.frame(6).click(button="right")
    comfy.page.get_by_role("menuitem", name="Compare with the source").click()
    dialog = comfy.page.get_by_role("dialog", name="source (frame 0) and frame 6")
    dialog.locator("img").nth(1).wait_for()
    comfy.screenshot(f"{comfy.name}-12-comparison")
    comfy.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")

    strip.frame(6).click(button="right")
    comfy.page.get_by_role("menuitem", name="Edit on from here").click()
    strip.root.get_by_text("Frame 6 is the source now, in Video").wait_for()
    source = comfy.value("Video", "image")
    assert source.startswith("if_edit_frame_6")
    assert nearest((comfy.folder / "input" / source).read_bytes(), clip(FRAMES)) == 6
    assert comfy.value("Selector", "frame") == -1  # 9 was a frame of the video before
    strip.root.evaluate(NOTE_HEIGHTS)
    run = comfy.queue()
    assert nearest(comfy.picture(run, "Result"), clip(FRAMES)) == 6
    strip.wait_for_pictures()
    comfy.page.wait_for_timeout(300)
    assert len(comfy.page.evaluate("() => [...window.heights]")) == 1  # ComfyUI takes sizes for changes to undo
    comfy.undo("() => window.app.graph.nodes.find((each) => each.title === 'Video')?.widgets[0].value.endsWith('webp')")
    assert comfy.value("Selector", "frame") == 9


def test_what_floats_above_the_page_keeps_keys_wheel_and_pointer_to_itself(comfy):
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    strip.frame(9).click()
    menu = comfy.page.locator(".ifedit-menu")
    for leave in ("a click outside", "Escape"):
        box = strip.frame(9).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        comfy.page.mouse.click(x, y, button="right")
        shown = menu.bounding_box()
        assert (shown["x"], shown["y"]) == pytest.approx((x, y), abs=2)  # in pixels of the window, at any zoom
        comfy.page.keyboard.press(leave) if leave == "Escape" else comfy.page.mouse.click(1450, 600)
        menu.wait_for(state="detached")
    assert strip.frame(9).evaluate("(frame) => frame === document.activeElement")

    def view():
        return [comfy.scale(), *comfy.offset(), *comfy.on_node("Selector", "[...node.pos]")]

    before = view()
    strip.frame(6).click(button="right")
    comfy.page.get_by_role("menuitem", name="Compare with the source").click()
    dialog = comfy.page.get_by_role("dialog", name="source (frame 0) and frame 6")
    dialog.locator("img").nth(1).wait_for()
    assert dialog.bounding_box() == {"x": 0, "y": 0, **WINDOW}
    over_the_strip = strip.reel.bounding_box()
    x, y = over_the_strip["x"] + 20, over_the_strip["y"] + 20
    turned = strip.reel.evaluate("(reel) => reel.scrollLeft")
    comfy.page.mouse.move(x, y)
    for key in (None, "Control"):
        comfy.page.keyboard.down(key) if key else None
        comfy.page.mouse.wheel(0, -120)
        comfy.page.keyboard.up(key) if key else None
    for button in ("left", "middle"):
        comfy.page.mouse.move(x, y)
        comfy.page.mouse.down(button=button)
        comfy.page.mouse.move(x + 30, y + 30)
        comfy.page.mouse.move(x + 60, y + 60)
        comfy.page.mouse.up(button=button)
    comfy.page.keyboard.press("Delete")  # not the node
    comfy.page.wait_for_timeout(200)
    assert strip.reel.evaluate("(reel) => reel.scrollLeft") == turned
    assert view() == pytest.approx(before)
    comfy.page.mouse.click(20, 500)  # beside the pictures
    dialog.wait_for(state="detached")
    assert comfy.value("Selector", "frame") == 9


def test_two_selectors_keep_to_themselves(comfy):
    nodes, links = SIMPLE
    nodes = {
        **nodes,
        "Result": ["PreviewImage", 320, 900, {}],
        "Other": selector(900),
        "Other result": ["PreviewImage", 900, 900, {}],
    }
    links = [*links, ["Noise", 0, "Other", "frames"], ["Other", 0, "Other result", "images"]]
    comfy.load(nodes, links, scale=0.6)
    comfy.queue()
    one, other = comfy.filmstrip("Selector"), comfy.filmstrip("Other")
    one.wait()
    other.wait()
    one.frame(2).click()
    other.frame(8).click()
    assert (comfy.value("Selector", "frame"), comfy.value("Other", "frame")) == (2, 8)
    assert (one.chosen(), other.chosen()) == (["Frame 2, chosen by hand"], ["Frame 8, chosen by hand"])
    run = comfy.queue()
    assert (shown_frame(comfy, run), shown_frame(comfy, run, "Other result")) == (2, 8)
    comfy.screenshot(f"{comfy.name}-7-two-selectors")
    one.frame(3).click()
    assert comfy.queue().ran == {"Selector", "Result"}


def test_of_a_batch_the_first_video_is_shown_and_a_choice_holds_for_all(comfy):
    nodes, links = SIMPLE
    shown = [4 * place for place in range(FRAMES)]  # as Decode Keyframes numbers the settled frames of two videos
    nodes = {
        **nodes,
        "Selector": selector(320, frame_numbers=", ".join(map(str, shown + shown))),
        "Twice": ["RepeatImageBatch", 0, 560, {"amount": 2}],
    }
    links = [TO_NOISE, ["Noise", 0, "Twice", "image"], ["Twice", 0, "Selector", "frames"], *links[2:]]
    comfy.load(nodes, links)
    comfy.queue()
    strip = comfy.filmstrip()
    strip.wait()
    assert strip.numbers() == shown
    assert "Video 1 of 2" in strip.status()
    strip.frame(16).click()
    run = comfy.queue()
    assert run.ran == {"Selector", "Result"}
    pictures = run.outputs[run.node("Result")]["images"]
    assert [nearest(comfy.get("/view", **each), clip(FRAMES)) for each in pictures] == [4, 4]  # of both videos
    comfy.screenshot(f"{comfy.name}-11-batch")


def test_it_works_inside_a_subgraph(comfy):
    comfy.load(*SIMPLE)
    comfy.to_subgraph(["Noise", "Selector"])
    comfy.queue()
    comfy.enter_subgraph()
    strip = comfy.filmstrip()
    strip.wait()
    strip.frame(5).click()
    comfy.screenshot(f"{comfy.name}-8-subgraph")
    run = comfy.queue()
    assert run.ran == {"Selector", "Result"}
    assert shown_frame(comfy, run) == 5
    assert strip.chosen() == ["Frame 5, chosen by hand"]


def test_a_number_shown_on_the_subgraph_is_written_there(comfy):
    comfy.load(*SIMPLE)
    comfy.to_subgraph(["Noise", "Selector"])
    comfy.show_outside("Selector", "frame")
    comfy.queue()
    comfy.enter_subgraph()
    strip = comfy.filmstrip()
    strip.wait()
    strip.frame(4).click()
    assert strip.chosen() == ["Frame 4, chosen by hand"]
    assert comfy.value("New Subgraph", "frame") == 4
    run = comfy.queue()
    assert run.ran == {"Selector", "Result"}
    assert shown_frame(comfy, run) == 4


def test_a_subgraph_node_shows_the_strip_of_the_selector_in_it(comfy):
    comfy.load(*SIMPLE)
    comfy.to_subgraph(["Noise", "Selector"])
    comfy.to_subgraph(["New Subgraph"])
    strip = comfy.filmstrip("New Subgraph")  # the outer one
    comfy.queue()
    strip.wait()
    strip.frame(5).click()
    assert comfy.value("Selector", "frame") == 5
    run = comfy.queue()
    assert run.ran == {"Selector", "Result"}
    assert shown_frame(comfy, run) == 5
    assert "filmstrip" not in comfy.page.evaluate("() => JSON.stringify(window.app.graph.serialize())")
    comfy.screenshot(f"{comfy.name}-8-outer-subgraph")

    strip.frame(7).click()
    comfy.settle()
    comfy.undo(f"() => {{ {FIND_NODE} return findNode('Selector')?.widgets[2].value === 5; }}")
    comfy.settle()
    strip = comfy.filmstrip("New Subgraph")
    assert strip.chosen() == ["Frame 5, chosen by hand"]
    comfy.on_node("New Subgraph", "(node.collapse(), window.app.canvas.setDirty(true, true))")
    strip.frames.first.wait_for(state="hidden")
    comfy.on_node("New Subgraph", "(node.collapse(), window.app.canvas.setDirty(true, true))")
    comfy.on_node("New Subgraph", "(node.mode = 4)")
    strip.wait()
    comfy.on_node("New Subgraph", "(node.mode = 0)")
    comfy.settle()  # nothing else about the node changes while its strip goes
    for entry, count in (("Hide the filmstrip", 0), ("Show the filmstrip", 1)):
        expression = "window.app.collectNodeMenuItems(node).find((each) => each?.content === argument).callback()"
        comfy.on_node("New Subgraph", expression, entry)
        comfy.wait(SHOWN_STRIPS, count)
    assert comfy.filmstrip("New Subgraph").chosen() == ["Frame 5, chosen by hand"]

    comfy.on_node("New Subgraph", "(window.app.canvas.deselectAll(), window.app.canvas.selectItems([node]))")
    comfy.page.evaluate("() => (window.app.canvas.copyToClipboard(), window.app.canvas.pasteFromClipboard())")
    comfy.wait("() => document.querySelectorAll('.ifedit-strip').length > 1")
    comfy.settle()
    assert comfy.page.locator(".ifedit-strip:visible").count() == 2  # the copy has its own
    comfy.page.evaluate("() => window.app.canvas.deleteSelected()")

    comfy.open()  # a reload
    strip = comfy.filmstrip("New Subgraph")
    strip.wait()
    assert strip.chosen() == ["Frame 5, chosen by hand"]
    strip.frame(3).click()
    assert shown_frame(comfy, comfy.queue()) == 3


def test_the_strip_is_not_offered_for_promotion_because_it_cannot_be_promoted(comfy):
    comfy.load(*SIMPLE)
    comfy.to_subgraph(["Selector"])
    comfy.page.evaluate("() => window.app.extensionManager.command.execute('Comfy.Graph.EditSubgraphWidgets')")
    comfy.page.get_by_text("when_none", exact=True).last.wait_for()
    assert comfy.page.get_by_text("filmstrip", exact=True).count() == 0
    comfy.page.keyboard.press("Escape")
    comfy.open()


def test_a_number_that_comes_through_a_link_is_not_overwritten(comfy):
    nodes, links = SIMPLE
    nodes = {**nodes, "Number": ["PrimitiveInt", 0, 560, {"value": 3, "control_after_generate": "fixed"}]}
    comfy.load(nodes, [*links, ["Number", 0, "Selector", "frame"]])
    strip = comfy.filmstrip()
    run = comfy.queue()
    strip.wait()
    assert shown_frame(comfy, run) == 3
    assert strip.status() == "The frame's number comes through a link."
    strip.frame(5).click()
    assert comfy.value("Selector", "frame") == -1
    assert strip.auto.is_disabled()


def test_pictures_that_are_gone_are_said_to_be_gone(comfy):
    nodes, links = SIMPLE
    before = set((comfy.folder / "temp").iterdir())
    seed = 100 + len(comfy.history())  # a video that no other test has in ComfyUI's cache
    noise = ["ImageAddNoise", 0, 380, {"seed": seed, "control_after_generate": "fixed", "strength": 0.01}]
    comfy.load({**nodes, "Noise": noise}, links)
    comfy.queue()
    comfy.filmstrip().wait_for_pictures()  # this page misses none of them
    pictures = set((comfy.folder / "temp").iterdir()) - before
    for picture in pictures:
        os.utime(picture, (0, 0))  # the older a file, the longer the browser shows its copy without asking
    comfy.open()
    comfy.filmstrip().wait_for_pictures()
    for picture in pictures:
        picture.unlink()
    comfy.open()
    strip = comfy.filmstrip()
    strip.root.get_by_text("Run once to see the frames").wait_for()
    assert "are gone" in strip.root.inner_text()
    comfy.screenshot(f"{comfy.name}-9-gone")


def test_a_warning_is_seen_though_its_node_is_inside_a_subgraph(comfy):
    photo = Image.open(PACK / "tests" / "photos" / "coffee.jpg").resize((64 + len(comfy.history()), 64))  # not cached
    photo.save(comfy.folder / "input" / "if_edit_far.png")
    nodes = {
        "Photo": ["LoadImage", 0, 0, {"image": "if_edit_far.png"}],
        "Demo": ["IFEdit_LoadDemoEditModel", 0, 400, {}],
        "Words": ["CLIPTextEncode", 320, 400, {"text": "the ball falls"}],
        "Start": ["IFEdit_StartImageToVideo", 640, 0, {"width": 64, "height": 64, "length": 5}],
        "Latent": ["PreviewAny", 1000, 0, {}],
    }
    links = [
        ["Photo", 0, "Start", "start_image"],
        ["Demo", 1, "Words", "clip"],
        ["Demo", 2, "Start", "vae"],
        ["Words", 0, "Start", "positive"],
        ["Words", 0, "Start", "negative"],
        ["Start", 2, "Latent", "source"],
    ]
    comfy.load(nodes, links, scale=0.6)
    comfy.to_subgraph(["Demo", "Words", "Start"])
    comfy.queue()
    comfy.page.get_by_text("far from the demo model's small world").locator("visible=true").first.wait_for()
    comfy.screenshot(f"{comfy.name}-16-warning")
    comfy.enter_subgraph()
    assert "Expect a blur" in comfy.report("Start").inner_text()
    comfy.open()


def test_what_a_node_says_stays_under_it(comfy):
    color = "red" if comfy.vue else "blue"  # the two pages of a server ask for different things: nothing is cached
    nodes = {
        "Video": VIDEO["Video"],
        "Words": ["IFEdit_TemporalCaption", 320, 0, {"instruction": f"make the {color} ball bigger"}],
        "Fit": ["IFEdit_FitImageForWan", 320, 560, {"megapixels": 0.2 + len(comfy.history()) / 100}],
        "Caption": ["PreviewAny", 900, 0, {}],
        "Result": ["PreviewImage", 900, 560, {}],
    }
    links = [["Video", 0, "Fit", "image"], ["Words", 0, "Caption", "source"], ["Fit", 0, "Result", "images"]]
    comfy.load(nodes, links, scale=0.6)
    empty = comfy.page.evaluate("() => JSON.stringify(window.app.graph.serialize().nodes.map((n) => n.widgets_values))")
    comfy.queue()
    for _ in ("after the run", "after a reload"):
        assert comfy.report("Words").inner_text().startswith(f"The {color} ball slowly grows")
        assert "the whole photo" in comfy.report("Fit").inner_text()
        for title in ("Words", "Fit"):
            box = comfy.report(title).bounding_box()
            assert box["width"] > 100 and box["height"] > 14
            assert comfy.on_node(title, "node.widgets.every((each) => each.name !== '$$node-text-preview')")
        comfy.screenshot(f"{comfy.name}-14-reports")
        comfy.open()
    values = comfy.page.evaluate(
        "() => JSON.stringify(window.app.graph.serialize().nodes.map((n) => n.widgets_values))"
    )
    assert values == empty
    prompt = comfy.page.evaluate("async () => JSON.stringify((await window.app.graphToPrompt()).output)")
    assert "if_edit_report" not in prompt


def test_it_follows_the_size_of_its_node_and_collapses_with_it(comfy):
    comfy.load(*SIMPLE)
    strip = comfy.filmstrip()
    comfy.queue()
    strip.wait()
    narrow = strip.root.bounding_box()
    comfy.resize("Selector", 330, 60)
    comfy.screenshot(f"{comfy.name}-10-wide")
    wide, reel = strip.root.bounding_box(), strip.root.locator(".ifedit-reel").bounding_box()
    assert wide["width"] > 1.3 * narrow["width"]
    assert wide["width"] - 12 <= reel["width"] <= wide["width"]
    comfy.on_node("Selector", "(node.collapse(), window.app.canvas.setDirty(true, true))")
    strip.frames.first.wait_for(state="hidden")
    comfy.on_node("Selector", "(node.collapse(), window.app.canvas.setDirty(true, true))")
    strip.wait()
    strip.frame(1).click()
    assert comfy.value("Selector", "frame") == 1


@pytest.mark.parametrize("opened", ["1.58.1-vue"], indirect=True)  # older frontends have no apps
def test_an_app_shows_the_strip_and_takes_the_frame(comfy):
    for place, number in (("Selector", 5), ("New Subgraph", 4)):
        comfy.load(*SIMPLE)
        inputs = [["Video", "image"], ["Selector", "filmstrip"]]
        if place != "Selector":
            comfy.to_subgraph(["Noise", "Selector"])
            inputs.pop()  # only promoted widgets of a subgraph node can be inputs of an app
        comfy.to_app(inputs, outputs=["Result"])
        strip = comfy.filmstrip(place)
        comfy.queue()
        strip.wait()
        strip.frame(number).click()
        assert strip.chosen() == [f"Frame {number}, chosen by hand"]
        run = comfy.queue()
        assert run.ran == {"Selector", "Result"}
        assert shown_frame(comfy, run) == number
        comfy.screenshot(f"{comfy.name}-15-app-{place}")
        strip.frame(number).hover()
        comfy.page.locator(".ifedit-preview img").wait_for()
        comfy.screenshot(f"{comfy.name}-15-app-{place}-preview")
        strip.frame(number).click(button="right")
        comfy.page.get_by_role("menuitem", name="Compare with the source").click()
        comfy.page.get_by_role("dialog", name=f"source (frame 0) and frame {number}").wait_for()
        comfy.screenshot(f"{comfy.name}-15-app-{place}-comparison")
        comfy.page.keyboard.press("Escape")
