"""What language models answer becomes a caption, whatever form it comes in, and what cannot be used is recognised."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from if_edit.editing.captions.prompts import (
    CHINESE,
    ENGLISH,
    EXAMPLES,
    MAY_MOVE,
    ONE_SENTENCE,
    STAGED,
    STILL,
    retry_text,
    system_text,
    user_text,
)
from if_edit.editing.captions.replies import (
    CAMERA_STILL_CHINESE,
    LONGEST_REPLY,
    count_words,
    problem_of,
    read_reply,
    says_camera_is_still,
    with_still_camera,
    without_still_camera,
)

FALLS = "The cup tips over and falls."
STAGED_REPLY = """FIRST: The white cup begins to tip.
THEN: It leans further over the edge.
FINALLY: It falls and lies on the floor.
UNCHANGED: The table and the window.
END STATE: The white cup lies on the floor.
CAPTION: The white cup tips over the edge of the table and falls to the floor. The camera stays still."""
CHINESE_CAPTION = "\u767d\u8272\u7684\u676f\u5b50\u5012\u4e0b\u5e76\u6389\u5230\u5730\u4e0a\u3002"


def problem(caption, instruction="knock the cup over", camera=STILL, language=ENGLISH, max_words=100, **options):
    return problem_of(caption, instruction, camera, language, max_words, **options)


# ---- what was asked for


def test_a_reply_in_the_form_that_was_asked_for_is_taken_apart():
    reply = read_reply(STAGED_REPLY)
    assert reply.caption.startswith("The white cup tips over the edge") and reply.caption.endswith("stays still.")
    assert reply.end_state == "The white cup lies on the floor."
    assert reply.stages == {
        "first": "The white cup begins to tip.",
        "then": "It leans further over the edge.",
        "finally": "It falls and lies on the floor.",
        "unchanged": "The table and the window.",
    }
    assert reply.thoughts == ""


@pytest.mark.parametrize("camera", [STILL, MAY_MOVE])
@pytest.mark.parametrize("style", [STAGED, ONE_SENTENCE])
def test_every_example_is_itself_a_reply_that_can_be_used(style, camera):
    blocks = system_text(style, camera, ENGLISH, 100).split("Examples:\n\n")[1].split("\n\n")
    assert len(blocks) == len(EXAMPLES) == 9
    for block, shown in zip(blocks, EXAMPLES, strict=True):
        reply = read_reply(block.split("\n", 2)[2])
        assert reply.end_state == shown.end_state
        assert (len(reply.stages) == 4) == (style == STAGED)
        assert problem(reply.caption, shown.instruction, camera, asks_for_camera=shown.moves_camera) is None
        assert says_camera_is_still(reply.caption) == (camera == STILL and not shown.moves_camera)


@pytest.mark.parametrize("language", [ENGLISH, CHINESE])
@pytest.mark.parametrize(
    ("style", "labels"),
    [
        (STAGED, ["FIRST", "THEN", "FINALLY", "UNCHANGED", "END STATE", "CAPTION"]),
        (ONE_SENTENCE, ["CAPTION", "END STATE"]),
    ],
)
def test_each_label_of_the_form_starts_a_line(style, labels, language):
    form = system_text(style, STILL, language, 100).split("with exactly these ")[1].split("Examples:")[0]
    assert re.findall(r"^([A-Z ]+): ", form, re.MULTILINE) == labels
    assert len(re.findall(r"\b(?:FIRST|THEN|FINALLY|UNCHANGED|END STATE|CAPTION):", form)) == len(labels)


def test_the_question_says_what_the_person_chose():
    system = system_text(ONE_SENTENCE, MAY_MOVE, CHINESE, 55)
    assert "55 words" in system and "Simplified Chinese" in system and "may move" in system
    assert "FIRST:" not in system and "FIRST:" in system_text(STAGED, STILL, ENGLISH, 100)
    assert user_text("let  it\nmelt", " it is ice ").splitlines()[:2] == [
        "Edit instruction: let it melt",
        "Also consider: it is ice",
    ]
    assert "no photo" in user_text("x", has_image=False)
    assert "because it refused" in retry_text("question", "it refused")


# ---- what comes instead


@pytest.mark.parametrize(
    "written",
    [
        FALLS,
        f"  {FALLS}  ",
        f'"{FALLS}"',
        "'The cup tips over and falls'.",
        "\u201cThe cup tips over and falls.\u201d",
        f"**{FALLS}**",
        "The **cup** _tips_ `over` and falls.",
        f"CAPTION: {FALLS}",
        f"**Caption:** {FALLS}",
        f'- **Caption**: "{FALLS}"',
        f"### Caption:\n{FALLS}",
        f"Caption (English): {FALLS}",
        f"1. CAPTION: {FALLS}\n2. END STATE: The cup lies there.",
        f"Here is the caption:\n\n{FALLS}",
        f"Sure! Here's your caption:\n\n{FALLS}\n\nLet me know if you need anything else!",
        f"Certainly. {FALLS}",
        f"CAPTION: {FALLS}\n\nI hope this helps!",
        f"CAPTION: {FALLS}\nNote: I kept the camera still.",
        f"<think>The cup (white) must fall.\nCAPTION: no</think>\n{FALLS}",
        f"The person wants the cup to fall.</think>\n\n{FALLS}",
        f"[THINK]hm[/THINK]{FALLS}",
        f"<|channel|>analysis<|message|>We need one.<|end|><|start|>assistant<|channel|>final<|message|>{FALLS}<|end|>",
        f"```\n{FALLS}\n```",
        f'```json\n{{"caption": "{FALLS}", "end_state": "The cup lies there."}}\n```',
        f'{{"result": {{"Caption": "{FALLS}"}}, "ok": true}}',
        'Here is the JSON: {"video_caption": ["The cup tips over", "and falls"]}',
        f"{FALLS}<|im_end|>",
        f"<s>[INST] {FALLS}</s>",
        "The (cup:1.4) tips over and falls.",
        "The cup\u200b tips over\u00a0and falls.\x00\x1b",
        "[The cup](http://example.com) tips over and falls.",
        "- The cup tips over and falls",
        "the cup tips over and falls",
    ],
)
def test_what_stands_around_a_caption_is_removed(written):
    assert read_reply(written).caption == FALLS


def test_brackets_become_commas_and_lists_sentences():
    assert read_reply("The cup (a white one) tips over (slowly).").caption == "The cup, a white one, tips over, slowly."
    assert read_reply("1. The cup tips over\n2. It falls\n* It breaks").caption == (
        "The cup tips over. It falls. It breaks."
    )


def test_quotes_inside_a_caption_stay():
    assert read_reply("'Tea' stands on the 'best' cup").caption == "'Tea' stands on the 'best' cup."
    assert read_reply("\"The man's sign says 'open' and falls.\"").caption == "The man's sign says 'open' and falls."


def test_embeddings_and_weights_cannot_be_smuggled_into_a_prompt():
    caption = read_reply("The cup embedding:evil falls ((and (breaks:2.0)) apart EMBEDDING : worse").caption
    assert "(" not in caption and "embedding:" not in caption.lower().replace(" ", "") and ":2.0" not in caption


def test_stages_without_a_caption_make_one():
    reply = read_reply(STAGED_REPLY.partition("CAPTION:")[0])
    assert reply.caption == (
        "The white cup begins to tip. It leans further over the edge. It falls and lies on the floor."
    )


def test_thoughts_are_kept_apart_for_those_who_want_to_see_them():
    reply = read_reply(f"<think>A cup\nis fragile.</think>CAPTION: {FALLS}")
    assert (reply.caption, reply.thoughts) == (FALLS, "A cup is fragile.")
    assert read_reply("<think>and on and on").caption == ""  # cut off before the answer


def test_of_the_end_state_one_sentence_is_taken():
    assert read_reply(f"CAPTION: {FALLS}\nEND STATE: It lies there. It is broken.").end_state == "It lies there."
    assert read_reply(f"CAPTION: {FALLS}\nEND STATE: {'very ' * 70} broken.").end_state == ""


def test_of_a_label_that_comes_again_the_last_counts():
    assert read_reply(f"CAPTION: A draft of it.\nCAPTION: {FALLS}").caption == FALLS


@pytest.mark.parametrize(
    "written",
    [
        '{"caption": "The cup tips over and fa',
        '```json\n{"first": "The cup tips.", "caption": "The cup tips over and falls.", "end_sta',
        "{'caption': 'The cup tips over', 'end_state':",
        "| Step | What happens |\n|---|---|\n| 1 | The cup tips over |\n| 2 | The cup falls |",
    ],
)
def test_broken_json_and_tables_hold_no_caption(written):
    assert read_reply(written).caption == ""


# ---- what cannot be used


@pytest.mark.parametrize(
    ("caption", "because"),
    [
        ("", "no caption"),
        ("Falling cup.", "2 words"),
        ("Knock the cup over.", "repeated the instruction"),
        ("I'm sorry, but I can't help with editing photos.", "refused"),
        ("As an AI, I cannot see images.", "refused"),
        ("There is no image attached to the message.", "task"),
        ("You could make it a joke.", "reader"),
        ("This is not an image.", "refused"),
        ("I was correct, and I'm glad to hear it's not too much of a feat.", "reader"),
        ("Which cup do you mean?", "question"),
        ("I am a text-based AI.", "refused"),
        ("Es tut mir leid, ich kann die Tasse nicht umwerfen.", "not in English"),
        ("Lo siento, no puedo editar esta imagen.", "not in English"),
        ("The caption tells how the cup falls over.", "task"),
        ("A cup is on the table.", "no change"),
        ("The dog slowly lies down on the rug until it rests.", "not name"),
        ("The cup slowly turns blue. Cut to a close-up of it.", "cuts"),
        ("The cup falls as a slow dolly in reveals the spill.", "moves the camera"),
        ("The cup tips over and falls onto the", "broke off"),
        ("The cup and the cup and the cup and the cup falls.", "again and again"),
        ("Cups fall when they are knocked over by somebody.", "one step only"),
        ("Please provide the image that you want to edit.", "refused"),
        ("\u62b1\u6b49\uff0c\u6211\u65e0\u6cd5\u5e2e\u52a9\u60a8\u7f16\u8f91\u8fd9\u5f20\u7167\u7247\u3002", "refused"),
        ("All of it as one continuous event, in the present tense.", "form"),
        (f"{'the cup falls and ' * 30}lies.", "121 words"),
        (f"The cup {'a' * 500} falls over now.", "not written in words"),
        (CHINESE_CAPTION, "not in English"),
        ("The cup falls while the camera slowly zooms in on it.", "moves the camera"),
        ("The cup falls. The shot then pans to the left.", "moves the camera"),
        ("Zoom in on the cup while it falls over.", "moves the camera"),
        ("The cup tips over and falls. The camera does not zoom or move.", None),
        ("The cup tips over and falls, without zooming in.", None),
        ("The man pans for gold while the cup falls.", None),
        ("The cup tips over and falls.", None),
    ],
)
def test_what_is_wrong_with_a_caption_is_named(caption, because):
    found = problem(caption)
    assert because in found if because else found is None


def test_a_moving_camera_is_right_where_it_was_asked_for():
    caption = "The white cup tips over while the camera slowly zooms in on it."
    assert problem(caption) and not problem(caption, camera=MAY_MOVE) and not problem(caption, asks_for_camera=True)
    assert not problem("The camera slowly zooms in on the white cup.", "zoom in on the cup", asks_for_camera=True)
    assert "how the camera moves" in problem(FALLS, "zoom in on the cup", asks_for_camera=True)


def test_chinese_is_accepted_where_chinese_was_asked_for():
    assert problem(CHINESE_CAPTION, language=CHINESE) is None
    assert "Chinese" in problem(FALLS, language=CHINESE)
    assert "moves the camera" in problem(
        CHINESE_CAPTION + "\u955c\u5934\u6162\u6162\u63a8\u8fdb\u3002", language=CHINESE
    )
    assert count_words(CHINESE_CAPTION) == 6  # 12 characters


@pytest.mark.parametrize(
    "said",
    [
        "The camera stays still.",
        "The camera remains perfectly static.",
        "Static camera.",
        "A fixed shot.",
        "The camera does not move.",
        "No camera movement.",
        "The framing stays the same.",
        CAMERA_STILL_CHINESE,
    ],
)
def test_a_still_camera_is_said_once(said):
    assert with_still_camera(f"{FALLS} {said}", ENGLISH) == f"{FALLS} {said}"


def test_a_still_camera_is_added_where_nothing_is_said_and_taken_away_again():
    assert with_still_camera(FALLS, ENGLISH) == f"{FALLS} The camera stays still."
    assert without_still_camera(with_still_camera(FALLS, ENGLISH)) == FALLS
    assert with_still_camera(CHINESE_CAPTION, CHINESE) == CHINESE_CAPTION + CAMERA_STILL_CHINESE
    assert without_still_camera(CHINESE_CAPTION + CAMERA_STILL_CHINESE) == CHINESE_CAPTION


# ---- whatever comes

FRAGMENTS = st.sampled_from(
    [
        "CAPTION:",
        "END STATE:",
        "**Caption**:",
        "<think>",
        "</think>",
        "```json",
        "```",
        '{"caption": "',
        '"}',
        "(",
        ")",
        "((x:1.3",
        "embedding:",
        "<|im_end|>",
        "<|",
        "|>",
        "</s",
        "s>",
        "<image>",
        "\n\n",
        "- ",
        "1. ",
        '"',
        "'",
        "\u201c",
        "The cup falls.",
        "I'm sorry",
        "Note:",
        "[",
        "](",
        "\ud800",
        "\x00",
        "\u202e",
        "\ufeff",
        "\u955c\u5934",
        "\U0001f600",
        "# ",
        "***",
        "_",
        "\\(",
        "&lt;",
        ":",
        ",",
        ".",
        "\u3002",
        "e\u0301",
    ]
)
ANYTHING = st.one_of(st.text(), st.lists(st.one_of(FRAGMENTS, st.text(max_size=8))).map("".join))
WORST = [
    "(",
    "[",
    "<",
    '"',
    "{",
    "*",
    "-",
    " ",
    "\n",
    "[[",
    '{"a":',
    "caption:",
    "<|",
    "a",
    "1. ",
    "camera then ",
    "(:",
    ".,",
    "* \n",
    "<think>",
    "\u4e00",
    "note ",
]


@settings(max_examples=600, deadline=None)
@given(ANYTHING)
@example("<|im_<|im_end|>end|>")
@example("((((a:1)b:2)c:3)")
@example("embed<pad>ding:x falls")
@example("CAPTION: CAPTION: (")
@example('{"caption": {"caption": {"caption": "x"}}}')
@example('"' * 50)
def test_no_reply_crashes_and_every_output_is_safe_for_a_text_encoder(written):
    reply = read_reply(written)
    for text in (reply.caption, reply.end_state, *reply.stages.values()):
        text.encode("utf-8")  # no half of a pair
        assert text == " ".join(text.split())
        assert text.isprintable()
        assert not set(text) & set("()<>{}[]|\\`*_#")
        assert "embedding:" not in text.lower()
        assert not text or text[-1] not in " ,;:"
    assert problem(reply.caption) is None or isinstance(problem(reply.caption), str)


@pytest.mark.parametrize("piece", WORST)
def test_no_reply_takes_long_to_read(piece):
    began = time.perf_counter()
    reply = read_reply(piece * (LONGEST_REPLY // len(piece)))
    problem(reply.caption)
    assert time.perf_counter() - began < 2
