"""A real Chromium with ComfyUI's real page in it, for tests/test_browser.py.

Playwright drives it; the browser is the system's chromium or chrome, else the one that `playwright install chromium`
brings. Graphs are built in the page, loaded as a person loads a workflow, and queued with ComfyUI's own function.
"""

import io
import json
import os
import shutil
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from if_edit.tools.comfyui import OWN_FILES, PACK
from PIL import Image, ImageDraw

SCREENSHOTS = PACK / ".screenshots"  # ignored by git
NEWER_FRONTEND = OWN_FILES / "frontend-1.58.1" / "static"  # see noxfile.py
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WINDOW = {"width": 1600, "height": 1000}
RUN_TIMEOUT = 30.0  # seconds
PAGES = [f"{frontend}-{nodes}" for frontend in ("pinned", "1.58.1") for nodes in ("canvas", "vue")]

SELECTOR = "IFEdit_FrameSelector"

# Builds {name: [class, x, y, {widget: value}]} and [[from, output, to, input], ...]; returns the workflow as JSON.
BUILD_GRAPH = """async ([nodes, links]) => {
  await window.app.extensionManager.command.execute("Comfy.NewBlankWorkflow");
  const graph = window.app.graph;
  const made = {};
  for (const [name, [type, x, y, values]] of Object.entries(nodes)) {
    const node = window.LiteGraph.createNode(type);
    node.title = name;
    node.pos = [x, y];
    graph.add(node);
    for (const [widget, value] of Object.entries(values)) {
      node.widgets.find((each) => each.name === widget).value = value;
    }
    made[name] = node;
  }
  for (const [from, output, to, input] of links) {
    made[from].connect(output, made[to], made[to].inputs.findIndex((each) => each.name === input));
  }
  return JSON.stringify(graph.serialize());
}"""

# The page's own listeners came first: what a run tells has arrived in the page when its id is here.
COLLECT_ENDED_RUNS = """() => {
  window.endedRuns = new Set();
  for (const end of ["execution_success", "execution_error", "execution_interrupted"]) {
    window.app.api.addEventListener(end, ({ detail }) => window.endedRuns.add(detail.prompt_id));
  }
}"""

# All nodes with the places they are in, subgraphs included.
FIND_NODE = """
  const findNode = (title) => {
    const walk = (graph, hosts) => {
      for (const node of graph.nodes) {
        if (node.title === title) return node;
        const inner = node.subgraph ? walk(node.subgraph, [...hosts, node]) : null;
        if (inner) return inner;
      }
      return null;
    };
    return walk(window.app.rootGraph ?? window.app.graph, []);
  };
"""


def find_browser() -> str | None:
    """The path of the system's chromium or chrome; None if there is none."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


@contextmanager
def open_browser():
    """A headless Chromium (playwright's Browser); RuntimeError with the reason where none can be had."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise RuntimeError(f"playwright is not installed ({error})") from error
    with sync_playwright() as playwright:
        arguments = ["--disable-gpu", "--disable-background-networking"]
        if os.name == "posix" and os.geteuid() == 0:
            arguments.append("--no-sandbox")  # root has none
        try:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=arguments)
        except Error as error:
            raise RuntimeError(f"no chromium could be started: {error.message.splitlines()[0]}") from error
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(browser, servers, name: str, label: str = ""):
    """A ComfyPage that is not open yet, in a tab of its own. name: one of PAGES; label: begins screenshots' names."""
    frontend, nodes = name.split("-")
    server = servers(frontend)
    page = browser.new_page(viewport=WINDOW)
    try:
        page.set_default_timeout(RUN_TIMEOUT * 1000)
        comfy = ComfyPage(page, server.url, server.base, vue=nodes == "vue")
        comfy.name = f"{label}{name}"
        yield comfy
    finally:
        page.close()


def clip(count: int = 12, width: int = 208, height: int = 120) -> list[Image.Image]:
    """`count` different pictures: a ball that rolls to the right, fast at first."""
    pictures = []
    for number in range(count):
        done = min(1.0, number / 8)
        x = 20 + done * 140 + max(0, number - 8) * 5
        picture = Image.new("RGB", (width, height), (200, 190, 170))
        draw = ImageDraw.Draw(picture)
        draw.rectangle([0, 90, width, height], fill=(120, 90, 60))
        draw.ellipse([x - 15, 60, x + 15, 90], fill=(200, 40, 40))
        pictures.append(picture)
    return pictures


def save_clip(path: Path, **options) -> None:
    first, *others = clip(**options)
    first.save(path, save_all=True, append_images=others, lossless=True)


def nearest(picture: bytes, pictures: list[Image.Image]) -> int:
    """The index of the one of `pictures` that looks most like `picture` (an image file's bytes)."""
    seen = Image.open(io.BytesIO(picture)).convert("RGB").tobytes()
    distances = [sum(abs(a - b) for a, b in zip(seen, each.tobytes(), strict=True)) for each in pictures]
    return distances.index(min(distances))


class Run:
    """A finished run: its prompt, the nodes that were cached, and what its nodes have shown."""

    def __init__(self, prompt_id: str, history: dict):
        self.id = prompt_id
        self.prompt = history["prompt"][2]
        self.outputs = history["outputs"]
        messages = dict(history["status"]["messages"])
        assert history["status"]["status_str"] == "success", messages
        self.cached = set(messages["execution_cached"]["nodes"])

    @property
    def ran(self) -> set[str]:
        """Titles of the nodes that were computed."""
        return {self.title(node) for node in self.prompt if node not in self.cached}

    def title(self, node: str) -> str:
        return self.prompt[node]["_meta"]["title"]

    def node(self, title: str) -> str:
        (found,) = (node for node in self.prompt if self.title(node) == title)
        return found


class ComfyPage:
    """ComfyUI's page in a browser tab, with what a person does there."""

    def __init__(self, page, url: str, folder: Path, vue: bool):
        self.page, self.url, self.folder, self.vue = page, url, folder, vue
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self) -> None:
        """Load the page (again) and wait until the pack's extension is there."""
        self.post(
            "/settings",
            {
                "Comfy.TutorialCompleted": True,  # a first start covers the graph with the template browser
                "Comfy.VueNodes.Enabled": self.vue,
                "Comfy.Minimap.Visible": False,
                "Comfy.RightSidePanel.IsOpen": False,
                "Comfy.OnboardingCoachmarks.Seen": ["appMode", "firstRun"],
            },
        )
        self.page.goto(self.url)
        self.wait(f"() => window.app?.canvas?.graph && window.LiteGraph?.registered_node_types?.{SELECTOR}")
        self.wait(
            "() => window.app.extensionManager?.workflow?.activeWorkflow?.changeTracker"
        )  # the last one is loaded
        self.wait("() => window.app.api.socket?.readyState === WebSocket.OPEN")
        self.page.evaluate(COLLECT_ENDED_RUNS)

    def wait(self, condition: str, argument=None) -> None:
        self.page.wait_for_function(condition, arg=argument, timeout=RUN_TIMEOUT * 1000)

    def within(self, seconds: float, check) -> bool:
        """Whether check() becomes true in this time."""
        deadline = time.monotonic() + seconds
        while not (done := check()) and time.monotonic() < deadline:
            self.page.wait_for_timeout(100)
        return bool(done)

    def settle(self) -> None:
        """Let the page draw what has changed."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60)))")

    def screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        for _ in range(2):  # canvas nodes grow one drawing after their picture has come
            self.settle()
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    # --- the server ---------------------------------------------------------------------------------------------------

    def get(self, path: str, **query) -> bytes:
        address = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        with urllib.request.urlopen(address, timeout=RUN_TIMEOUT) as answer:
            return answer.read()

    def post(self, path: str, body: dict) -> None:
        request = urllib.request.Request(f"{self.url}{path}", json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=RUN_TIMEOUT).close()

    def history(self) -> dict:
        return json.loads(self.get("/history"))

    def finished(self, before: set[str], timeout: float = RUN_TIMEOUT) -> Run:
        """The run that was not yet in `before`, once it has ended and the page knows it."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for prompt_id, history in self.history().items():
                if prompt_id not in before:
                    self.wait("(id) => window.endedRuns.has(id)", prompt_id)
                    return Run(prompt_id, history)
            self.page.wait_for_timeout(100)
        raise AssertionError(f"no run has ended within {timeout:.0f} seconds")

    @contextmanager
    def one_run(self, timeout: float = RUN_TIMEOUT):
        """`with page.one_run() as runs:` something that queues; afterwards `runs` holds the finished run."""
        before, runs = set(self.history()), []
        yield runs
        runs.append(self.finished(before, timeout))

    def queue(self, timeout: float = RUN_TIMEOUT) -> Run:
        with self.one_run(timeout) as runs:
            self.page.evaluate("() => window.app.queuePrompt(0, 1)")
        return runs[0]

    def picture(self, run: Run, title: str) -> bytes:
        """The first picture that the node with this title has shown."""
        return self.get("/view", **run.outputs[run.node(title)]["images"][0])

    # --- the graph ----------------------------------------------------------------------------------------------------

    def load(self, nodes: dict, links: list, scale: float = 0.8) -> None:
        """Open a workflow with these nodes, see BUILD_GRAPH."""
        workflow = self.page.evaluate(BUILD_GRAPH, [nodes, links])
        self.page.evaluate("(workflow) => window.app.loadGraphData(JSON.parse(workflow))", workflow)
        self.look(scale)

    def look(self, scale: float = 0.8, left: float = 40, top: float = 160) -> None:
        """Put the graph's origin near the window's upper left corner."""
        self.page.evaluate(
            """([scale, left, top]) => {
              const canvas = window.app.canvas;
              canvas.ds.scale = scale;
              canvas.ds.offset = [left / scale, top / scale];
              canvas.setDirty(true, true);
            }""",
            [scale, left + 60, top],
        )
        self.settle()

    def on_node(self, title: str, expression: str, argument=None):
        """Evaluate a JavaScript expression of `node` and `argument`."""
        code = f"([title, argument]) => {{ {FIND_NODE} const node = findNode(title); return {expression}; }}"
        return self.page.evaluate(code, [title, argument])

    def value(self, title: str, widget: str):
        return self.on_node(title, "node.widgets.find((each) => each.name === argument).value", widget)

    def set_value(self, title: str, widget: str, value) -> None:
        expression = """(() => {
          const widget = node.widgets.find((each) => each.name === argument[0]);
          widget.value = argument[1];
          widget.callback?.(argument[1], window.app.canvas, node);
        })()"""
        self.on_node(title, expression, [widget, value])

    def resize(self, title: str, right: int, down: int) -> None:
        """Make a node larger by so many pixels of the graph: Vue nodes by their corner, others by what that calls."""
        if self.vue:
            scale = self.page.evaluate("() => window.app.canvas.ds.scale")
            node = self.page.locator(".lg-node", has=self.filmstrip(title).root)
            box = node.get_by_label("Resize from bottom-right corner").bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            self.page.mouse.move(x + right * scale / 2, y + down * scale / 2)
            self.page.mouse.move(x + right * scale, y + down * scale)
            self.page.mouse.up()
        else:
            self.on_node(title, "node.setSize([node.size[0] + argument[0], node.size[1] + argument[1]])", [right, down])
            self.page.evaluate("() => window.app.canvas.setDirty(true, true)")
        self.settle()

    def open_template(self, name: str) -> None:
        """Open one of the pack's workflows from ComfyUI's template browser."""
        self.page.get_by_role("button", name="Templates").first.click()
        dialog = self.page.get_by_role("dialog")  # nodes have a badge with the pack's name too
        dialog.get_by_text("if-edit", exact=True).first.click()
        dialog.get_by_text(name, exact=True).first.click()
        self.wait("(type) => window.app.graph.nodes.some((each) => each.type === type)", SELECTOR)
        self.settle()

    def look_at(self, title: str) -> None:
        """Bring a node to the middle of the window, as large as fits between ComfyUI's own panels."""
        x, y, width, height = self.on_node(title, "[node.pos[0], node.pos[1], node.size[0], node.size[1]]")
        scale = min(0.9, (WINDOW["width"] - 200) / width, (WINDOW["height"] - 240) / height)
        left, top = WINDOW["width"] / 2 / scale - x - width / 2, WINDOW["height"] / 2 / scale - y - height / 2
        self.look(scale, left * scale - 60, top * scale + 30)

    def to_subgraph(self, titles: list[str]) -> None:
        """Put these nodes of the main graph into a subgraph, with ComfyUI's own command."""
        self.page.evaluate(
            """async (titles) => {
              const { graph, canvas, extensionManager } = window.app;
              canvas.deselectAll();
              canvas.selectItems(graph.nodes.filter((each) => titles.includes(each.title)));
              await extensionManager.command.execute("Comfy.Graph.ConvertToSubgraph");
            }""",
            titles,
        )
        self.settle()

    def undo(self, condition: str) -> None:
        """Ctrl+Z until the condition (JavaScript) holds: sizes that the frontend changes by itself are steps, too."""
        for _ in range(3):
            self.page.keyboard.press("Control+z")
            if self.within(3, lambda: self.page.evaluate(condition)):
                return
        raise AssertionError(f"three times Ctrl+Z, and still not: {condition}")

    def find_in_node_search(self, name: str) -> None:
        """Open the search by a double click, once more if the page was still busy with the graph, and type the name."""
        found = self.page.get_by_text(name, exact=True).first
        for _ in range(3):
            self.settle()
            self.page.mouse.dblclick(WINDOW["width"] / 2, WINDOW["height"] / 2)
            self.page.keyboard.type(name, delay=5)
            if self.within(5, found.is_visible):
                return
            self.page.keyboard.press("Escape")
        raise AssertionError(f"three double clicks, and {name} was not found")

    def enter_subgraph(self) -> None:
        self.page.evaluate(
            """() => {
              const host = window.app.graph.nodes.find((each) => each.subgraph);
              window.app.canvas.openSubgraph(host.subgraph, host);
            }"""
        )
        self.settle()
        self.look()

    def show_outside(self, title: str, widget: str) -> None:
        """Let the subgraph node show this widget of a node in it."""
        expression = """(() => {
          const slot = node.inputs.find((each) => each.name === argument);
          node.graph.addInput(argument, slot.type).connect(slot, node);
        })()"""
        self.on_node(title, expression, widget)
        self.settle()

    def scale(self) -> float:
        """How large the canvas shows the graph."""
        return self.page.evaluate("() => window.app.canvas.ds.scale")

    def offset(self) -> list[float]:
        """Where the canvas shows the graph's origin, in units of the graph."""
        return self.page.evaluate("() => [...window.app.canvas.ds.offset]")

    def to_app(self, inputs: list, outputs: list) -> None:
        """Open the loaded workflow as an app. inputs: [[title, widget], ...], outputs: [title, ...]."""
        workflow = json.loads(self.page.evaluate("() => JSON.stringify(window.app.graph.serialize())"))
        ids = {node.get("title"): node["id"] for node in workflow["nodes"]}
        data = {
            "inputs": [[ids[title], *rest] for title, *rest in inputs],
            "outputs": [ids[title] for title in outputs],
        }
        workflow["extra"] = {"linearMode": True, "linearData": data}
        self.page.evaluate("(workflow) => window.app.loadGraphData(workflow, true, true, 'test.app')", workflow)
        self.page.get_by_test_id("linear-widgets").wait_for()
        self.settle()

    def report(self, title: str):
        """The text of ours under the node with this title."""
        self.on_node(
            title, "node.widgets.find((each) => each.name === 'if_edit_report').element.dataset.test = argument", title
        )
        return self.page.locator(f".ifedit-report[data-test='{title}']")

    def filmstrip(self, title: str = "Selector") -> "Strip":
        """The filmstrip of the node with this title."""
        self.on_node(
            title, "node.widgets.find((each) => each.name === 'filmstrip').element.dataset.test = argument", title
        )
        return Strip(self.page.locator(f".ifedit-strip[data-test='{title}']"))


class Strip:
    """What a person sees and touches of one filmstrip."""

    def __init__(self, root):
        self.root = root
        self.frames = root.get_by_role("option")
        self.reel = root.locator(".ifedit-reel")
        self.auto = root.get_by_role("button", name="auto")
        self.seeds = root.locator(".ifedit-seeds")

    def frame(self, number: int):
        return self.root.locator(
            f".ifedit-frame[aria-label^='Frame {number},'], .ifedit-frame[aria-label='Frame {number}']"
        )

    def wait(self) -> None:
        self.frames.first.wait_for(timeout=RUN_TIMEOUT * 1000)

    def numbers(self) -> list[int]:
        return [int(label.split(",")[0].split()[1]) for label in self.labels()]

    def labels(self) -> list[str]:
        return self.frames.evaluate_all("(boxes) => boxes.map((box) => box.getAttribute('aria-label'))")

    def chosen(self) -> list[str]:
        """The labels of the frames shown as chosen."""
        return self.root.locator("[role=option][aria-selected=true]").evaluate_all(
            "(boxes) => boxes.map((box) => box.getAttribute('aria-label'))"
        )

    def status(self) -> str:
        return self.root.get_by_role("status").first.inner_text()

    def wait_for_pictures(self) -> None:
        """Wait until all pictures are loaded, those out of sight too; an Error if one cannot be."""
        self.wait()
        self.root.locator("img").evaluate_all(
            "(images) => Promise.all(images.map((image) => ((image.loading = 'eager'), image.decode())))"
        )
