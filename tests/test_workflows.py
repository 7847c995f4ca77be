"""The shipped workflows: well-formed, tidy, complete, and each one runs to its end in a real ComfyUI.

The two for the large Wan models run with small random stand-ins under the listed file names (tests/stand_ins.py).
"""

import io
import json
import re

import pytest
from if_edit.editing.captions import temporal_caption
from if_edit.tests.stand_ins import copy_comfyui, write_small_models
from if_edit.tools.client import BYPASSED, Client, find_node, workflow_to_prompt
from if_edit.tools.comfyui import PACK, Server, find_installation
from PIL import Image

DEMO, WAN_14B, WAN_5B = "edit_image_demo", "edit_image_wan2.2_14B", "edit_image_wan2.2_5B"
WORKFLOWS = [DEMO, WAN_14B, WAN_5B]
STEPS_OF_THE_CHAIN = [
    "1  Temporal caption", "2  Video with dropout", "3  Choose the frame", "4  Still-video refiner", "Result"
]  # fmt: skip
TITLE_HEIGHT = 30  # of a node, above its position; of a group, inside its bounding box


def load(name: str) -> dict:
    return json.loads((PACK / "workflows" / f"{name}.json").read_text(encoding="utf-8"))


def subgraphs(workflow: dict) -> dict[str, dict]:
    return {each["id"]: each for each in workflow.get("definitions", {}).get("subgraphs", [])}


def real_nodes(workflow: dict) -> list[dict]:
    """All nodes that run, those inside subgraphs included."""
    inner = [node for graph in subgraphs(workflow).values() for node in graph["nodes"]]
    kinds = {"MarkdownNote", *subgraphs(workflow)}
    return [node for node in workflow["nodes"] + inner if node["type"] not in kinds]


def by_title(workflow: dict, title: str) -> dict:
    (found,) = (node for node in workflow["nodes"] if node.get("title") == title)
    return found


def box(node: dict) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of a node on the canvas."""
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE_HEIGHT, x + width, y + height


def test_every_shipped_workflow_is_tested():
    assert sorted(path.stem for path in (PACK / "workflows").glob("*.json")) == sorted(WORKFLOWS)


def test_the_template_browser_has_thumbnails():
    for name in WORKFLOWS:
        thumbnail = Image.open(PACK / "workflows" / f"{name}.jpg")
        assert thumbnail.format == "JPEG" and 256 <= thumbnail.width <= 1024


# --- the files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORKFLOWS)
def test_it_is_well_formed(name):
    workflow = load(name)
    assert workflow["version"] == 0.4
    inner = [node for graph in subgraphs(workflow).values() for node in graph["nodes"]]
    node_ids = [node["id"] for node in workflow["nodes"] + inner]
    assert len(set(node_ids)) == len(node_ids)  # inside subgraphs too: browsers renumber them otherwise
    assert workflow["last_node_id"] == max(node_ids)
    assert workflow["last_link_id"] == max(link[0] for link in workflow["links"])
    check_links(workflow["nodes"], workflow["links"])
    for graph in subgraphs(workflow).values():
        fields = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
        ends = [
            {"id": -10, "inputs": [], "outputs": as_slots(graph["inputs"], "links")},
            {"id": -20, "inputs": as_slots(graph["outputs"], "link"), "outputs": []},
        ]
        check_links(graph["nodes"] + ends, [[link[field] for field in fields] for link in graph["links"]])
        (shell,) = (node for node in workflow["nodes"] if node["type"] == graph["id"])
        for side in ("inputs", "outputs"):
            assert [(slot["name"], slot["type"]) for slot in shell[side]] == [
                (slot["name"], slot["type"]) for slot in graph[side]
            ]


def as_slots(rows: list[dict], side: str) -> list[dict]:
    """The rows of a subgraph's input or output panel, written as the slots of a node."""
    return [{"type": row["type"], side: row["linkIds"] if side == "links" else row["linkIds"][0]} for row in rows]


def check_links(nodes: list[dict], links: list[list]) -> None:
    """Ids are unique, and links, outputs and inputs tell the same story."""
    places = {node["id"]: node for node in nodes}
    assert len(places) == len(nodes) and len({link[0] for link in links}) == len(links)
    for link, origin, origin_slot, target, target_slot, kind in links:
        output, socket = places[origin]["outputs"][origin_slot], places[target]["inputs"][target_slot]
        assert link in output["links"] and socket["link"] == link
        assert output["type"] == kind and socket["type"] in (kind, "*")
    told = [link for node in nodes for output in node["outputs"] for link in output["links"] or ()]
    heard = [socket["link"] for node in nodes for socket in node["inputs"] if socket["link"] is not None]
    assert sorted(told) == sorted(heard) == sorted(link[0] for link in links)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_node_exists_and_says_where_it_comes_from(name, object_info):
    for node in real_nodes(load(name)):
        assert node["type"] in object_info
        ours = object_info[node["type"]]["python_module"] == "custom_nodes.if-edit"
        assert node["properties"]["cnr_id"] == ("if-edit" if ours else "comfy-core")
        assert re.fullmatch(r"\d+\.\d+\.\d+", node["properties"]["ver"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_model_file_can_be_downloaded_from_the_browser(name):
    for node in real_nodes(load(name)):
        listed = node["properties"].get("models", [])
        files = [value for value in node["widgets_values"] if str(value).endswith(".safetensors")]
        assert [model["name"] for model in listed] == files
        for model in listed:
            assert model["url"].startswith("https://huggingface.co/Comfy-Org/")
            assert model["url"].endswith(f"/resolve/main/split_files/{model['directory']}/{model['name']}")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_chain_can_be_seen_at_a_glance(name):
    workflow = load(name)
    titles = [group["title"] for group in workflow["groups"]]
    assert [title for title in titles if title in STEPS_OF_THE_CHAIN] == STEPS_OF_THE_CHAIN
    (note,) = (node for node in workflow["nodes"] if node["type"] == "MarkdownNote")
    for words in ("Temporal caption", "Video with dropout", "Choose the frame", "Still-video refiner", "Limits"):
        assert words in note["widgets_values"][0]
    for title in ("Source image", "Instruction", "Edit", "Collage", "Result"):
        by_title(workflow, title)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_overlaps_and_every_node_is_in_a_group(name):
    workflow = load(name)
    nodes, groups = workflow["nodes"], [group["bounding"] for group in workflow["groups"]]
    for place, node in enumerate(nodes):
        left, top, right, bottom = box(node)
        for other in nodes[place + 1 :]:
            x0, y0, x1, y1 = box(other)
            assert right <= x0 or x1 <= left or bottom <= y0 or y1 <= top, f"nodes {node['id']} and {other['id']}"
        inside = [
            x <= left and y + TITLE_HEIGHT <= top and right <= x + width and bottom <= y + height
            for x, y, width, height in groups
        ]
        assert any(inside) or node["type"] == "MarkdownNote", f"node {node['id']} is in no group"


# --- the runs -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large_models_server(tmp_path_factory):
    """A ComfyUI that has all the model files of the large workflows: small stand-ins under their names."""
    folder = tmp_path_factory.mktemp("large_models")
    write_small_models(folder / "base" / "models")
    comfyui = copy_comfyui(find_installation(), folder / "ComfyUI")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMFYUI_PATH", str(comfyui))
        with Server(folder / "base", arguments=["--disable-api-nodes"]) as server:
            yield server


def run_small(client: Client, workflow: dict, source: Image.Image, latent_frames: int = 5):
    """Run the workflow with few steps, few frames and few pixels, its wiring untouched.

    Returns (outputs, texts): what the output nodes reported, and the numbers of the decoded frames.
    """
    prompt = workflow_to_prompt(workflow, client.object_info())
    png = io.BytesIO()
    source.save(png, "PNG")
    prompt[find_node(prompt, "Source image")]["inputs"]["image"] = client.upload_image(png.getvalue(), "source.png")
    smaller = {"steps": 2, "megapixels": 0.02}
    for node in prompt.values():
        node["inputs"] |= {name: value for name, value in smaller.items() if name in node["inputs"]}
    video = prompt[prompt[find_node(prompt, "Edit")]["inputs"]["latent_image"][0]]
    video["inputs"]["length"] = 4 * (latent_frames - 1) + 1
    keyframes = find_node(prompt, "Decode Keyframes")
    prompt["numbers"] = {"class_type": "PreviewAny", "inputs": {"source": [keyframes, 1]}}  # to look in, nothing more
    outputs = client.run(prompt)
    return outputs, outputs.by_node["numbers"]["text"][0]


def check_outputs(client: Client, workflow: dict, outputs, size: tuple[int, int]) -> None:
    instruction = by_title(workflow, "Instruction")["widgets_values"][0]
    assert outputs.of("Caption")["text"] == [temporal_caption(instruction).caption]
    assert "frame" in outputs.of("Why this frame")["text"][0]
    (result,), (collage,) = outputs.images("Result"), outputs.images("Collage")
    assert Image.open(io.BytesIO(client.fetch(result))).size == size
    assert min(Image.open(io.BytesIO(client.fetch(collage))).size) > min(size)  # the source and several frames


def test_the_demo_runs(comfyui_client):
    workflow = load(DEMO)
    outputs, numbers = run_small(comfyui_client, workflow, Image.new("RGB", (60, 40), "teal"))
    assert numbers == "0, 12, 16"  # of 5 latent frames every third was kept, and the last
    check_outputs(comfyui_client, workflow, outputs, (128, 128))


@pytest.mark.parametrize(("name", "size"), [(WAN_14B, (192, 112)), (WAN_5B, (192, 128))])
def test_the_large_ones_run(large_models_server, name, size):
    client = Client(large_models_server.url, large_models_server.check_alive)
    workflow = load(name)
    outputs, numbers = run_small(client, workflow, Image.new("RGB", (160, 90), "teal"))
    assert numbers == "0, 12, 16"
    check_outputs(client, workflow, outputs, size)
    assert "lora key not loaded" not in large_models_server.log_path.read_text(encoding="utf-8")


def test_the_few_step_loras_can_be_switched_off(object_info):
    workflow = load(WAN_14B)
    (group,) = (group for group in workflow["groups"] if group["title"].startswith("Few-step LoRAs"))
    x, y, width, height = group["bounding"]
    switched = []
    for node in workflow["nodes"]:
        left, top, right, bottom = box(node)
        if x <= left and y <= top and right <= x + width and bottom <= y + height:
            node["mode"] = BYPASSED
            switched.append(node["type"])
    assert switched == ["LoraLoaderModelOnly"] * 2
    prompt = workflow_to_prompt(workflow, object_info)
    edit = prompt[find_node(prompt, "Edit")]["inputs"]
    for socket, title in (("model", "High-noise expert"), ("model_low", "Low-noise expert")):
        shift = prompt[edit[socket][0]]
        assert shift["class_type"] == "ModelSamplingSD3"
        assert shift["inputs"]["model"] == [find_node(prompt, title), 0]


@pytest.mark.parametrize(("name", "multiple", "wide"), [(WAN_14B, 16, (832, 480)), (WAN_5B, 32, (1280, 704))])
def test_images_keep_their_shape_at_a_size_that_wan_takes(comfyui_client, object_info, name, multiple, wide):
    prompt = workflow_to_prompt(load(name), object_info)
    image = prompt[find_node(prompt, "Edit")]["inputs"]["latent_image"][0]
    fitted = prompt[image]["inputs"]["start_image"]
    needed, queue = {}, [fitted[0]]
    while queue:  # only what makes the start image
        node_id = queue.pop()
        needed[node_id] = prompt[node_id]
        queue += [value[0] for value in prompt[node_id]["inputs"].values() if isinstance(value, list)]
    needed["fitted"] = {"class_type": "PreviewImage", "inputs": {"images": fitted}, "_meta": {"title": "Fitted"}}
    area = wide[0] * wide[1]
    for width, height in [(1920, 1080), (1080, 1920), (1000, 1000), (900, 300), (33, 17), (1, 1)]:
        png = io.BytesIO()
        Image.new("RGB", (width, height), "teal").save(png, "PNG")
        source = needed[find_node(needed, "Source image")]["inputs"]
        source["image"] = comfyui_client.upload_image(png.getvalue(), f"{width}x{height}.png")
        (preview,) = comfyui_client.run(needed).images("Fitted")
        size = Image.open(io.BytesIO(comfyui_client.fetch(preview))).size
        assert size[0] % multiple == size[1] % multiple == 0
        assert size[0] * size[1] == pytest.approx(area, rel=0.08)
        assert size[0] / size[1] == pytest.approx(width / height, rel=0.08)
        if (width, height) == (1920, 1080):
            assert size == wide
