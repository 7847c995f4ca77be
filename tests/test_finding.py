"""Finding a node and understanding it: search words, translations, and the pictures of the help pages."""

import asyncio
from dataclasses import dataclass, field

import pytest
from comfy_api.latest import io
from if_edit.nodes import IFEditExtension

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
