"""The shipped workflows: well-formed, tidy, complete, and each one runs to its end in a real ComfyUI.

Those for the large Wan models run with small random stand-ins under the listed file names (tests/stand_ins.py), and
the one with a language model with a server on loopback that answers what a test says (tests/fake_server.py).
"""

import base64
import io
import json
import re
import shutil

import pytest
from if_edit.editing.captions.rules import temporal_caption
from if_edit.tests.support.fake_server import FakeServer, reply
from if_edit.tests.support.stand_ins import copy_comfyui, write_small_models
from if_edit.tests.support.tiny_vlm import write_tiny_vlm
from if_edit.tools.client import BYPASSED, Client, WorkflowError, find_node, workflow_to_prompt
from if_edit.tools.comfyui import PACK, Server, find_installation, free_port
from if_edit.tools.make_workflows import make_files
from if_edit.tools.workflow_graph import Graph
from PIL import Image

DEMO, WAN_14B, WAN_5B = "edit_image_demo", "edit_image_wan2.2_14B", "edit_image_wan2.2_5B"
WITH_VLM, REGION, PICK = "edit_image_with_vlm", "edit_region_of_photo", "pick_the_frame"
WORKFLOWS = [DEMO, WAN_14B, WAN_5B, WITH_VLM, REGION, PICK]
CHAIN = ["Start here", "Models", "Source image", "Instruction", "Edit", "Frame Selector", "Finish"]
SHOWN = ["Before and After", "Result", "All frames"]
BESIDES = {REGION: ["Fit Image for Wan"], WITH_VLM: ["VLM from Server", "Reasoning"], PICK: ["Measures", "Best frames"]}
EDIT_SAMPLER = "Edit Sampler"
BLUEPRINTS = ["Edit Image (IF-Edit)", "Edit a Region (IF-Edit)", "Refine a Frame (IF-Edit)"]
TITLE_HEIGHT = 30  # of a node, above its position; of a group, inside its bounding box
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
FILE_LISTS = ("image", "folder", "unet_name", "clip_name", "vae_name", "lora_name")  # what is on a person's disk
SAVED_BESIDE_WIDGETS = {"seed": "fixed", "image": "image"}  # values without a socket: after a seed, after an upload


def load(name: str) -> dict:
    folder = "subgraphs" if name in BLUEPRINTS else "example_workflows"
    return json.loads((PACK / folder / f"{name}.json").read_text(encoding="utf-8"))


def subgraphs(workflow: dict) -> dict[str, dict]:
    return {each["id"]: each for each in workflow.get("definitions", {}).get("subgraphs", [])}


def all_nodes(workflow: dict) -> list[dict]:
    """All nodes of the workflow and of its subgraphs."""
    return workflow["nodes"] + [node for graph in subgraphs(workflow).values() for node in graph["nodes"]]


def real_nodes(workflow: dict) -> list[dict]:
    """All nodes that run, those inside subgraphs included."""
    kinds = {"MarkdownNote", *subgraphs(workflow)}
    return [node for node in all_nodes(workflow) if node["type"] not in kinds]


def by_title(workflow: dict, title: str) -> dict:
    (found,) = (node for node in all_nodes(workflow) if node.get("title") == title)
    return found


def box(node: dict) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of a node on the canvas."""
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE_HEIGHT, x + width, y + height


def test_every_shipped_workflow_is_tested():
    assert sorted(path.stem for path in (PACK / "example_workflows").glob("*.json")) == sorted([*WORKFLOWS, "index"])
    assert sorted(path.stem for path in (PACK / "subgraphs").glob("*.json")) == BLUEPRINTS


def test_the_files_are_what_their_program_makes_of_todays_nodes(object_info):
    for name, text in make_files(object_info).items():
        assert (PACK / name).read_text(encoding="utf-8") == text, f"{name}: run tools/make_workflows.py"
        assert text.isascii()  # ComfyUI 0.3.75 reads blueprints with the computer's own encoding


# --- the template browser -------------------------------------------------------------------------------------------


def test_every_template_has_a_title_a_description_and_pictures_of_its_own():
    index = json.loads((PACK / "example_workflows" / "index.json").read_text(encoding="utf-8"))
    assert [template["name"] for template in index["templates"]] == WORKFLOWS
    seen = set()
    for template in index["templates"]:
        assert template["title"] and template["description"].endswith(".")
        assert template["thumbnailVariant"] == "compareSlider"
        for name in (template["name"], f"{template['name']}-1", f"{template['name']}-2"):
            path = PACK / "example_workflows" / f"{name}.{template['mediaSubtype']}"
            thumbnail = Image.open(path)
            assert thumbnail.format == "JPEG" and 256 <= thumbnail.width <= 1024
            assert path.stat().st_size < 80_000
            if not name.endswith("-1"):  # the two with the embedded model begin with the same image
                seen.add(path.read_bytes())
    assert len(seen) == 2 * len(WORKFLOWS)


# --- the files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*WORKFLOWS, *BLUEPRINTS])
def test_it_is_well_formed(name):
    workflow = load(name)
    assert workflow["version"] == 0.4
    node_ids = [node["id"] for node in all_nodes(workflow)]
    assert len(set(node_ids)) == len(node_ids)  # inside subgraphs too: browsers renumber them otherwise
    assert workflow["last_node_id"] == max(node_ids)
    assert workflow["last_link_id"] == max((link[0] for link in workflow["links"]), default=0)
    check_links(workflow["nodes"], workflow["links"])
    for graph in subgraphs(workflow).values():
        fields = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
        ends = [
            {"id": -10, "inputs": [], "outputs": as_slots(graph["inputs"], "links")},
            {"id": -20, "inputs": as_slots(graph["outputs"], "link"), "outputs": []},
        ]
        check_links(graph["nodes"] + ends, [[link[field] for field in fields] for link in graph["links"]])
        (shell,) = (node for node in all_nodes(workflow) if node["type"] == graph["id"])
        for side in ("inputs", "outputs"):
            assert [(slot["name"], slot["type"]) for slot in shell[side]] == [
                (slot["name"], slot["type"]) for slot in graph[side]
            ]
        shown = [slot["name"] for slot in shell["inputs"] if "widget" in slot]
        assert shell["properties"].get("proxyWidgets", []) == [["-1", widget] for widget in shown]
        assert len(shell["widgets_values"]) == len(shown)


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


@pytest.mark.parametrize("name", [*WORKFLOWS, *BLUEPRINTS])
def test_every_node_exists_and_says_where_it_comes_from(name, object_info):
    for node in real_nodes(load(name)):
        assert node["type"] in object_info
        ours = object_info[node["type"]]["python_module"] == "custom_nodes.if-edit"
        assert node["properties"]["cnr_id"] == ("if-edit" if ours else "comfy-core")
        assert re.fullmatch(r"\d+\.\d+\.\d+", node["properties"]["ver"])


@pytest.mark.parametrize("name", [*WORKFLOWS, *BLUEPRINTS])
def test_every_node_is_saved_as_the_browser_saves_it_today(name, object_info):
    for node in real_nodes(load(name)):
        known = all_inputs(object_info[node["type"]])
        slots = [slot["name"] for slot in node["inputs"]]
        widgets = [slot["name"] for slot in node["inputs"] if "widget" in slot]
        assert set(slots) == set(known), node["type"]
        assert slots == [each for each in slots if each not in widgets] + widgets
        assert widgets == [each for each in known if each in widgets]  # the order of the values
        assert [slot["name"] for slot in node["outputs"]] == object_info[node["type"]]["output_name"], node["type"]
        values = list(node["widgets_values"])
        for widget in widgets:
            kind, options = (*known[widget], {})[:2]
            value = values.pop(0)
            if isinstance(kind, list) or kind == "COMBO":  # the older and the newer way to say it
                choices = kind if isinstance(kind, list) else options["options"]
                assert widget in FILE_LISTS or value in choices, f"{node['type']}: {widget}"
            else:
                expected = {"INT": int, "FLOAT": float, "BOOLEAN": bool, "STRING": str}[kind]
                assert type(value) is expected, f"{node['type']}: {widget}"
            if has_value_beside(options):
                assert values.pop(0) == SAVED_BESIDE_WIDGETS[widget]
        assert values == []


def all_inputs(info: dict) -> dict[str, list]:
    """A class's inputs as /object_info tells them, in order: {name: [type, options]}."""
    return info["input"].get("required", {}) | info["input"].get("optional", {})


def has_value_beside(options: dict) -> bool:
    """Whether the browser gives the input a second widget: what happens to a seed after a run, a button to upload."""
    return bool(options.get("control_after_generate") or options.get("image_upload"))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_model_file_can_be_downloaded_from_the_browser(name):
    for node in real_nodes(load(name)):
        listed = node["properties"].get("models", [])
        files = [value for value in node["widgets_values"] if str(value).endswith(".safetensors")]
        assert [model["name"] for model in listed] == files
        for model in listed:
            if model["directory"] == "loras":
                assert model["url"].startswith("https://huggingface.co/Kijai/WanVideo_comfy/resolve/main/LoRAs/")
                assert "lightx2v_4step_lora_260412" in model["name"] and model["url"].endswith(f"/{model['name']}")
            else:
                assert model["url"].startswith("https://huggingface.co/Comfy-Org/")
                assert model["url"].endswith(f"/resolve/main/split_files/{model['directory']}/{model['name']}")


# --- what a person sees ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_chain_can_be_seen_at_a_glance(name):
    workflow = load(name)
    titles = [node["title"] for node in workflow["nodes"]]
    assert sorted(titles) == sorted([*CHAIN, *SHOWN, *BESIDES.get(name, [])])
    note = by_title(workflow, "Start here")["widgets_values"][0]
    assert len(note.split("\n\n")) == 5
    assert "**Change what is green**" in note and "Run" in note
    green = [node["title"] for node in workflow["nodes"] if node.get("bgcolor") == "#353"]
    assert green == ["Source image", "Instruction"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_it_opens_on_what_to_change_large_enough_to_read(name):
    workflow = load(name)
    view = workflow["extra"]["ds"]
    assert workflow["extra"]["ifEditOpensAt"] == view and 0.8 <= view["scale"] <= 1
    for title in ("Start here", "Source image"):
        left, top, right, bottom = box(by_title(workflow, title))
        x0, y0, x1, y1 = (
            (place + view["offset"][axis]) * view["scale"]
            for place, axis in ((left, 0), (top, 1), (right, 0), (bottom, 1))
        )
        assert x0 >= 60 and y0 >= 60 and x1 <= 1280 and y1 <= 720  # the window of a small laptop, less its panels
    instruction = box(by_title(workflow, "Instruction"))
    assert (instruction[1] + 120 + view["offset"][1]) * view["scale"] < 1000


@pytest.mark.parametrize("name", WORKFLOWS)
def test_it_is_an_app_too(name):
    workflow = load(name)
    app = workflow["extra"]["linearData"]
    widgets = [(by_id(workflow, node)["title"], widget) for node, widget, *_ in app["inputs"]]
    drawn = (
        [("Fit Image for Wan", "region")] if name == REGION else []
    )  # by the pack's own scripts, as the filmstrip is
    typed = [("Source image", "image"), ("Instruction", "instruction"), ("Edit", "seed")]
    seen = [("Frame Selector", "filmstrip"), ("Before and After", "comparison")]
    assert widgets == [typed[0], *drawn, *typed[1:], *seen]
    for title, widget in typed:
        assert widget in [slot["name"] for slot in by_title(workflow, title)["inputs"] if "widget" in slot]
    assert [by_id(workflow, node)["title"] for node in app["outputs"]] == ["Before and After", "All frames"]


def by_id(workflow: dict, node_id: int) -> dict:
    return next(node for node in workflow["nodes"] if node["id"] == node_id)


@pytest.mark.parametrize("name", [*WORKFLOWS, *BLUEPRINTS])
def test_nothing_overlaps_on_any_level(name):
    workflow = load(name)
    for nodes in (workflow["nodes"], *(graph["nodes"] for graph in subgraphs(workflow).values())):
        for place, node in enumerate(nodes):
            left, top, right, bottom = box(node)
            for other in nodes[place + 1 :]:
                x0, y0, x1, y1 = box(other)
                apart = right <= x0 or x1 <= left or bottom <= y0 or y1 <= top
                assert apart, f"{node['title']} and {other['title']}"


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


def run_small(client: Client, workflow: dict, source: Image.Image, latent_frames: int = 5, language_model: str = ""):
    """Run the workflow with few steps, few frames and few pixels, its wiring untouched.

    language_model: the address of the server that VLM from Server asks
    Returns (outputs, texts): what the output nodes reported, and the numbers of the decoded frames.
    """
    prompt = workflow_to_prompt(workflow, client.object_info())
    if language_model:
        prompt[find_node(prompt, "VLM from Server")]["inputs"]["address"] = language_model
    put_in(client, prompt, source)
    smaller = {"steps": 2, "resolution": "custom", "megapixels": 0.02}
    for node in prompt.values():
        node["inputs"] |= {name: value for name, value in smaller.items() if name in node["inputs"]}
    video = prompt[prompt[find_node(prompt, EDIT_SAMPLER)]["inputs"]["latent_image"][0]]
    video["inputs"]["length"] = 4 * (latent_frames - 1) + 1
    read(prompt, "Caption", "Instruction", 0)
    read(prompt, "Numbers", "Decode Keyframes", 1)
    read(prompt, "Why this frame", "Frame Selector", 3)
    read(prompt, "End state", "Instruction", 1)
    outputs = client.run(prompt)
    return outputs, outputs.of("Numbers")["text"][0]


def read(prompt: dict, title: str, node: str, output: int) -> None:
    """Add a node that tells what another one's output is."""
    source = [find_node(prompt, node), output]
    prompt[title] = {"class_type": "PreviewAny", "inputs": {"source": source}, "_meta": {"title": title}}


def put_in(client: Client, prompt: dict, source: Image.Image) -> None:
    png = io.BytesIO()
    source.save(png, "PNG")
    prompt[find_node(prompt, "Source image")]["inputs"]["image"] = client.upload_image(png.getvalue(), "source.png")


def check_outputs(client: Client, workflow: dict, outputs, size: tuple[int, int]) -> None:
    """size: of the source, which is that of the result, too."""
    instruction = by_title(workflow, "Instruction")["widgets_values"][0]
    assert outputs.of("Caption")["text"] == [temporal_caption(instruction).caption]
    assert "frame" in outputs.of("Why this frame")["text"][0]
    (result,), (after,), (collage,) = (outputs.images(title) for title in ("Result", "Before and After", "All frames"))
    assert Image.open(io.BytesIO(client.fetch(after))).size == size
    assert Image.open(io.BytesIO(client.fetch(result))).size == size
    assert min(Image.open(io.BytesIO(client.fetch(collage))).size) > min(size)  # the source and several frames


def test_the_demo_runs(comfyui_client):
    workflow = load(DEMO)
    outputs, numbers = run_small(comfyui_client, workflow, Image.new("RGB", (60, 40), "teal"))
    assert numbers == "0, 12, 16"  # of 5 latent frames every third was kept, and the last
    check_outputs(comfyui_client, workflow, outputs, (60, 40))


def test_of_all_frames_the_chosen_one_is_the_result(comfyui_client, object_info):
    prompt = workflow_to_prompt(load(PICK), object_info)
    put_in(comfyui_client, prompt, Image.open(PACK / "demo" / "sample.png").convert("RGB"))
    edit, selector = (prompt[find_node(prompt, title)] for title in (EDIT_SAMPLER, "Frame Selector"))
    edit["inputs"]["steps"] = 4
    assert edit["inputs"]["dropout_stride"] == 1  # all frames
    assert selector["inputs"]["end_state"] == [find_node(prompt, "Instruction"), 1]
    decode = selector["inputs"]["frames"]
    assert prompt[decode[0]]["class_type"] == "VAEDecode"
    read(prompt, "Why this frame", "Frame Selector", 3)
    prompt["chosen"] = {"class_type": "PreviewImage", "inputs": {"images": [find_node(prompt, "Frame Selector"), 0]}}
    prompt["all"] = {"class_type": "PreviewImage", "inputs": {"images": decode}, "_meta": {"title": "All"}}

    def pictures(outputs, title: str) -> list[Image.Image]:
        return [Image.open(io.BytesIO(comfyui_client.fetch(each))) for each in outputs.images(title)]

    outputs = comfyui_client.run(prompt)
    frames = [frame.tobytes() for frame in pictures(outputs, "All")]
    assert len(frames) == 33
    number = int(re.match(r"frame (\d+)", outputs.of("Why this frame")["text"][0])[1])
    (chosen,), (plot,) = pictures(outputs, "PreviewImage"), pictures(outputs, "Measures")
    assert chosen.tobytes() == frames[number]
    assert min(plot.size) > 128
    best = pictures(outputs, "Best frames")
    assert len(best) == 3 and best[0].tobytes() == frames[number]

    selector["inputs"]["frame"] = other = 5 if number != 5 else 6
    (chosen,) = pictures(comfyui_client.run(prompt), "PreviewImage")
    assert chosen.tobytes() == frames[other] != frames[number]


@pytest.mark.parametrize("name", [WAN_14B, WAN_5B])
def test_the_large_ones_run(large_models_server, name):
    client = Client(large_models_server.url, large_models_server.check_alive)
    workflow = load(name)
    outputs, numbers = run_small(client, workflow, Image.new("RGB", (160, 90), "teal"))
    assert numbers == "0, 12, 16"
    check_outputs(client, workflow, outputs, (160, 90))  # that of the photo
    assert "lora key not loaded" not in large_models_server.log_path.read_text(encoding="utf-8")


def test_of_a_large_photo_only_the_region_is_edited(large_models_server):
    client = Client(large_models_server.url, large_models_server.check_alive)
    photo = Image.effect_noise((640, 400), 60).convert("RGBA")
    marked = Image.new("L", photo.size, 255)
    marked.paste(0, (400, 100, 500, 180))  # LoadImage makes a mask of what is transparent
    photo.putalpha(marked)
    outputs, _ = run_small(client, load(REGION), photo)
    (result,) = outputs.images("Result")
    result = Image.open(io.BytesIO(client.fetch(result))).convert("RGB")
    assert result.size == photo.size
    before, after = photo.convert("RGB"), result
    region = (375, 75, 525, 205)  # the mask's box and a quarter of its longer side around it
    for box in ((0, 0, 370, 400), (0, 0, 640, 60), (540, 0, 640, 400), (0, 230, 640, 400)):
        assert before.crop(box).tobytes() == after.crop(box).tobytes()
    fit = outputs.prompt[find_node(outputs.prompt, "Fit Image for Wan")]["inputs"]
    assert fit["method"] == "region" and before.crop(region).size == (150, 130)


def test_without_a_language_model_the_rules_write_the_caption_and_the_node_says_why(large_models_server):
    client = Client(large_models_server.url, large_models_server.check_alive)
    workflow = load(WITH_VLM)
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    outputs, numbers = run_small(client, workflow, Image.new("RGB", (160, 90), "teal"), language_model=nobody)
    assert numbers == "0, 12, 16"
    check_outputs(client, workflow, outputs, (160, 90))
    ruled = temporal_caption(by_title(workflow, "Instruction")["widgets_values"][0])
    assert outputs.of("End state")["text"] == [ruled.end_state]
    for title in ("Instruction", "Reasoning"):
        (text,) = outputs.of(title)["text"]
        assert f"Cannot reach {nobody}" in text and "The rules wrote this caption instead." in text


STAGED_REPLY = """FIRST: The coffee cup begins to lean to the left.
THEN: The cup tips over and its coffee runs out over the table.
FINALLY: The cup lies on its side and stays there.
UNCHANGED: The table and the spoon.
END STATE: The coffee cup lies on its side in a puddle of coffee.
CAPTION: The coffee cup slowly leans to the left, tips over and falls, until it lies on its side in its own coffee."""
CHOICE_REPLY = "In picture 1 the cup already lies on its side.\nCHOICE: 1"


def test_the_video_model_reads_what_the_language_model_wrote_about_the_photo(large_models_server):
    client = Client(large_models_server.url, large_models_server.check_alive)
    with FakeServer(reply(STAGED_REPLY), reply(CHOICE_REPLY)) as server:
        outputs, numbers = run_small(
            client, load(WITH_VLM), Image.new("RGB", (160, 90), "teal"), language_model=server.address
        )
    assert numbers == "0, 12, 16"
    caption = STAGED_REPLY.rpartition(": ")[2] + " The camera stays still."
    assert outputs.of("Caption")["text"] == outputs.of("Instruction")["text"] == [caption]
    prompt = outputs.prompt
    positive = prompt[find_node(prompt, "What happens (positive)")]["inputs"]["text"]
    assert positive == [find_node(prompt, "Instruction"), 0]
    assert outputs.of("End state")["text"] == ["The coffee cup lies on its side in a puddle of coffee."]
    assert "Then: The cup tips over and its coffee runs out over the table." in outputs.of("Reasoning")["text"][0]

    asked_to_write, asked_to_choose = server.requests
    text, shown = what_was_asked(asked_to_write)
    assert by_title(load(WITH_VLM), "Instruction")["widgets_values"][0] in text
    assert shown.size == (160, 90)  # the photo itself, not what was scaled for Wan
    assert shown.getpixel((80, 45)) == pytest.approx((0, 128, 128), abs=4)

    text, shown = what_was_asked(asked_to_choose)
    assert "The coffee cup lies on its side in a puddle of coffee." in text
    assert min(shown.size) > 112  # the source and two frames
    (why,) = outputs.of("Why this frame")["text"]
    assert "frame 12: chosen by" in why and "the cup already lies" in why  # picture 1 is the first after the source


def what_was_asked(request: dict) -> tuple[str, Image.Image]:
    """The text and the picture of a request to the language model that the workflow names."""
    assert request["body"]["model"] == "qwen2.5vl:7b"
    text, image = "", None
    for part in request["body"]["messages"][-1]["content"]:
        text += part.get("text", "")
        image = part.get("image_url", image)
    return text, Image.open(io.BytesIO(base64.b64decode(image["url"].partition("base64,")[2])))


CAPTION_NODES = ("Source image", "VLM from Server", "Instruction", "Reasoning")


def test_a_local_model_is_asked_only_where_it_is_connected(large_models_server):
    client = Client(large_models_server.url, large_models_server.check_alive)
    folder = large_models_server.base / "models" / "LLM" / "Qwen2.5-VL-3B-Instruct"

    def caption_nodes() -> dict:
        """What writes and shows the caption, and the local model beside it, connected or not."""
        prompt = workflow_to_prompt(load(WITH_VLM), client.object_info())
        kept = {find_node(prompt, title): prompt[find_node(prompt, title)] for title in CAPTION_NODES}
        put_in(client, kept, Image.new("RGB", (160, 90), "teal"))
        nobody = f"http://127.0.0.1:{free_port()}/v1"
        kept[find_node(kept, "VLM from Server")]["inputs"] |= {"address": nobody, "retries": 0}
        required = client.object_info()["IFEdit_VLMFromTransformers"]["input"]["required"]
        local = {name: options.get("default") for name, (_, options) in required.items()} | {"folder": folder.name}
        kept["local"] = {"class_type": "IFEdit_VLMFromTransformers", "inputs": local}
        return kept

    def connect(prompt: dict) -> dict:
        prompt[find_node(prompt, "Instruction")]["inputs"]["vlm"] = ["local", 0]
        return prompt

    assert not folder.exists()
    assert "Cannot reach" in client.run(caption_nodes()).of("Reasoning")["text"][0]  # not refused, though not there
    with pytest.raises(WorkflowError, match=folder.name):
        client.run(connect(caption_nodes()))
    write_tiny_vlm(folder)
    try:
        (why,) = client.run(connect(caption_nodes())).of("Reasoning")["text"]
    finally:
        shutil.rmtree(folder)
    assert folder.name in why and ("wrote nothing" in why or "could not be used" in why)  # all that a random model can


def test_the_note_tells_how_to_get_the_model_that_the_node_names():
    workflow = load(WITH_VLM)
    (note,) = by_title(workflow, "Start here")["widgets_values"]
    address, model, *_ = by_title(workflow, "VLM from Server")["widgets_values"]
    assert address == "http://127.0.0.1:11434/v1"
    assert f"`ollama pull {model}`" in note
    assert "the built-in rules write the caption" in note


def test_the_few_step_loras_can_be_switched_off(object_info):
    workflow = load(WAN_14B)
    (models,) = (graph for graph in subgraphs(workflow).values() if graph["name"] == "Models")
    (group,) = models["groups"]
    assert group["title"].startswith("Few-step LoRAs")
    x, y, width, height = group["bounding"]
    switched = []
    for node in models["nodes"]:
        left, top, right, bottom = box(node)
        if x <= left and y <= top and right <= x + width and bottom <= y + height:
            node["mode"] = BYPASSED
            switched.append(node["type"])
    assert switched == ["LoraLoaderModelOnly"] * 2
    prompt = workflow_to_prompt(workflow, object_info)
    edit = prompt[find_node(prompt, EDIT_SAMPLER)]["inputs"]
    for socket, title in (("model_high_noise", "High-noise expert"), ("model_low_noise", "Low-noise expert")):
        shift = prompt[edit[socket][0]]
        assert shift["class_type"] == "ModelSamplingSD3"
        assert shift["inputs"]["model"] == [find_node(prompt, title), 0]


# --- the blueprints -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_a_blueprint_edits_in_anyones_graph(comfyui_client, object_info, name):
    workflow = load(name)
    (host,) = workflow["nodes"]
    graph = Graph("anyone's", object_info)
    models = graph.add("IFEdit_LoadDemoEditModel", (0, 0, 1, 1))
    photo = graph.add("LoadImage", (0, 0, 1, 1), "Source image")
    made = {"image": (photo, "IMAGE"), "mask": (photo, "MASK"), "clip": (models, "clip"), "vae": (models, "vae")}
    made["model_high_noise"] = (models, "model")
    workflow = graph.as_workflow({}) | {"definitions": workflow["definitions"]}
    for place, slot in enumerate(host["inputs"]):
        if slot["name"] in made:
            node, output = made[slot["name"]]
            link = len(workflow["links"]) + 1
            workflow["links"].append([link, node.id, node.slot("outputs", output), host["id"], place, slot["type"]])
            slot["link"] = link
    for taken in host["outputs"]:
        taken["links"] = taken["links"] or []
    result = {"id": 99, "type": "PreviewImage", "title": "Result", "inputs": [{"name": "images", "type": "IMAGE"}]}
    link = len(workflow["links"]) + 1
    workflow["links"].append([link, host["id"], 0, result["id"], 0, "IMAGE"])
    host["outputs"][0]["links"] = [link]
    result["inputs"][0]["link"] = link
    workflow["nodes"] += [host | {"id": host["id"]}, result]
    prompt = workflow_to_prompt(workflow, object_info)
    put_in(comfyui_client, prompt, Image.open(PACK / "demo" / "sample.png").convert("RGB").resize((200, 160)))
    smaller = {"steps": 2, "resolution": "custom", "megapixels": 0.016}
    for node in prompt.values():
        node["inputs"] |= {name: value for name, value in smaller.items() if name in node["inputs"]}
    (image,) = comfyui_client.run(prompt).images("Result")
    assert Image.open(io.BytesIO(comfyui_client.fetch(image))).size == (200, 160)


@pytest.mark.parametrize(
    ("name", "multiple", "wide"), [(WAN_14B, 16, (832, 480)), (WAN_5B, 32, (1280, 704)), (WITH_VLM, 16, (832, 480))]
)
def test_images_keep_their_shape_at_a_size_that_wan_takes(comfyui_client, object_info, name, multiple, wide):
    prompt = workflow_to_prompt(load(name), object_info)
    image = prompt[find_node(prompt, EDIT_SAMPLER)]["inputs"]["latent_image"][0]
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
