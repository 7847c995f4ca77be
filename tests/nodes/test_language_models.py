"""The language models behind the socket IFEDIT_VLM, asked through real HTTP servers and real (tiny) models."""

import base64
import gc
import gzip
import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from if_edit.editing.vlm import LanguageModelError, jpeg_data_url
from if_edit.editing.vlm.server import ServerLanguageModel
from if_edit.nodes.language_models import VLMFromServer, VLMFromTextEncoder, VLMFromTransformers, model_folders
from if_edit.tests.support import fake_server
from if_edit.tests.support.fake_server import FakeServer, reply
from if_edit.tests.support.tiny_vlm import TEMPLATE, write_tiny_vlm
from PIL import Image

ROOT = Path(__file__).parents[2]
NODES = [VLMFromTextEncoder, VLMFromTransformers, VLMFromServer]
KEY = "sk-test-5f0c2a91d7"
IMAGE = torch.rand(1, 48, 64, 3, generator=torch.Generator().manual_seed(0))


class Interrupted(Exception):
    pass


def never():
    pass


def ask(model, prompt="What changes?", system="", images=(), seed=7, max_tokens=64, check_interrupt=never):
    return model.ask(system, prompt, images, seed=seed, max_tokens=max_tokens, check_interrupt=check_interrupt)


def model_of(fake, key_variable="", **options):
    return ServerLanguageModel(fake.address, "tiny", key_variable, **{"timeout": 5.0, "retries": 0} | options)


def failure(*answers, key_variable="", **options):
    """The message of the error that a server with these answers leads to."""
    with FakeServer(*answers) as fake, pytest.raises(LanguageModelError) as caught:
        ask(model_of(fake, key_variable, **options))
    return str(caught.value)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.02)


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("TEST_API_KEY", KEY)
    return "TEST_API_KEY"


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_every_input_and_output_explains_itself(node):
    schema = node.define_schema()
    assert schema.category == "IF-Edit/language models"
    assert len(schema.description) > 40
    assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
    assert [output.io_type for output in schema.outputs] == ["IFEDIT_VLM"]
    assert (ROOT / "web" / "docs" / f"{schema.node_id}.md").read_text().startswith(f"# {schema.display_name}\n")


# Pictures


def test_images_travel_as_small_jpegs():
    url = jpeg_data_url(torch.rand(1, 300, 900, 3), 256)
    assert url.startswith("data:image/jpeg;base64,")
    shown = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    assert (shown.format, shown.size, shown.mode) == ("JPEG", (256, 85), "RGB")
    assert not shown.getexif()


def test_a_small_image_is_not_enlarged_and_keeps_its_colours():
    red = torch.zeros(1, 16, 24, 4)
    red[..., 0] = 1
    shown = Image.open(io.BytesIO(base64.b64decode(jpeg_data_url(red, 1024).partition(",")[2])))
    assert shown.size == (24, 16)
    assert all(abs(got - wanted) < 8 for got, wanted in zip(shown.getpixel((12, 8)), (255, 0, 0), strict=True))


# What is sent and what comes back


def test_the_server_gets_system_images_and_prompt_in_order():
    with FakeServer(reply("  The ball rolls away. ")) as fake:
        assert ask(model_of(fake), "What changes?", "Be brief.", [IMAGE, IMAGE], seed=2**64 - 1) == (
            "The ball rolls away."
        )
    (request,) = fake.requests
    assert request["path"] == "/v1/chat/completions"
    body = request["body"]
    assert body["model"] == "tiny" and body["max_tokens"] == 64 and 0 <= body["seed"] < 2**31
    system, user = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert [part["type"] for part in user["content"]] == ["image_url", "image_url", "text"]
    assert user["content"][0]["image_url"]["url"] == jpeg_data_url(IMAGE, 1024)
    assert user["content"][2]["text"] == "What changes?"


def test_without_images_and_system_a_plain_prompt_is_sent():
    with FakeServer(reply("ok")) as fake:
        ask(model_of(fake))
    assert fake.requests[0]["body"]["messages"] == [{"role": "user", "content": "What changes?"}]


def test_making_the_model_asks_nobody():
    with FakeServer(reply("ok")) as fake:
        VLMFromServer.execute(fake.address, "tiny", "", 512, 5.0, 0)
        model_of(fake)
    assert fake.requests == []


def test_replies_in_parts_are_joined():
    with FakeServer(reply([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}])) as fake:
        assert ask(model_of(fake)) == "one two"


def test_a_server_that_wants_max_completion_tokens_gets_it():
    refusal = fake_server.error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    with FakeServer(refusal, reply("ok")) as fake:
        assert ask(model_of(fake)) == "ok"
    assert "max_tokens" not in fake.requests[1]["body"]
    assert fake.requests[1]["body"]["max_completion_tokens"] == 64


def test_a_server_that_knows_no_seed_is_asked_without():
    with FakeServer(fake_server.data({"detail": "seed: extra fields not permitted"}, 422), reply("ok")) as fake:
        assert ask(model_of(fake)) == "ok"
    assert "seed" not in fake.requests[1]["body"]


def test_an_option_that_is_refused_even_when_it_is_not_there_is_left_out_only_once():
    refusal = fake_server.error(400, "max_tokens: use max_completion_tokens. seed: not allowed.")
    with FakeServer(refusal) as fake:
        with pytest.raises(LanguageModelError, match=r"refused the request \(400\)"):
            ask(model_of(fake), check_interrupt=interrupt_after(10))
    options = [set(request["body"]) - {"model", "messages"} for request in fake.requests]
    assert options == [{"max_tokens", "seed"}, {"max_completion_tokens", "seed"}, {"max_completion_tokens"}]


# What can go wrong


def test_an_unreachable_server_is_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(LanguageModelError, match=r"Cannot reach .*/v1 \(.*refused.*Is the server running.*2 times"):
        ask(ServerLanguageModel(address, "tiny", timeout=5, retries=1))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (fake_server.error(401, "bad key"), r'did not accept no key .*\(401\).*variable.*says: "bad key"'),
        (fake_server.error(402), r"requires payment \(402\)"),
        (fake_server.error(403), r"does not allow tiny .*\(403\)"),
        (fake_server.error(404, "model not found"), r'does not know the model "tiny".*\(404\).*ollama list.*not found'),
        (fake_server.error(413), r"images are too large .*Lower image_size"),
        (fake_server.error(400, "no vision"), r'refused the request \(400\).*look at images.*"no vision"'),
        (fake_server.error(429, "slow down"), r'no more requests for now \(429\).*"slow down"'),
        (fake_server.error(500, "out of memory"), r'failed while it answered \(500\).*"out of memory"'),
        (fake_server.raw(b"<h1>Bad Gateway</h1>", 502), r'\(502\).*says: "Bad Gateway"'),
        (fake_server.error(503), r"failed while it answered \(503\)"),
        (fake_server.raw(b"<html>hello"), r"its answer is not JSON \(it begins with '<html>hello'\).*/v1"),
        (fake_server.raw(b'{"choices": [{"mess'), r"its answer is not JSON"),
        (fake_server.raw(b"[" * 100_000), r"its answer is not JSON"),
        (fake_server.raw(bytes(range(256))), r"its answer is not JSON"),
        (fake_server.raw(b""), r"its answer is not JSON"),
        (fake_server.data({"choices": []}), r"no choices\[0\].message"),
        (fake_server.data([1, 2]), r"no choices\[0\].message"),
        (fake_server.data(None), r"no choices\[0\].message"),
        (fake_server.data({"choices": [{"message": None}]}), r"no choices\[0\].message"),
        (fake_server.data({"error": {"message": "it broke"}}), r'reports an error: "it broke"'),
        (reply(""), "sent an empty reply"),
        (reply(" \n"), "sent an empty reply"),
        (reply(None), "sent an empty reply"),
        (reply([]), "sent an empty reply"),
        (reply(17), "sent an empty reply"),
        (reply("", finish="length"), "used up its tokens before it wrote an answer.*Turn thinking off"),
        (reply("", reasoning_content="Let me think"), "used up its tokens"),
        (reply(None, refusal="I will not."), 'refused: "I will not."'),
        (fake_server.drop, "dropped the connection before it had answered"),
        (fake_server.drop_in_the_middle, "dropped the connection before it had answered"),
        (
            fake_server.raw(b"", 302, Location="http://127.0.0.1:1/v1"),
            "redirects the request to 'http://127.0.0.1:1/v1'",
        ),
        (fake_server.raw(gzip.compress(b"{}"), Content_Encoding="gzip"), "answer is compressed"),
        (fake_server.flood(), "larger than 8 MiB"),
        (fake_server.flood(500), "larger than 8 MiB"),
    ],
)
def test_each_failure_has_its_own_message(answer, message):
    started = time.monotonic()
    text = failure(answer)
    assert re.search(message, text, re.DOTALL), text
    assert len(text) < 700
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("answer", [fake_server.silence, fake_server.drip], ids=["silence", "drip"])
def test_an_answer_that_takes_too_long_is_given_up(answer):
    started = time.monotonic()
    with FakeServer(answer) as fake:
        with pytest.raises(LanguageModelError, match="no complete answer within 0.5 seconds.*raise timeout"):
            ask(model_of(fake, timeout=0.5, retries=3))
        assert time.monotonic() - started < 2
        assert fake.hung_up.wait(3)
        assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "first", [fake_server.error(429), fake_server.error(503), fake_server.drop, fake_server.drop_in_the_middle]
)
def test_what_may_pass_is_tried_again(first):
    with FakeServer(first, first, reply("ok")) as fake:
        assert ask(model_of(fake, retries=2)) == "ok"
    assert len(fake.requests) == 3


@pytest.mark.parametrize("first", [fake_server.error(401), fake_server.error(404), fake_server.raw(b"no")])
def test_what_will_not_pass_is_not_tried_again(first):
    with FakeServer(first, reply("ok")) as fake, pytest.raises(LanguageModelError):
        ask(model_of(fake, retries=2))
    assert len(fake.requests) == 1


def test_retries_end_and_are_counted():
    assert failure(fake_server.error(503), retries=2).endswith("Tried 3 times.")


def pauses(*answers, retries):
    """Seconds between the requests of one question."""
    with FakeServer(*answers) as fake:
        with pytest.raises(LanguageModelError):
            ask(model_of(fake, retries=retries))
    times = [request["time"] for request in fake.requests]
    return [later - earlier for earlier, later in zip(times, times[1:], strict=False)]


def test_the_pauses_grow(monkeypatch):
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.2)
    first, second = pauses(fake_server.error(503), retries=2)
    assert first >= 0.15 and second >= 0.3  # up to a quarter less than 0.2 and 0.4, at random


def test_the_servers_wish_for_a_pause_is_kept_where_it_is_one():
    (pause,) = pauses(fake_server.error(429, Retry_After="0.4"), retries=1)
    assert pause >= 0.4
    for wish in ("9999", "nan", "-3"):  # too long to wait for, or no time at all
        started = time.monotonic()
        pauses(fake_server.error(429, Retry_After=wish), retries=1)
        assert time.monotonic() - started < 5


# Interrupting


def interrupt_after(seconds):
    end = time.monotonic() + seconds

    def check():
        if time.monotonic() > end:
            raise Interrupted

    return check


def test_an_interrupt_ends_the_wait_at_once_and_hangs_up():
    started = time.monotonic()
    with FakeServer(fake_server.silence) as fake:
        with pytest.raises(Interrupted):
            ask(model_of(fake, timeout=60), check_interrupt=interrupt_after(0.3))
        assert time.monotonic() - started < 3  # the server would be silent for 20 seconds
        assert fake.hung_up.wait(3), "the server still thinks that somebody listens"
        end = time.monotonic() + 3
        while any(thread.name == "IF-Edit language model" for thread in threading.enumerate()):
            assert time.monotonic() < end, "the thread of the request is still there"
            time.sleep(0.02)


def test_an_interrupt_ends_the_pause_before_a_retry():
    started = time.monotonic()
    with FakeServer(fake_server.error(429, Retry_After="20")) as fake, pytest.raises(Interrupted):
        ask(model_of(fake, retries=1), check_interrupt=interrupt_after(0.4))
    assert time.monotonic() - started < 5


def test_an_error_that_comes_with_the_interrupt_is_not_logged(key, caplog):
    """asyncio logs what nobody fetched, and a server may repeat the key in it."""

    def check():
        while not fake.requests:
            time.sleep(0.01)
        time.sleep(1)  # until the answer is there
        raise Interrupted

    with FakeServer(fake_server.error(401, f"Incorrect API key provided: {KEY}")) as fake, pytest.raises(Interrupted):
        ask(model_of(fake, key), check_interrupt=check)
    gc.collect()
    assert KEY not in caplog.text and "never retrieved" not in caplog.text


# Keys


def test_the_key_goes_to_the_server_and_nowhere_else(key, caplog):
    caplog.set_level(logging.DEBUG)
    with FakeServer(fake_server.drop, fake_server.error(401, f"Incorrect API key provided: {KEY}")) as fake:
        model = model_of(fake, key, retries=1)
        with pytest.raises(LanguageModelError) as caught:
            ask(model)
    assert [request["headers"]["authorization"] for request in fake.requests] == [f"Bearer {KEY}"] * 2
    assert "did not accept the key in TEST_API_KEY (401)" in str(caught.value)
    error = caught.value
    while error:
        assert KEY not in f"{error!r} {vars(error)}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert KEY not in f"{model!r} {vars(model)} {model.name}"
    assert KEY not in caplog.text and "Retrying request" in caplog.text


@pytest.mark.parametrize("with_key", [False, True])
def test_no_key_and_no_account_of_the_environment_is_sent_unasked(monkeypatch, key, with_key):
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "secret-of-another-server")
    headers = "Authorization: secret-of-another-server\nX-Api-Key: secret-of-another-server"
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", headers)
    with FakeServer(reply("ok")) as fake:
        ask(model_of(fake, key if with_key else ""))
    (request,) = fake.requests
    assert request["headers"].get("authorization") == (f"Bearer {KEY}" if with_key else None)
    assert "secret-of-another-server" not in json.dumps(request)


@pytest.mark.parametrize("room", range(150, 200, 7))
def test_a_message_that_is_cut_holds_no_half_of_the_key(key, room):
    for answer in (fake_server.error(400, "x" * room + KEY * 2), fake_server.raw(b" " * room + KEY.encode() * 2)):
        assert KEY[:4] not in failure(answer, key_variable=key)


@pytest.mark.parametrize(
    "answer",
    [
        fake_server.data({"error": f"no such key: {KEY}"}),
        fake_server.raw(b"", 302, Location=f"http://127.0.0.1:1/{KEY}"),
        fake_server.raw(b"", 500, Broken_Header=f"\x01{KEY}"),
        reply(None, refusal=f"{KEY}?"),
    ],
)
def test_the_key_is_in_no_message_whatever_the_server_does_with_it(key, answer):
    assert KEY not in failure(answer, key_variable=key)


def test_a_server_that_answers_with_the_key_does_not_get_it_into_the_caption(key):
    with FakeServer(reply(f"The ball rolls to {KEY}.")) as fake:
        assert ask(model_of(fake, key)) == "The ball rolls to ***."


def test_a_redirect_is_not_followed(key):
    with FakeServer(reply("ok")) as other:
        message = failure(fake_server.raw(b"", 307, Location=f"{other.address}/chat/completions"), key_variable=key)
    assert f"redirects the request to '{other.address}/chat/completions'" in message
    assert other.requests == []


def test_a_proxy_is_used_for_the_internet_but_not_for_this_machine(monkeypatch):
    with FakeServer(reply("through the proxy")) as proxy, FakeServer(reply("directly")) as fake:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.address.removesuffix("/v1"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert ask(model_of(fake)) == "directly"
        assert ask(ServerLanguageModel("http://example.com/v1", "tiny", timeout=5)) == "through the proxy"
    assert [request["path"] for request in proxy.requests] == ["http://example.com/v1/chat/completions"]


def test_a_key_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("TEST_API_KEY", raising=False)
    assert "TEST_API_KEY is not set where ComfyUI runs" in failure(reply("ok"), key_variable="TEST_API_KEY")


@pytest.mark.parametrize("value", ["k\u00e9y", "two\nlines"])
def test_a_broken_key_is_refused_without_showing_it(monkeypatch, value):
    monkeypatch.setenv("TEST_API_KEY", value)
    message = failure(reply("ok"), key_variable="TEST_API_KEY")
    assert "characters that no key has" in message and value not in message


@pytest.mark.parametrize("typed", [KEY, "sk_live_abc", "hf_abcdEFGH", "AKIAIOSFODNN7EXAMPLE", "my key", "HOME", "A=B"])
def test_a_key_in_place_of_a_name_is_refused_before_the_graph_runs_and_not_repeated(typed):
    message = VLMFromServer.validate_inputs(address="http://127.0.0.1:1/v1", key_variable=typed)
    assert "must be the name of an environment variable" in message and typed not in message
    with pytest.raises(ValueError, match="must be the name"):
        VLMFromServer.execute("http://127.0.0.1:1/v1", "tiny", typed, 512, 5.0, 0)


@pytest.mark.parametrize(
    ("address", "variable", "message"),
    [
        ("http://example.com/v1", "MY_API_KEY", "would travel unencrypted to example.com"),
        ("https://example.com/v1", "OPENAI_API_KEY", "belongs to openai.com and is not sent to example.com"),
        ("https://notopenai.com/v1", "OPENAI_API_KEY", "belongs to openai.com"),
        ("http://134744072/v1", "MY_API_KEY", "would travel unencrypted"),  # 8.8.8.8
        ("http://0x08080808/v1", "MY_API_KEY", "would travel unencrypted"),
        ("https://134744072/v1", "OPENAI_API_KEY", "belongs to openai.com"),
        ("http://[::ffff:8.8.8.8]/v1", "MY_API_KEY", "would travel unencrypted"),
    ],
)
def test_a_workflow_from_elsewhere_cannot_send_the_key_away(address, variable, message):
    assert message in VLMFromServer.validate_inputs(address=address, key_variable=variable)
    with pytest.raises(ValueError, match=message):
        VLMFromServer.execute(address, "tiny", variable, 512, 5.0, 0)


@pytest.mark.parametrize(
    ("address", "variable"),
    [
        ("https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("https://example.com/v1", "MY_API_KEY"),
        ("http://127.0.0.1:8000/v1", "OPENAI_API_KEY"),
        ("http://192.168.1.20:8000/v1/", "MY_API_KEY"),
        ("http://[::1]:8000/v1", ""),
        ("http://localhost:11434/v1", "API_KEY"),
        ("http://gpu-box:8000/v1", "MY_API_KEY"),
        ("http://example.com/v1", ""),
    ],
)
def test_servers_here_nearby_and_of_the_keys_owner_are_accepted(address, variable):
    assert VLMFromServer.validate_inputs(address=address, key_variable=variable) is True


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "must look like"),
        ("127.0.0.1:11434", "must look like"),
        ("file:///etc/passwd", "must look like"),
        ("ftp://host/v1", "must look like"),
        ("http://", "must look like"),
        ("http://host:99999/v1", "must look like"),
        ("http://a b/v1", "must look like"),
        ("https://example\u3002com/v1", "must look like"),  # is example.com to the client, and has no dot
        ("http://example%2ecom/v1", "must look like"),
        ("http://\uff11\uff13\uff14744072/v1", "must look like"),
        ("http://user:secret@host/v1", "no user name, password"),
        ("http://host/v1?key=secret", "no user name, password"),
    ],
)
def test_only_plain_web_addresses_are_taken(address, message):
    answer = VLMFromServer.validate_inputs(address=address, key_variable="")
    assert message in answer and "secret" not in answer


def test_connected_inputs_are_checked_when_they_arrive():
    assert VLMFromServer.validate_inputs(address=None, key_variable=None) is True


def test_an_empty_model_name_is_refused():
    with pytest.raises(ValueError, match="model's name is empty"):
        VLMFromServer.execute("http://127.0.0.1:1/v1", " ", "", 512, 5.0, 0)


def test_a_missing_client_names_the_extra_and_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    message = failure(reply("ok"))
    assert "if-edit[server]" in message and 'pip install "openai' in message


def test_a_client_that_is_too_old_is_refused(monkeypatch):
    monkeypatch.setattr("openai.__version__", "1.52.0")
    assert "version 1.52.1 or newer" in failure(reply("ok"))


# A folder in models/LLM


@pytest.fixture(scope="module")
def llm_folder(tmp_path_factory):
    """models/LLM with one tiny model in it."""
    import folder_paths

    place = tmp_path_factory.mktemp("models") / "LLM"
    write_tiny_vlm(place / "tiny")
    before = folder_paths.folder_names_and_paths["LLM"]
    folder_paths.folder_names_and_paths["LLM"] = ([str(place)], set())
    yield place
    folder_paths.folder_names_and_paths["LLM"] = before


def local_model(folder="tiny", temperature=0.0, image_size=64, download=""):
    return VLMFromTransformers.execute(folder, temperature, image_size, download).result[0]


def test_a_local_model_writes_words_and_no_special_tokens(llm_folder):
    text = ask(local_model(), images=[IMAGE], max_tokens=20)
    assert text and "<" not in text
    assert len(text.split()) <= 20


def test_a_local_model_looks_at_the_images_and_reads_both_texts(llm_folder):
    model = local_model()
    plain = ask(model, images=[IMAGE])
    assert ask(model, images=[IMAGE]) == plain
    assert ask(model, images=[1 - IMAGE]) != plain
    assert ask(model, images=[IMAGE, IMAGE]) != plain
    assert ask(model, "describe the scene", images=[IMAGE]) != plain
    assert ask(model, system="be brief", images=[IMAGE]) != plain


def test_words_are_drawn_by_the_seed_only_where_a_temperature_is_set(llm_folder):
    drawn = local_model(temperature=1.0)
    assert ask(drawn, seed=1) == ask(drawn, seed=1) != ask(drawn, seed=2)
    assert ask(local_model(), seed=1) == ask(local_model(), seed=2)


def test_drawing_words_leaves_everybody_elses_random_numbers_alone(llm_folder):
    model = local_model(temperature=1.0)
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    ask(model, seed=2**64 - 1)
    assert torch.equal(torch.rand(4), expected)


def test_a_local_model_works_in_inference_mode_as_comfyui_runs_nodes(llm_folder):
    model = local_model()
    with torch.inference_mode():
        first = ask(model, images=[IMAGE])
    with torch.inference_mode():
        assert ask(model, images=[IMAGE]) == first
    assert ask(local_model(), images=[IMAGE]) == first


def test_the_dtype_is_the_folders(llm_folder):
    model = local_model()
    ask(model)
    assert model._loaded[1].dtype == torch.float16


def test_a_local_model_is_loaded_when_asked_and_comfyui_can_unload_it(llm_folder):
    import comfy.model_management

    model = local_model()
    assert model._loaded is None
    first = ask(model, images=[IMAGE])
    mine = [loaded for loaded in comfy.model_management.loaded_models() if model._loaded[1] in loaded.model]
    assert len(mine) == 1
    comfy.model_management.unload_all_models()
    assert mine[0] not in comfy.model_management.loaded_models()
    assert ask(model, images=[IMAGE]) == first


def test_an_interrupt_stops_a_local_model_while_it_writes(llm_folder):
    looks = []

    def after_some_words():
        looks.append(None)
        if len(looks) > 8:
            raise Interrupted

    with pytest.raises(Interrupted):
        ask(local_model(temperature=1.0), max_tokens=2000, check_interrupt=after_some_words)
    assert len(looks) == 9


def test_a_template_without_a_system_role_gets_the_system_text_in_the_prompt(llm_folder):
    refuses = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + TEMPLATE
    write_tiny_vlm(llm_folder / "no_system", template=refuses)
    write_tiny_vlm(llm_folder / "plain")
    assert ask(local_model("no_system"), "what", "be brief") == ask(local_model("plain"), "be brief\n\nwhat")


def test_only_folders_inside_models_llm_can_be_named(llm_folder):
    write_tiny_vlm(llm_folder.parent / "outside")
    write_tiny_vlm(llm_folder / "owner" / "nested")
    write_tiny_vlm(llm_folder / ".half.partial")
    (llm_folder / "empty").mkdir()
    assert {"tiny", "owner/nested"} <= set(model_folders())
    assert not any("half" in name or "empty" in name or "outside" in name for name in model_folders())
    for outside in ("../outside", str(llm_folder.parent / "outside"), "tiny/../../outside", "", ".", "tiny/"):
        with pytest.raises(ValueError, match="no model folder .* There are: .*tiny"):
            local_model(outside)
    ask(local_model("owner/nested"))


def test_nothing_is_downloaded_unless_asked_for(llm_folder, monkeypatch):
    import huggingface_hub

    asked = []

    def snapshot_download(repository, local_dir, allow_patterns):
        asked.append(repository)
        write_tiny_vlm(Path(local_dir))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    ask(local_model())
    model = local_model(download="somebody/small-vlm")
    assert asked == []
    ask(model)
    ask(local_model(download="somebody/small-vlm"))
    assert asked == ["somebody/small-vlm"]
    assert (llm_folder / "small-vlm" / "config.json").is_file()
    assert "small-vlm" in model_folders()


def test_a_failed_download_leaves_no_model_behind(llm_folder, monkeypatch):
    import huggingface_hub

    def snapshot_download(repository, local_dir, allow_patterns):
        write_tiny_vlm(Path(local_dir))
        raise OSError("connection lost")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(LanguageModelError, match="Cannot download somebody/lost from Hugging Face .*connection lost"):
        ask(local_model(download="somebody/lost"))
    assert "lost" not in model_folders()


@pytest.mark.parametrize("name", ["no-slash", "../../etc", "a/..", "https://huggingface.co/a/b", "a/b/c", "a/b c"])
def test_only_repository_names_are_downloaded(llm_folder, name):
    with pytest.raises(ValueError, match="must be the name of a Hugging Face repository"):
        local_model(download=name)


def broken(llm_folder, name, **config):
    folder = write_tiny_vlm(llm_folder / name)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return folder


def test_a_model_with_code_of_its_own_is_refused_and_its_code_not_run(llm_folder, tmp_path):
    code = {"AutoConfig": "own.Own", "AutoModelForImageTextToText": "own.Own", "AutoProcessor": "own.Own"}
    folder = broken(llm_folder, "own_code", model_type="own", auto_map=code)
    mark = tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w')\nclass Own: pass\n")
    with pytest.raises(LanguageModelError, match="Python code of its own, which this node never runs"):
        ask(local_model("own_code"))
    assert not mark.exists()


def test_models_that_cannot_be_used_say_why(llm_folder):
    broken(llm_folder, "unknown", model_type="nobody_knows_this")
    with pytest.raises(LanguageModelError, match="Cannot load the language model unknown .*newer than the tr"):
        ask(local_model("unknown"))
    (write_tiny_vlm(llm_folder / "no_weights") / "model.safetensors").unlink()
    with pytest.raises(LanguageModelError, match="Cannot load the language model no_weights .*safetensors"):
        ask(local_model("no_weights"))
    write_tiny_vlm(llm_folder / "no_template", template=None)
    with pytest.raises(LanguageModelError, match="no_template has no chat template"):
        ask(local_model("no_template"))


# A text encoder that can write


class WritingEncoder:
    def generate(self, tokens):
        raise NotImplementedError


class WritingClip:
    """Stands in for a CLIP of newer cores: remembers how it was called."""

    def __init__(self):
        self.cond_stage_model = WritingEncoder()
        self.calls = {}

    def tokenize(self, text, images=(), **kwargs):
        self.calls["tokenize"] = {"text": text, "images": images, **kwargs}
        return "tokens"

    def generate(self, tokens, do_sample=True, max_length=256, temperature=1.0, seed=None):
        self.calls["generate"] = dict(
            tokens=tokens, do_sample=do_sample, max_length=max_length, temperature=temperature, seed=seed
        )
        return [1, 2]

    def decode(self, ids, skip_special_tokens=False):
        self.calls["decode"] = (ids, skip_special_tokens)
        return " The ball rolls. "


def encoder_model(clip, temperature=0.0, image_size=32):
    return VLMFromTextEncoder.execute(clip, temperature, image_size).result[0]


def test_a_text_encoder_that_writes_gets_texts_images_and_options():
    clip = WritingClip()
    assert ask(encoder_model(clip, 0.7), system="Be brief.", images=[IMAGE], max_tokens=99) == "The ball rolls."
    call = clip.calls["tokenize"]
    assert call["text"] == "Be brief.\n\nWhat changes?" and call["skip_template"] is False
    assert [tuple(image.shape) for image in call["images"]] == [(1, 24, 32, 3)]
    assert clip.calls["generate"] == dict(tokens="tokens", do_sample=True, max_length=99, temperature=0.7, seed=7)
    assert clip.calls["decode"] == ([1, 2], True)


def test_without_temperature_the_encoder_does_not_draw():
    clip = WritingClip()
    ask(encoder_model(clip))
    assert clip.calls["generate"]["do_sample"] is False


def test_an_encoder_with_a_system_text_and_one_image_batch_gets_them_there():
    class GemmaLike(WritingClip):
        def __init__(self):
            super().__init__()
            self.tokenizer = self

        def tokenize_with_weights(self, text, image=None, system_prompt="", skip_template=True, **kwargs):
            pass

        def tokenize(self, text, **kwargs):
            self.calls["tokenize"] = {"text": text, **kwargs}
            return "tokens"

    clip = GemmaLike()
    ask(encoder_model(clip, image_size=64), system="Be brief.", images=[IMAGE, IMAGE[:, :24]])
    call = clip.calls["tokenize"]
    assert call["text"] == "What changes?" and call["system_prompt"] == "Be brief." and "images" not in call
    assert tuple(call["image"].shape) == (2, 48, 64, 3)


def test_an_encoder_that_writes_nothing_is_an_error():
    class Silent(WritingClip):
        def decode(self, ids):
            return " "

    with pytest.raises(LanguageModelError, match="text encoder WritingEncoder wrote nothing"):
        ask(encoder_model(Silent()))


def test_an_encoder_that_cannot_write_is_named_with_those_that_can():
    class Umt5:
        pass

    clip = WritingClip()
    clip.cond_stage_model = Umt5()
    with pytest.raises(LanguageModelError, match="text encoder Umt5 cannot write text .*Qwen3-VL, Qwen3.5, Gemma 3"):
        ask(encoder_model(clip))

    class Hollow(WritingClip):  # the core has the call, the encoder's inner model has not
        def generate(self, tokens, max_length=1):
            return Umt5().generate(tokens)

    with pytest.raises(LanguageModelError, match="text encoder WritingEncoder cannot write text"):
        ask(encoder_model(Hollow()))


def test_a_real_encoder_that_cannot_write_names_comfyuis_version():
    import comfyui_version
    from if_edit.demo.comfy import load_text_encoder

    with pytest.raises(LanguageModelError) as caught:
        ask(encoder_model(load_text_encoder()), images=[IMAGE])
    assert comfyui_version.__version__ in str(caught.value)
    assert "Qwen3-VL, Qwen3.5, Gemma 3 or Gemma 4" in str(caught.value)
    assert "VLM from Server" in str(caught.value)


# A real server


@pytest.fixture(scope="module")
def transformers_serve(tmp_path_factory):
    """`transformers serve` on loopback, as a person starts it: (its base address, the folder of its tiny model)."""
    folder = write_tiny_vlm(tmp_path_factory.mktemp("served") / "tiny")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder.with_name("log.txt")
    command = [Path(sys.executable).with_name("transformers"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--device", "cpu"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(240):
            assert process.poll() is None, log.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1", folder
    finally:
        process.terminate()
        process.wait(20)


def test_transformers_serve_answers_like_the_same_model_in_its_folder(transformers_serve, monkeypatch):
    import folder_paths

    address, folder = transformers_serve
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "LLM", ([str(folder.parent)], set()))
    served, local = ServerLanguageModel(address, str(folder), timeout=120), local_model("tiny")
    for question in ({"prompt": "what changes"}, {"prompt": "describe the scene", "system": "be brief"}):
        assert ask(served, **question) == ask(local, **question)
    grey = torch.full((1, 32, 32, 3), 0.5)  # the same after JPEG
    assert ask(served, images=[grey]) == ask(local, images=[grey])
    assert ask(served, images=[grey]) != ask(served)


def test_transformers_serve_names_a_model_it_does_not_have(transformers_serve):
    address, _ = transformers_serve
    with pytest.raises(LanguageModelError, match="nobody/nothing at http"):
        ask(ServerLanguageModel(address, "nobody/nothing", timeout=60, retries=0))
