"""Whatever a language model writes, the right frame is read from it, or nothing is."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from if_edit.editing.selection.replies import LONGEST_SAID, read_choice

UNCLEAR = None  # measurement decides
COUNT = 12  # pictures on the page

REPLIES = [
    # in the form that was asked for
    ("CHOICE: 3", 3),
    ("choice: 3", 3),
    ("Choice: 3.", 3),
    ("CHOICE:3", 3),
    ("CHOICE = 3", 3),
    ("CHOICE: 12", 12),
    ("CHOICE: 0", 0),
    ("CHOICE: 03", 3),
    ("CHOICE: 3\n\n", 3),
    ("The cup lies on its side from picture 5 on, and 6 looks the same.\nCHOICE: 5", 5),
    ("Pictures 3, 4 and 5 show it. The earliest is 3.\n\nCHOICE: 3", 3),
    ("In 1 to 4 the cup still stands. From 7 on the light is darker.\nCHOICE: 5", 5),
    ("CHOICE: 3\nCHOICE: 3", 3),
    # the same, dressed up
    ("**CHOICE: 3**", 3),
    ("**CHOICE:** 3", 3),
    ("CHOICE: **3**", 3),
    ("`CHOICE: 3`", 3),
    ("### CHOICE: 3", 3),
    ("- CHOICE: 3", 3),
    ("> CHOICE: 3", 3),
    ("```\nCHOICE: 3\n```", 3),
    ('"CHOICE: 3"', 3),
    ("CHOICE: [3]", 3),
    ("CHOICE: (3)", 3),
    ("CHOICE: #3", 3),
    ("CHOICE: x = 3", 3),
    ("CHOICE: $\\boxed{3}$", 3),
    ("CHOICE: frame 3", 3),
    ("CHOICE: Picture no. 3", 3),
    ("CHOICE: the 3rd picture", 3),
    ("CHOICE: 3 of 12", 3),
    ("CHOICE: 3/12", 3),
    ("CHOICE: 3 (the cup lies still)", 3),
    ("CHOICE: 3 because the cup lies still and 4 is darker", 3),
    ("CHOICE: three", 3),
    ("CHOICE: Twelve", 12),
    ("CHOICE: third", 3),
    ("CHOICE: none", 0),
    ("CHOICE: None of them", 0),
    ("CHOICE: zero", 0),
    ("CHOICE: 3<|im_end|>", 3),
    ("CHOICE: 3</s>", 3),
    ("CHOICE:\u00a03", 3),
    ("CHOICE: \uff13", 3),  # a full-width digit
    ("CHOICE: \u2462", 3),  # a circled digit
    ("CHOICE: 3\ufe0f\u20e3", 3),  # a digit on a key
    ("CHOICE:\n3", 3),
    ("CHOICE: 3.0", 3),
    # thoughts before the answer
    ("<think>It could be 4 or 5. CHOICE: 9?</think>\nCHOICE: 5", 5),
    ("It could be 4 or 5.</think>CHOICE: 5", 5),
    ("<thinking>CHOICE: 2</thinking><answer>5</answer>", 5),
    ("<|channel|>analysis<|message|>Maybe 7.<|end|><|start|>assistant<|channel|>final<|message|>CHOICE: 5<|end|>", 5),
    ("<think>First I look at picture 1. Then", UNCLEAR),
    ("<think>CHOICE: 5</think>", UNCLEAR),
    # other forms
    ("3", 3),
    (" 3. ", 3),
    ("**3**", 3),
    ("[3]", 3),
    ("#3", 3),
    ("Frame 3", 3),
    ("frame 3.", 3),
    ("Three.", 3),
    ("The third one.", 3),
    ("0", 0),
    ("None", 0),
    ("None of the pictures shows the finished edit.", 0),
    ("No picture shows the edit.", 0),
    ("Answer: 3", 3),
    ("**Final answer:** 3", 3),
    ("The selected edit is: 3", 3),
    ("Selected frame: 3", 3),
    ("<answer>3</answer>", 3),
    ("I would choose picture 3, since the cup lies there.", 3),
    ("I pick 3.", 3),
    ("The best picture is number 3.", 3),
    ("Picture 1 and 2 are not done. I choose 3.", 3),
    ("Frame 5 is the earliest in which the cup lies still.", 5),
    ("The 5th picture shows the finished edit.", 5),
    ("The selected edit is 3", 3),
    ("CHOICE: 3 -- although 4 is as good", 3),
    ("CHOICE: not 3", UNCLEAR),
    # JSON
    ('{"choice": 3}', 3),
    ('{"choice": "3"}', 3),
    ('{"choice": "frame 3", "reason": "12 is dark"}', 3),
    ('```json\n{"CHOICE": 3, "confidence": 0.9}\n```', 3),
    ('Here it is: {"selected_frame": 3}', 3),
    ('{"result": {"frame": 3}}', 3),
    ('{"frame": null}', 0),
    ('{"choice": 0, "reason": "nothing changes"}', 0),
    ('{"choice": [3]}', 3),
    ('{"choice": [3, 4]}', UNCLEAR),
    ('{"choice": true}', UNCLEAR),
    ('{"choice": 3.5}', UNCLEAR),
    ('{"choice": 99}', UNCLEAR),
    ('{"score": 9}', UNCLEAR),
    ('{"choice": ', UNCLEAR),
    ('I noted {"brightness": 9}.\nCHOICE: 3', 3),
    # Chinese
    ("\u9009\u62e9\uff1a3", 3),  # choice: 3
    ("\u7b54\u6848\u662f\u7b2c3\u5f20", 3),  # the answer is the 3rd one
    ("\u6211\u9009\u62e9\u7b2c 5 \u5f20\u56fe\u7247\u3002", 5),  # I choose the 5th picture
    ("\u7b2c\u4e09\u5e27", 3),  # the third frame
    ("\u7b54\u6848\uff1a\u5341\u4e8c", 12),  # answer: twelve
    ("CHOICE: \u4e94", 5),
    ("\u6ca1\u6709\u4e00\u5e27\u7b26\u5408\u8981\u6c42\u3002", 0),  # no frame fits
    ("\u676f\u5b50\u5728\u7b2c3\u5f20\u548c\u7b2c4\u5f20\u91cc\u90fd\u5012\u4e86\u3002", UNCLEAR),  # 3 and 4
    ("\u62b1\u6b49\uff0c\u6211\u65e0\u6cd5\u67e5\u770b\u56fe\u7247\u3002", UNCLEAR),  # sorry, I cannot see pictures
    # numbers that are not on the page
    ("CHOICE: 13", UNCLEAR),
    ("CHOICE: 100", UNCLEAR),
    ("CHOICE: -1", UNCLEAR),
    ("CHOICE: 3.5", UNCLEAR),
    ("CHOICE: 3%", UNCLEAR),
    ("CHOICE: 99999999999999999999999", UNCLEAR),
    ("17", UNCLEAR),
    ("I choose picture 24.", UNCLEAR),
    # more than one
    ("CHOICE: 3 or 4", UNCLEAR),
    ("CHOICE: 3, 4, 5", UNCLEAR),
    ("CHOICE: 3-5", UNCLEAR),
    ("CHOICE: 3 and 4", UNCLEAR),
    ("CHOICE: 3\nCHOICE: 5", UNCLEAR),
    ("3 or 4", UNCLEAR),
    ("3 4", UNCLEAR),
    ("Pictures 3 and 4 both show the edit.", UNCLEAR),
    ("Either 3 or 5 would do.", UNCLEAR),
    ("CHOICE: 3 CHOICE: 5", UNCLEAR),
    ("I choose 3. On second thought, I choose 5.", UNCLEAR),
    # no choice at all
    ("", UNCLEAR),
    ("   \n\t ", UNCLEAR),
    ("...", UNCLEAR),
    ("CHOICE:", UNCLEAR),
    ("CHOICE: x", UNCLEAR),
    ("CHOICE: ?", UNCLEAR),
    ("yes", UNCLEAR),
    ("ok", UNCLEAR),
    ("I'm sorry, I can't help with that.", UNCLEAR),
    ("I cannot see the 12 pictures.", UNCLEAR),
    ("The cup falls over and the 3 spoons stay where they are.", UNCLEAR),
    ("Picture 5 does not show the edit.", UNCLEAR),
    ("I would not choose 5.", UNCLEAR),
    ("Maybe picture 5?", UNCLEAR),
    ("None of the early pictures shows it, but 7 does.", UNCLEAR),
    ("The answer depends on what you mean.", UNCLEAR),
    ("80% of the cup is gone at 12:30 in 4K.", UNCLEAR),
    ("1. The cup stands.\n2. The cup falls.\n3. The cup lies.", UNCLEAR),
    ("word " * 5000, UNCLEAR),
    ("9" * 5000, UNCLEAR),
    ("\x00\x01\ud800", UNCLEAR),
    ("{" * 3000, UNCLEAR),
]


def test_there_are_more_than_a_hundred_different_replies():
    assert len({reply for reply, _ in REPLIES}) == len(REPLIES) > 100


@pytest.mark.parametrize(("reply", "number"), REPLIES, ids=lambda value: ascii(value)[:60])
def test_the_right_choice_is_read_or_none(reply, number):
    choice = read_choice(reply, COUNT)
    assert choice.number == number
    assert bool(choice.problem) == (number is None)
    assert not choice.problem or not choice.problem[0].isupper()  # it follows "because"


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("", "it was empty"),
        ("<think>hm</think>", "there was no answer behind its thoughts"),
        ("CHOICE: 13", "there is no picture 13, only 1 to 12, or 0 for none"),
        ("CHOICE: 3 or 11", "it named more than one number (3, 11)"),
        ("I see a cup.", "it named no number"),
        ("Between 3 and 5, hard to say which is not darker.", "it did not name one number clearly"),
    ],
)
def test_the_model_is_told_what_was_wrong(reply, problem):
    assert read_choice(reply, COUNT).problem == problem


def test_a_number_counts_only_as_far_as_the_page_goes():
    assert read_choice("CHOICE: 3", 3).number == 3
    assert read_choice("CHOICE: 4", 3).number is None
    assert read_choice("CHOICE: 3 of 12", 9).number is None  # the page has 9


def test_what_the_model_said_is_kept_in_one_short_line():
    assert read_choice("The cup **lies** still from 5 on.\n\nCHOICE: 5", COUNT).said == "The cup lies still from 5 on."
    assert read_choice("CHOICE: 5", COUNT).said == ""
    long = read_choice("The cup lies there. " * 100 + "\nCHOICE: 5", COUNT).said
    assert len(long) <= LONGEST_SAID and "\n" not in long and long.endswith(" ...")


@pytest.mark.parametrize("start", ["", "CHOICE", "CHOICE: ", "frame ", "\n", "<think>", "I choose "])
@pytest.mark.parametrize("filling", [":", "#", "*", " ", "\n", "(", "3 or ", "frame", "{", '{"a":', ".", "the ", "9"])
def test_no_reply_takes_long_to_read(start, filling):
    before = time.process_time()
    read_choice(start + filling * 20_000 + "a", COUNT)
    assert time.process_time() - before < 2


PARTS = st.sampled_from(
    ["CHOICE:", "3", " ", "\n", "of", "12", "**", "{", "}", '"choice":', "<think>", "</think>", "not", "frame", "or"]
    + [",", "-", "\u7b2c", "\u5341", "none", "x", "\\boxed{", "[", "]", "3.5", "third", "I choose", "\u20e3", "%"]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(PARTS, max_size=30).map("".join)), st.integers(1, 16))
def test_nothing_that_comes_in_raises_or_leaves_the_page(text, count):
    choice = read_choice(text, count)
    assert choice.number is None or 0 <= choice.number <= count
    assert (choice.number is None) == bool(choice.problem)
