"""Finding a node and understanding it: search words, translations, and the pictures of the help pages."""

import asyncio
import json
import re
import urllib.request
from dataclasses import dataclass, field

import pytest
from comfy_api.latest import io
from if_edit.nodes import IFEditExtension
from if_edit.nodes.language_models import CATEGORY
from if_edit.tools.comfyui import PACK
from PIL import Image

SEARCHED = {  # words that people type, and the node that should come up
    "best frame": "IFEdit_FrameSelector",
    "pick frame": "IFEdit_FrameSelector",
    "prompt enhance": "IFEdit_TemporalCaption",
    "instruction edit": "IFEdit_EditSampler",
    "ollama": "IFEdit_VLMFromServer",
    "llm": "IFEdit_VLMFromTransformers",
    "qwen": "IFEdit_VLMFromTextEncoder",
    "paste back": "IFEdit_RestoreEdit",
    "blend back": "IFEdit_RestoreEdit",
    "composite": "IFEdit_RestoreEdit",
    "inpaint crop": "IFEdit_FitImageForWan",
    "resize": "IFEdit_FitImageForWan",
    "contact sheet": "IFEdit_FrameCollage",
    "sharpen": "IFEdit_StillVideoRefiner",
}


@dataclass
class NewerSchema(io.Schema):
    """io.Schema as it is since ComfyUI 0.11."""

    search_aliases: list[str] = field(default_factory=list)


def schemas() -> dict[str, io.Schema]:
    made = [node.define_schema() for node in asyncio.run(IFEditExtension().get_node_list())]
    return {schema.node_id: schema for schema in made}


@pytest.fixture
def newer_schemas(monkeypatch):
    monkeypatch.setattr(io, "Schema", NewerSchema)
    return schemas()


# ---- search words


@pytest.mark.parametrize("words", SEARCHED)
def test_a_newer_comfyui_finds_a_node_by_what_people_call_it(newer_schemas, words):
    schema = newer_schemas[SEARCHED[words]]
    assert any(words in name.lower() for name in (schema.display_name, *schema.search_aliases))


def test_every_node_has_search_words_that_its_name_does_not_have(newer_schemas):
    for node_id, schema in newer_schemas.items():
        assert schema.search_aliases, f"{node_id} has no search words: see nodes/search_words.py"
        assert [word for word in schema.search_aliases if word.lower() in schema.display_name.lower()] == []


def test_a_comfyui_that_knows_no_search_words_gets_none(object_info):
    assert "search_aliases" not in object_info["IFEdit_FrameSelector"]  # 0.3.75; test_pack.py reads its log
    assert schemas()


# ---- translations

LANGUAGES = ("zh", "ja", "ko")  # English is what the schemas say: both frontends fall back to it
NAMES = frozenset(  # that every language writes so
    "CFG CLIP CPU ComfyUI Face GB GPU Gemma Hugging IF-Edit JPEG KSampler LM Lanczos Latent LoRA ModelSamplingSD3 "
    "Ollama OpenAI Qwen3-VL Qwen3.5 RoPE SamplerCustomAdvanced Studio Transformers VACE VAE VLM Wan WanImageToVideo "
    "WanVaceToVideo install latent llama.cpp openai pip processor safetensors serve shift sigma transformers umT5 "
    "vLLM".split()
)
ENGLISH_ON_PURPOSE = frozenset("make the balloon bigger remove cup turn car blue".split())  # what the rules read
CODE = re.compile(  # addresses, files, names of inputs
    r"https?://[A-Za-z0-9_.:/]+|[A-Za-z0-9_./-]*(?:/[A-Za-z]|_[A-Za-z]|\.[a-z])[A-Za-z0-9_./-]*"
)
WORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9.-]*[A-Za-z0-9]")


def texts_to_translate(object_info: dict) -> dict[tuple[str, ...], str]:
    """Where locales/*/nodeDefs.json holds each text of our nodes, with the English one."""
    texts = {}
    for node_id in schemas():
        node = object_info[node_id]
        texts[node_id, "display_name"], texts[node_id, "description"] = node["display_name"], node["description"]
        for section in ("required", "optional"):
            for name, (_, *options) in node["input"].get(section, {}).items():
                texts[node_id, "inputs", name, "name"] = name
                texts[node_id, "inputs", name, "tooltip"] = options[0]["tooltip"]
        for place, (name, tooltip) in enumerate(zip(node["output_name"], node["output_tooltips"], strict=True)):
            texts[node_id, "outputs", str(place), "name"] = name
            texts[node_id, "outputs", str(place), "tooltip"] = tooltip
    return texts


def flatten(tree: dict, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """{("a", "b"): "text"} for {"a": {"b": "text"}}."""
    flat = {}
    for key, value in tree.items():
        flat |= flatten(value, (*path, key)) if isinstance(value, dict) else {(*path, key): value}
    return flat


def read_locale(language: str, file: str) -> dict:
    return json.loads((PACK / "locales" / language / file).read_text(encoding="utf-8"))


def words_of_choices(object_info: dict) -> set[str]:
    """The words of what people choose from the lists of our nodes: ComfyUI shows them in English in every language."""
    inputs = [object_info[node_id]["input"] for node_id in schemas()]
    entries = [
        entry for each in inputs for section in ("required", "optional") for entry in each.get(section, {}).values()
    ]
    choices = [choice for _, *options in entries for choice in (options[0].get("options", ()) if options else ())]
    return {word for choice in choices for word in WORD.findall(choice)}


def english_words(text: str, allowed: set[str]) -> list[str]:
    """The words of a translation that are neither names nor `allowed`."""
    return [word for word in WORD.findall(CODE.sub("", text)) if word not in allowed | NAMES | ENGLISH_ON_PURPOSE]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_every_node_is_translated_and_nothing_else(object_info, language):
    expected, translated = texts_to_translate(object_info), flatten(read_locale(language, "nodeDefs.json"))
    missing = [".".join(path) for path in expected if path not in translated]
    needless = [".".join(path) for path in translated if path not in expected]
    assert not missing, f"add to locales/{language}/nodeDefs.json: {', '.join(missing)}"
    assert not needless, f"take out of locales/{language}/nodeDefs.json: {', '.join(needless)}"
    assert list(translated) == list(expected), "the texts stand in the order of the nodes and their inputs"


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_leave_only_names_and_choices_in_english(object_info, language):
    allowed, texts = words_of_choices(object_info), flatten(read_locale(language, "nodeDefs.json"))
    left = {".".join(path): words for path, text in texts.items() if (words := english_words(text, allowed))}
    assert not left, f"locales/{language}/nodeDefs.json is still English in {left}"
    assert english_words(object_info["IFEdit_FrameSelector"]["description"], allowed)  # it would find English


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_no_sign_that_the_frontend_would_take_for_its_syntax(language):
    for file in ("nodeDefs.json", "main.json"):
        for path, text in flatten(read_locale(language, file)).items():
            assert text.strip() and not re.search(r"[@$%{}|\\]", text), ".".join(path)


def test_comfyui_hands_the_translations_out(comfyui_server):
    with urllib.request.urlopen(f"{comfyui_server.url}/i18n") as answer:
        handed_out = json.load(answer)
    for language in LANGUAGES:
        ours = read_locale(language, "nodeDefs.json")
        assert {node_id: handed_out[language]["nodeDefs"][node_id] for node_id in ours} == ours
        category = handed_out[language]["nodeCategories"][CATEGORY.rpartition("/")[2]]
        assert category == read_locale(language, "main.json")["nodeCategories"]["language models"] != "language models"


# ---- help pages


@pytest.mark.parametrize("page", sorted(PACK.glob("web/docs/*.md")), ids=lambda page: page.stem)
def test_every_help_page_has_a_picture_of_its_node(page):
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    assert pictures, f"add the node to tools/make_help_pictures.py, and its picture to web/docs/{page.name}"
    for alternative, name in pictures:
        path = PACK / "web" / "docs" / name  # relative: so the frontend, and GitHub, find it beside the page
        assert alternative and path.is_file(), f"{name}: python tools/run.py tools.make_help_pictures"
        assert path.stat().st_size <= 60_000 and Image.open(path).size[0] >= 600
