"""The templates in a real browser, opened as a person opens them: both frontends, canvas and Vue nodes, graph and app.

Screenshots of what was tested land in .screenshots/.
"""

import io
import json
import time

import pytest
from if_edit.tests.support.comfy_page import PAGES, RUN_TIMEOUT, ComfyPage, new_page
from if_edit.tools.client import workflow_to_prompt
from if_edit.tools.make_workflows import BLUEPRINTS, PACK, TEMPLATES, TEMPLATES_BY_NAME
from PIL import Image

DEMO, REGION = "edit_image_demo", "edit_region_of_photo"
VIEW_AFTER = 1000  # ms until a template stands where it opens, and missing models are listed
CLOSE = "button:has(.pi-times), button:has([class*='lucide--x']), button[aria-label*='lose']"
SAMPLE = Image.open(PACK / "demo" / "sample.png")
RESULT_IS_SHOWN = """([width, height]) => [...document.querySelectorAll("[data-testid=main-image]")]
  .some((image) => image.naturalWidth === width && image.naturalHeight === height)"""
EMPTY = 1.3  # times the least height; more is an empty box
PICTURE = {"LoadImage": 1.0, "SaveImage": 1.0, "PreviewImage": 1.0, "IFEdit_FrameSelector": 0.45, "PreviewAny": 0.7}
LINE = 36  # pixels of the graph: the row "Enter subgraph" of Vue nodes
TALLER_ROWS = 70  # pixels that Vue nodes need more for six text boxes
TEXT_UNDER = 90  # pixels: what our nodes tell after a run
TELLS = ("IFEdit_TemporalCaption", "IFEdit_FitImageForWan", "IFEdit_FrameSelector")

# Where each node is on the graph, in pixels of the graph, and the least height that the frontend gives it.
MEASURE = """() => {
  const { graph } = window.app;
  return graph.nodes.map((node) => {
    const [x, y, width, height] = node.boundingRect ?? node._bounding ?? [...node.pos, ...node.size];
    return { title: node.title, type: node.type, box: [x, y, x + width, y + height],
             width: node.size[0], height: node.size[1], least: node.computeSize()[1] };
  });
}"""

# [wire, node] for each wire that runs through the box of a node that it does not belong to.
CROSSINGS = """() => {
  const { graph } = window.app;
  const found = [];
  const place = (node, isInput, slot) => (isInput ? node.getInputPos(slot) : node.getOutputPos(slot));
  for (const link of graph.links.values?.() ?? Object.values(graph.links)) {
    const [from, to] = [graph.getNodeById(link.origin_id), graph.getNodeById(link.target_id)];
    const [x0, y0] = place(from, false, link.origin_slot);
    const [x1, y1] = place(to, true, link.target_slot);
    const bend = Math.hypot(x1 - x0, y1 - y0) * 0.25;  // LiteGraph's splines
    for (let t = 0; t <= 1; t += 0.01) {
      const u = 1 - t;
      const x = u ** 3 * x0 + 3 * u * u * t * (x0 + bend) + 3 * u * t * t * (x1 - bend) + t ** 3 * x1;
      const y = u ** 3 * y0 + 3 * u * u * t * y0 + 3 * u * t * t * y1 + t ** 3 * y1;
      const through = graph.nodes.find((node) => {
        const [left, top, width, height] = node.boundingRect ?? node._bounding;
        return node !== from && node !== to && x > left && x < left + width && y > top && y < top + height;
      });
      if (through) {
        found.push([`${from.title} to ${to.title}`, through.title]);
        break;
      }
    }
  }
  return found;
}"""


@pytest.fixture(scope="module", params=PAGES)
def opened(request, browser, servers):
    """ComfyUI's page, open in a tab: one for all tests of a frontend and a kind of nodes."""
    with new_page(browser, servers, request.param, "templates-") as comfy:
        comfy.post("/settings", {"Comfy.Workflow.ShowMissingModelsWarning": False})  # the large models are missing here
        comfy.open()
        yield comfy


def open_template(comfy: ComfyPage, name: str) -> None:
    close_dialogs(comfy)
    comfy.open_template(name)
    comfy.page.wait_for_timeout(VIEW_AFTER)
    close_dialogs(comfy)


def close_dialogs(comfy: ComfyPage) -> None:
    """What the frontend lays over the page: missing model files, a tour of apps."""
    dialogs = comfy.page.get_by_role("dialog")
    for _ in range(20):
        if not dialogs.count():
            break
        close = dialogs.last.locator(CLOSE)
        if close.count():
            close.first.click()
        else:
            comfy.page.keyboard.press("Escape")
        comfy.page.wait_for_timeout(150)
    comfy.settle()


def read_template(name: str) -> dict:
    return json.loads((TEMPLATES / f"{name}.json").read_text(encoding="utf-8"))


def open_app(comfy: ComfyPage, name: str) -> None:
    workflow = read_template(name)
    workflow["extra"]["linearMode"] = True
    comfy.page.evaluate("async (workflow) => await window.app.loadGraphData(workflow, true, true, 'app')", workflow)
    comfy.page.get_by_text("instruction", exact=True).locator("visible=true").first.wait_for()
    close_dialogs(comfy)


def test_the_template_browser_lists_them_and_nothing_else(comfy):
    comfy.page.get_by_role("button", name="Templates").first.click()
    dialog = comfy.page.get_by_role("dialog")
    dialog.get_by_text("if-edit", exact=True).first.click()
    for name in TEMPLATES_BY_NAME:
        dialog.get_by_text(name, exact=True).first.wait_for()
    pictures = "(images) => images.filter((image) => image.naturalWidth > 300).map((image) => image.src)"
    deadline = time.monotonic() + RUN_TIMEOUT
    while len(dialog.locator("img").evaluate_all(pictures)) < len(TEMPLATES_BY_NAME):
        assert time.monotonic() < deadline, "thumbnails are missing"
        comfy.page.wait_for_timeout(100)
    assert dialog.get_by_text("index", exact=True).count() == 0
    comfy.screenshot(f"{comfy.name}-list")
    close_dialogs(comfy)


@pytest.mark.parametrize("name", TEMPLATES_BY_NAME)
def test_a_template_opens_tidy_large_enough_to_read_and_as_the_same_graph(comfy, name):
    open_template(comfy, name)
    assert 0.8 <= comfy.page.evaluate("() => window.app.canvas.ds.scale") <= 1
    comfy.screenshot(f"{comfy.name}-{name}")
    nodes = comfy.page.evaluate(MEASURE)
    scale = 1.2 if comfy.name == "templates-pinned-vue" else 1  # frontend 1.32.9 makes Vue nodes a fifth larger
    for place, node in enumerate(nodes):
        left, top, right, bottom = node["box"]
        for other in nodes[place + 1 :]:
            x0, y0, x1, y1 = other["box"]
            apart = right <= x0 or x1 <= left or bottom <= y0 or y1 <= top
            assert apart, f"{node['title']} and {other['title']}"
        if node["type"] not in ("MarkdownNote", "IFEdit_CompareImages"):
            needed = node["least"] + PICTURE.get(node["type"], 0) * node["width"]
            needed += TEXT_UNDER if node["type"] in TELLS else 0
            needed += TALLER_ROWS if node["type"] == "IFEdit_VLMFromServer" else 0
            assert node["height"] / scale <= max(EMPTY * needed, needed + LINE), (
                f"{node['title']}: {node['height']} of {needed}"
            )
    assert comfy.page.evaluate(CROSSINGS) == []
    workflow = read_template(name)
    object_info = json.loads(comfy.get("/object_info"))
    expected = {key: node["inputs"] for key, node in workflow_to_prompt(workflow, object_info).items()}
    built = comfy.page.evaluate("async () => (await window.app.graphToPrompt()).output")
    for key, inputs in expected.items():
        assert inputs.items() <= built[key]["inputs"].items()
    assert set(built) == set(expected)


def test_the_demo_runs_as_it_opens(comfy):
    open_template(comfy, DEMO)
    comfy.set_value("Edit", "steps", 4)  # of 20: the time of a test
    run = comfy.queue(timeout=3 * RUN_TIMEOUT)
    result = Image.open(io.BytesIO(comfy.picture(run, "Result")))
    assert result.size == SAMPLE.size
    strip = comfy.filmstrip("Frame Selector")
    strip.wait()
    assert strip.numbers() == [0, 12, 24, 32]
    comfy.page.locator(".ifedit-compare [role=slider]").wait_for(state="attached")
    comfy.screenshot(f"{comfy.name}-ran")


def test_every_template_is_an_app(comfy):
    if not comfy.name.endswith("1.58.1-vue"):
        pytest.skip("Apps are newer than this frontend, and always have Vue nodes.")
    for name in TEMPLATES_BY_NAME:
        open_app(comfy, name)
        assert (
            comfy.page.locator("textarea").locator("visible=true").first.input_value()
            == TEMPLATES_BY_NAME[name].instruction
        )
        for label in ("image", "seed"):
            comfy.page.get_by_text(label, exact=True).locator("visible=true").first.wait_for()
    open_app(comfy, DEMO)
    comfy.page.locator("textarea").locator("visible=true").first.fill("remove the yellow square")
    with comfy.one_run(RUN_TIMEOUT * 3) as runs:
        comfy.page.get_by_role("button", name="Run", exact=True).last.click()
    (run,) = runs
    asked = [node["inputs"].get("instruction") for node in run.prompt.values()]
    assert "remove the yellow square" in asked
    comfy.wait(RESULT_IS_SHOWN, list(SAMPLE.size))
    comfy.screenshot(f"{comfy.name}-app")


def test_the_region_can_be_seen_before_the_first_run(comfy):
    open_template(comfy, REGION)
    comfy.page.locator(".ifedit-region").first.wait_for()


def test_the_blueprints_can_be_added_to_anyones_graph(comfy):
    for name in sorted(path.stem for path in BLUEPRINTS.glob("*.json")):
        comfy.load({}, [])
        comfy.find_in_node_search(name)
        comfy.page.keyboard.press("Enter")
        comfy.wait("(title) => window.app.graph.nodes.some((node) => node.subgraph && node.title === title)", name)
        comfy.page.keyboard.press("Escape")
