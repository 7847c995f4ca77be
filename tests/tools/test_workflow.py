"""A workflow saved by the browser becomes the prompt that the browser would have sent."""

import json

import pytest
from if_edit.tools.client import WorkflowError, workflow_to_prompt
from if_edit.tools.comfyui import PACK

SHIPPED = ["edit_image_demo", "edit_image_wan2.2_14B", "edit_image_wan2.2_5B", "edit_image_with_vlm", "pick_the_frame"]


class Graph:
    """Builds a workflow in the UI format 0.4."""

    def __init__(self):
        self.nodes, self.links = [], []

    def add(self, kind: str, inputs: dict | None = None, outputs: str = "", widgets: tuple = (), **extra) -> int:
        """Add a node; inputs maps a name to the (node id, slot, type) it is linked to, outputs lists types."""
        node_id = len(self.nodes) + 1
        sockets = []
        for name, (source, slot, kind_of_link) in (inputs or {}).items():
            self.links.append([len(self.links) + 1, source, slot, node_id, len(sockets), kind_of_link])
            sockets.append({"name": name, "type": kind_of_link, "link": len(self.links)})
            if name in extra.get("widget_inputs", ()):
                sockets[-1]["widget"] = {"name": name}
        node = {
            "id": node_id,
            "type": kind,
            "mode": extra.get("mode", 0),
            "inputs": sockets,
            "outputs": [{"name": each, "type": each} for each in outputs.split()],
            "widgets_values": list(widgets),
            "properties": {},
        }
        if "title" in extra:
            node["title"] = extra["title"]
        self.nodes.append(node)
        return node_id

    def workflow(self) -> dict:
        return {"version": 0.4, "nodes": self.nodes, "links": self.links, "groups": [], "extra": {}}


def test_widgets_links_and_titles_arrive(object_info):
    graph = Graph()
    latent = graph.add("EmptyLatentImage", outputs="LATENT", widgets=(64, 32, 2))
    graph.add(
        "KSampler",
        {"latent_image": (latent, 0, "LATENT")},
        "LATENT",
        (7, "randomize", 5, 1.5, "euler", "simple", 0.5),  # "randomize" is the seed's own control, not an input
        title="Edit",
    )
    prompt = workflow_to_prompt(graph.workflow(), object_info)
    assert prompt["1"]["inputs"] == {"width": 64, "height": 32, "batch_size": 2}
    assert prompt["2"]["_meta"]["title"] == "Edit"
    assert prompt["2"]["inputs"] == {
        "seed": 7,
        "steps": 5,
        "cfg": 1.5,
        "sampler_name": "euler",
        "scheduler": "simple",
        "denoise": 0.5,
        "latent_image": ["1", 0],
    }


def test_a_graph_with_everything_people_use_runs(object_info, comfyui_client):
    graph = Graph()
    width = graph.add("PrimitiveNode", outputs="INT", widgets=(24, "fixed"))
    image = graph.add(
        "EmptyImage", {"width": (width, 0, "INT")}, "IMAGE", (24, 16, 1, 255), title="Blue", widget_inputs=["width"]
    )
    bypassed = graph.add("ImageInvert", {"image": (image, 0, "IMAGE")}, "IMAGE", mode=4)
    reroute = graph.add("Reroute", {"": (bypassed, 0, "*")}, "IMAGE")
    graph.add("Note", widgets=("Blue, twice as large",))
    graph.add("MarkdownNote", widgets=("# Blue",))
    large = graph.add("ImageScaleBy", {"image": (reroute, 0, "IMAGE")}, "IMAGE", ("nearest-exact", 2.0))
    graph.add("SaveImage", {"images": (large, 0, "IMAGE")}, widgets=("blue",), title="Result")
    graph.add("SaveImage", {"images": (large, 0, "IMAGE")}, widgets=("blue",), title="Muted", mode=2)
    prompt = workflow_to_prompt(graph.workflow(), object_info)
    assert {node["_meta"]["title"] for node in prompt.values()} == {"Blue", "Upscale Image By", "Result"}
    png = comfyui_client.fetch(comfyui_client.run(prompt).images("Result")[0])
    assert png[16:24] == (48).to_bytes(4, "big") + (32).to_bytes(4, "big")


def test_a_node_that_this_comfyui_lacks_is_named(object_info):
    graph = Graph()
    graph.add("NodeOfTomorrow")
    with pytest.raises(WorkflowError, match="lacks the nodes NodeOfTomorrow"):
        workflow_to_prompt(graph.workflow(), object_info)


def test_a_file_that_is_no_workflow_is_refused(object_info):
    with pytest.raises(WorkflowError, match="not a workflow"):
        workflow_to_prompt({"nodes": "none"}, object_info)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_workflows_convert_completely(object_info, name):
    workflow = json.loads((PACK / "example_workflows" / f"{name}.json").read_text(encoding="utf-8"))
    assert workflow["version"] == 0.4
    prompt = workflow_to_prompt(workflow, object_info)
    for node_id, node in prompt.items():
        required = object_info[node["class_type"]]["input"].get("required", {})
        assert set(required) <= set(node["inputs"]), f"node {node_id} lacks an input"
