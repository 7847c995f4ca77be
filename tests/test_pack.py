"""The pack as ComfyUI meets it: it imports cleanly, loads nothing it does not need, and keeps the registry's rules."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
import tomlkit  # comes with comfy-cli
from if_edit.demo.samples import SAMPLES, install_samples
from if_edit.tools.client import Client, workflow_to_prompt
from if_edit.tools.comfyui import PACK, Server, find_installation
from PIL import Image

NODE_IDS = [
    "IFEdit_LoadDemoEditModel",
    "IFEdit_TemporalCaption",
    "IFEdit_VLMFromTextEncoder",
    "IFEdit_VLMFromTransformers",
    "IFEdit_VLMFromServer",
    "IFEdit_StartImageToVideo",
    "IFEdit_EditSampler",
    "IFEdit_DropoutSchedule",
    "IFEdit_TemporalLatentDropout",
    "IFEdit_DecodeKeyframes",
    "IFEdit_FrameCollage",
    "IFEdit_FrameSelector",
    "IFEdit_StillVideoRefiner",
    "IFEdit_FitImageForWan",
    "IFEdit_RestoreEdit",
    "IFEdit_CompareImages",
]
PYTHON_FILES = [
    file for file in sorted(PACK.rglob("*.py")) if not any(part[0] == "." for part in file.relative_to(PACK).parts)
]
USED_BY_COMFYUI = [
    PACK / "__init__.py",
    *(path for floor in ("nodes", "sampling", "editing", "demo") for path in PACK.glob(f"{floor}/**/*.py")),
]
LOAD_PACK = f"""
import runpy, sys
runpy.run_path({str(PACK / "tools" / "run.py")!r})["import_pack"]()
"""


def run_alone(code: str, *options: str) -> str:
    """Run Python code in a process of its own, with nothing of ours or of ComfyUI's on its path; returns its output."""
    command = [sys.executable, *options, "-c", LOAD_PACK + textwrap.dedent(code)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(command, cwd=Path(sys.prefix), env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_importing_the_pack_needs_neither_comfyui_nor_torch():
    loaded = run_alone("print([name for name in ('comfy', 'folder_paths', 'torch', 'numpy') if name in sys.modules])")
    assert loaded == "[]\n"


def test_editing_can_be_used_without_comfyui():
    run_alone("""
        import importlib, pathlib, pkgutil
        import if_edit.editing
        for module in pkgutil.walk_packages(if_edit.editing.__path__, "if_edit.editing."):
            importlib.import_module(module.name)
        assert not any(name.split(".")[0] in ("comfy", "comfy_api", "nodes", "folder_paths") for name in sys.modules)
    """)


def test_loading_the_nodes_imports_reads_and_calls_nothing_else(tmp_path):
    """Relative to a ComfyUI that has loaded its own nodes: no new library, no model file, no connection, no process."""
    report = json.loads(
        run_alone(f"""
        import asyncio, json, logging
        sys.argv[1:] = ["--cpu", "--base-directory", {str(tmp_path)!r}]
        sys.path.insert(0, {str(find_installation())!r})
        logging.disable()
        import comfy.options
        comfy.options.enable_args_parsing()
        import nodes
        asyncio.run(nodes.init_builtin_extra_nodes())

        before, events = set(sys.modules), []
        def watch(event, arguments):
            if event == "open" and str(arguments[0]).endswith((".safetensors", ".pt", ".pth", ".ckpt", ".json")):
                events.append(["open", str(arguments[0])])
            if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"):
                events.append([event, repr(arguments)])
        sys.addaudithook(watch)

        async def load():
            extension = await sys.modules["if_edit"].comfy_entrypoint()
            return [node.GET_SCHEMA().node_id for node in await extension.get_node_list()]
        ids = asyncio.run(load())
        new = {{name.split(".")[0] for name in set(sys.modules) - before}} - {{*sys.stdlib_module_names, "if_edit"}}
        print(json.dumps({{"ids": ids, "libraries": sorted(new), "events": events}}))
    """).splitlines()[-1]
    )
    assert sorted(report["ids"]) == sorted(NODE_IDS)
    assert report["libraries"] == []
    assert report["events"] == []


def test_comfyui_loads_the_pack_without_a_complaint(comfyui_server, object_info):
    assert set(NODE_IDS) <= set(object_info)
    log = comfyui_server.log_path.read_text(encoding="utf-8", errors="replace")
    log, ready, _ = log.partition("To see the GUI go to")  # other tests make nodes complain later on
    assert ready and re.search(r"\d seconds: .*custom_nodes.if-edit", log)
    assert not re.search(r"IMPORT FAILED|Traceback|comfy_entrypoint", log)
    complaints = [line for line in log.splitlines() if re.search("if.edit", line, re.I) and "seconds:" not in line]
    assert not [line for line in complaints if re.search("warn|error|fail|deprecat", line, re.I)]


@pytest.mark.parametrize("node_id", NODE_IDS)
def test_every_node_explains_itself(object_info, node_id):
    node = object_info[node_id]
    assert node["category"].partition("/")[0] == "IF-Edit" and node["description"]
    for section in ("required", "optional"):
        for name, (_, *options) in node["input"].get(section, {}).items():
            assert options and options[0].get("tooltip"), f"{node_id}: input {name} has no tooltip"
    assert (PACK / "web" / "docs" / f"{node_id}.md").read_text(encoding="utf-8").strip()


def texts_of(node):
    """Every text that ComfyUI shows of a node: its description, and the tooltips of its inputs and outputs."""
    sections = [node["input"].get(section, {}) for section in ("required", "optional")]
    inputs = [options["tooltip"] for section in sections for _, options in section.values()]
    return [node["description"], *inputs, *(node["output_tooltips"] or [])]


@pytest.mark.parametrize("node_id", NODE_IDS)
def test_what_a_node_says_is_short_and_names_terms_only_behind_plain_words(object_info, node_id):
    for text in texts_of(object_info[node_id]):
        assert len(text) <= 330 and text.endswith("."), text
        plain = re.sub(r"\([^)]*\)", "", text.replace("VLM nodes", "").replace("Qwen3-VL", ""))
        assert not re.search(r"\b(sigma|sigmas|RoPE|Lanczos|VLM|experts?|denois\w+ steps?)\b", plain), text


def test_the_browser_has_room_for_what_each_node_says():
    listed = set(re.findall(r'"(IFEdit_\w+)"', (PACK / "web" / "js" / "node_reports.js").read_text()))
    saying = set()
    for file in (PACK / "nodes").glob("*.py"):
        for node_class in re.split(r"^class ", file.read_text(), flags=re.MULTILINE)[1:]:
            if "text_under(cls)" in node_class or "warn_under(cls)" in node_class:
                assert "io.Hidden.unique_id" in node_class, file  # without it the text has no address
                saying.add(re.search(r'node_id="(\w+)"', node_class)[1])
    assert listed == saying - {"IFEdit_FrameSelector"}  # its filmstrip says it


def test_source_files_are_plain_ascii():  # and so can be read as CP1252, as on Windows
    assert [str(file) for file in PYTHON_FILES if not file.read_bytes().isascii()] == []


def test_source_files_are_written_for_the_oldest_python_that_is_allowed():
    assert tomlkit.parse((PACK / "pyproject.toml").read_text())["project"]["requires-python"] == ">=3.10"
    for file in PYTHON_FILES:
        ast.parse(file.read_bytes(), str(file), feature_version=(3, 10))


@pytest.mark.parametrize("forbidden", [r"\.cuda\(", r"""\.to\(["']cuda""", r"torch\.autocast", r"nn\.Linear\("])
def test_the_device_is_comfyuis_choice(forbidden):
    assert [str(file) for file in USED_BY_COMFYUI if re.search(forbidden, file.read_text(encoding="ascii"))] == []


# --- in the browser, where all packs share one page (comfy-test's level javascript holds them to it) ---

SCRIPTS = {file.name: file.read_text(encoding="utf-8") for file in sorted((PACK / "web" / "js").glob("*.js"))}
INTO_THE_PAGE = r"document\.(?:head|body|documentElement)\s*\.\s*(?:append\w*|prepend|insert\w+|replaceChildren)\("
ON_SHARED_OBJECTS = (
    r"^\s*((?:window|globalThis|document|api|app|LiteGraph|\w*LGraph\w*)(?:\.\w+)+\s*(?:[-+*/|&?]{0,2}=)(?!=)"
    r"|Object\.(?:assign|definePropert\w+)\(\s*(?:window|globalThis|document|api|app|LiteGraph)\b.*)"
)
PATCHED = {("templates.js", "api.getWorkflowTemplates =")}  # else "index" would be in the list of templates


def test_every_extension_has_the_packs_name_in_front():
    """A second one of the same name, another pack's, would not be loaded."""
    display_name = tomlkit.parse((PACK / "pyproject.toml").read_text())["tool"]["comfy"]["DisplayName"]
    namespace = re.sub("[^a-z0-9]", "", display_name.lower())
    names = [re.findall(r"registerExtension\(\{\s*name: \"([^\"]+)\"", text) for text in SCRIPTS.values()]
    assert [len(each) for each in names] == [text.count("registerExtension(") for text in SCRIPTS.values()]
    assert sum(names, []) and {name.partition(".")[0] for name in sum(names, [])} == {namespace}


def test_nothing_is_put_into_the_page_outside_of_our_own_elements():
    assert {name: found for name, text in SCRIPTS.items() if (found := re.findall(INTO_THE_PAGE, text))} == {}


def test_nothing_that_all_packs_share_is_changed():
    found = {(name, each) for name, text in SCRIPTS.items() for each in re.findall(ON_SHARED_OBJECTS, text, re.M)}
    assert found == PATCHED


def test_every_style_is_of_our_own_classes_and_each_class_has_one_place():
    styled: dict[str, set[str]] = {}
    for name, text in SCRIPTS.items():
        for style in re.findall(r"STYLE = `(.*?)\n`;", text, re.DOTALL):
            for selector in re.findall(r"([^{}]+)\{[^{}]*\}", re.sub(r"\$\{[^}]*\}", "", style)):
                own = re.findall(r"\.(ifedit-[\w-]+)", selector)
                assert own, f"{name}: {selector}"
                for each in own:
                    styled.setdefault(each, set()).add(name)
    assert styled and {each: names for each, names in styled.items() if len(names) > 1} == {}


# --- what the ComfyUI registry gets ---

PUBLISHED_FOLDERS = ["demo", "editing", "locales", "nodes", "sampling", "subgraphs", "web", "example_workflows"]
PUBLISHED_FILES = ["LICENSE", "README.md", "__init__.py", "pyproject.toml"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """What a user gets who installs from the registry: the folder as comfy-cli packs it, by .comfyignore."""
    if not (PACK / ".git").exists():
        pytest.skip("comfy-cli packs what git tracks, and this is not a git checkout")
    folder = tmp_path_factory.mktemp("published")
    code = "import sys; from comfy_cli.file_utils import zip_files; zip_files(sys.argv[1])"  # `comfy node pack`
    subprocess.run([sys.executable, "-c", code, folder / "node.zip"], cwd=PACK, check=True)
    shutil.unpack_archive(folder / "node.zip", folder / "if-edit")
    return folder / "if-edit"


def test_what_is_published_is_what_a_user_needs_and_nothing_else(published):
    packed = {file.relative_to(published).as_posix() for file in published.rglob("*") if file.is_file()}
    tracked = subprocess.run(["git", "ls-files", *PUBLISHED_FOLDERS], cwd=PACK, capture_output=True, text=True)
    assert packed == {*tracked.stdout.splitlines(), *PUBLISHED_FILES}
    assert any(re.fullmatch(r"demo/weights/[\w-]+\.safetensors", name) for name in packed)
    assert "web/docs/IFEdit_EditSampler.md" in packed  # the folder docs, which stays at home, is another one


@pytest.fixture(scope="module")
def users_comfyui(published, tmp_path_factory):
    """A ComfyUI whose user unpacked the published archive into custom_nodes and did nothing else.

    The input folder holds a picture of the user's that has the name of one of our samples.
    """
    base = tmp_path_factory.mktemp("users") / "base"
    shutil.copytree(published, base / "custom_nodes" / "if-edit")
    (base / "input").mkdir()
    (base / "input" / "if_edit_sample_photo.jpg").write_bytes(b"the user's own")
    with Server(base, arguments=["--disable-api-nodes"], pack=None) as server:
        yield server


def test_what_is_published_loads_in_comfyui(users_comfyui):
    assert set(NODE_IDS) <= set(Client(users_comfyui.url).object_info()), users_comfyui.log_tail(200)


def test_the_demo_runs_where_only_the_pack_was_installed(users_comfyui):
    """Without the repository beside it, and with the sample picture that the workflow loads."""
    client = Client(users_comfyui.url, users_comfyui.check_alive)
    pack = users_comfyui.base / "custom_nodes" / "if-edit"
    workflow = json.loads((pack / "example_workflows" / "edit_image_demo.json").read_text(encoding="utf-8"))
    prompt = workflow_to_prompt(workflow, client.object_info())
    loaded = [node["inputs"]["image"] for node in prompt.values() if node["class_type"] == "LoadImage"]
    assert loaded == ["if_edit_sample.png"]
    for node in prompt.values():
        node["inputs"] |= {"steps": 2} if "steps" in node["inputs"] else {}
    outputs = client.run(prompt)
    assert any(shown.get("images") for shown in outputs.by_node.values())


def test_the_samples_are_in_the_input_folder_and_a_file_of_the_user_is_not_replaced(users_comfyui):
    files = {file.name: file.read_bytes() for file in (users_comfyui.base / "input").glob("*if_edit*")}
    assert files == {
        "if_edit_sample.png": (PACK / "demo" / "sample.png").read_bytes(),
        "if_edit_sample_photo.jpg": b"the user's own",
    }


# --- the sample pictures ---


def test_samples_are_whole_files_that_everyone_may_read(tmp_path):
    install_samples(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == set(SAMPLES.values())  # and nothing half-written
    for name, installed in SAMPLES.items():
        assert (tmp_path / installed).read_bytes() == (PACK / "demo" / name).read_bytes()
        assert (tmp_path / installed).stat().st_mode & 0o444 == 0o444
        assert (tmp_path / installed).stat().st_size <= 120_000


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_without_an_input_folder_nothing_happens_but_a_line_in_the_log(tmp_path, caplog, folder):
    (tmp_path / "file").write_text("not a folder")
    with caplog.at_level("INFO"):
        install_samples(tmp_path / folder)
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX systems")
def test_a_read_only_input_folder_stays_as_it_is(tmp_path):
    module = PACK / "demo" / "samples.py"
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        code = f"""
            import os, runpy
            install_samples = runpy.run_path({str(module)!r})["install_samples"]
            if os.geteuid() == 0:  # root may write anywhere
                os.seteuid(65534)
            try:
                open({folder!r} + "/file", "w")
            except PermissionError:
                install_samples({folder!r})
            else:
                raise SystemExit("the folder can be written")
        """
        run_alone(code)
        assert os.listdir(folder) == []


# --- what the registry reads ---


def test_comfy_cli_finds_nothing_wrong_with_the_pack():
    command = [sys.executable, "-m", "comfy_cli", "--skip-prompt", "--no-enable-telemetry", "node", "validate"]
    run = subprocess.run(command, cwd=PACK, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    said = run.stdout + run.stderr
    assert run.returncode == 0 and "All validation checks passed" in said and "Warning" not in said, said


def test_the_registry_keeps_the_classifiers(monkeypatch):
    """One that is not known would drop its whole group."""
    from comfy_cli.registry.config_parser import extract_node_configuration

    monkeypatch.chdir(PACK)
    project = extract_node_configuration().project
    assert project.supported_os == ["OS Independent"]
    assert project.supported_accelerators == ["GPU :: NVIDIA CUDA"]


@pytest.mark.parametrize(
    ("entry", "file", "size"), [("Icon", "icon.png", (400, 400)), ("Banner", "banner.png", (2100, 900))]
)
def test_the_registry_finds_icon_and_banner_at_the_sizes_it_wants(entry, file, size):
    """An icon of at most 400 x 400 and a banner of 21:9, at addresses in this repository."""
    project = tomlkit.parse((PACK / "pyproject.toml").read_text())
    repository = project["project"]["urls"]["Repository"].replace("github.com", "raw.githubusercontent.com")
    assert project["tool"]["comfy"][entry] == f"{repository}/main/docs/{file}"
    with Image.open(PACK / "docs" / file) as picture:
        assert picture.format == "PNG" and picture.size == size
    assert (PACK / "docs" / file).stat().st_size < 500_000


def test_comfy_test_is_told_a_workflow_that_runs_without_a_gpu():
    told = tomlkit.parse((PACK / "comfy-test.toml").read_text())["test"]
    (name,) = told["workflows"]["cpu"]
    workflow = (PACK / "example_workflows" / name).read_text(encoding="utf-8")
    assert '"IFEdit_LoadDemoEditModel"' in workflow and '"UNETLoader"' not in workflow
    assert told["levels"][0] == "syntax" and told["levels"][-1] == "execution"
