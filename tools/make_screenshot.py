"""Makes docs/workflow.jpg, the demo workflow after a run in a real browser: python tools/run.py tools.make_screenshot

Needs the environment of `nox -s environment` and a browser, like tests/test_browser.py.
"""

import io

from PIL import Image

from ..tests.support.comfy_page import NEWER_FRONTEND, WINDOW, ComfyPage, open_browser
from .comfyui import PACK, Server

MARGIN = 90  # pixels of the window around the graph, where ComfyUI has its panels
GAP = 12  # pixels around the graph in the picture
FIT_GRAPH = """(margin) => {
  const { canvas, graph } = window.app;
  const boxes = [...graph.nodes, ...graph.groups].map((one) => one.boundingRect ?? one._bounding);
  const least = (place) => Math.min(...boxes.map((box) => box[place]));
  const most = (place) => Math.max(...boxes.map((box) => box[place] + box[place + 2]));
  const { clientWidth, clientHeight } = canvas.canvas;
  const [width, height] = [most(0) - least(0), most(1) - least(1)];
  const scale = Math.min((clientWidth - 2 * margin) / width, (clientHeight - 2 * margin) / height);
  canvas.ds.scale = scale;
  canvas.ds.offset = [
    (clientWidth / scale - width) / 2 - least(0),
    (clientHeight / scale - height) / 2 - least(1),
  ];
  canvas.setDirty(true, true);
}"""
GRAPH_BOX = """(gap) => {
  const { canvas, graph } = window.app;
  const boxes = [...graph.nodes, ...graph.groups].map((one) => one.boundingRect ?? one._bounding);
  const [left, top] = [0, 1].map((place) => Math.min(...boxes.map((box) => box[place])));
  const [right, bottom] = [0, 1].map((place) => Math.max(...boxes.map((box) => box[place] + box[place + 2])));
  const { scale, offset } = canvas.ds;
  return {
    x: (left + offset[0]) * scale - gap,
    y: (top + offset[1]) * scale - gap,
    width: (right - left) * scale + 2 * gap,
    height: (bottom - top) * scale + 2 * gap,
  };
}"""


def main() -> None:
    arguments = ["--disable-api-nodes", "--front-end-root", str(NEWER_FRONTEND)]
    with Server(arguments=arguments) as server, open_browser() as browser:
        page = browser.new_page(viewport=WINDOW, device_scale_factor=1.5)
        page.set_default_timeout(60_000)
        comfy = ComfyPage(page, server.url, server.base, vue=False)
        comfy.open()
        page.evaluate(
            "() => window.app.extensionManager.setting.set('LiteGraph.Canvas.MinFontSizeForLOD', 0)"
        )  # all text
        comfy.open_template("edit_image_demo")
        comfy.queue(timeout=300)
        page.evaluate(FIT_GRAPH, MARGIN)
        comfy.settle()
        page.wait_for_timeout(2000)  # nodes draw their pictures as they arrive
        picture = Image.open(io.BytesIO(page.screenshot(clip=page.evaluate(GRAPH_BOX, GAP)))).convert("RGB")
        picture.save(PACK / "docs" / "workflow.jpg", quality=80)
    print("docs/workflow.jpg is made")


if __name__ == "__main__":
    main()
