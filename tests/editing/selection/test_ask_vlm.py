"""A language model chooses the frame from numbered pages; what it cannot decide is said, never guessed."""

import pytest
import torch
from if_edit.editing.selection.ask_vlm import COARSE, FINE, ask_for_frame
from if_edit.editing.selection.collage import collage_page, pictures_of, to_tensor
from if_edit.editing.selection.prompts import retry_text, system_text, user_text
from if_edit.editing.vlm import LanguageModelError
from if_edit.tests.support.scripted_vlm import Scripted


class Interrupted(Exception):
    pass


def shades(count):
    """Pictures that can be told apart, up to 84, by their red: no letter on the page has such a green."""
    return pictures_of(torch.stack([torch.tensor(shade(place)).expand(16, 24, 3) / 255 for place in range(count)]))


def shade(place):
    return (3 * (place + 1) % 255, 200.0, 0.0)


SOURCE = pictures_of(torch.full((1, 16, 24, 3), 0.99))[0]


def ask(model, count, instruction="tip the cup over", end_state="", **options):
    return ask_for_frame(model, SOURCE, shades(count), range(count), instruction, end_state, **options)


def shown_on(page, count):
    """Which of the shades are on the page that the model saw."""
    red, green, blue = (page[0] * 255).round().int().unbind(-1)
    places = ((red[(green == 200) & (blue == 0)] - 3) // 3).unique().tolist()
    return [place for place in places if place < count]


def page_of(places, count):
    pictures = shades(count)
    return to_tensor(collage_page(SOURCE, [pictures[place] for place in places], range(1, len(places) + 1)))


def test_a_few_frames_are_shown_at_once_numbered_from_one_without_the_first():
    model = Scripted("CHOICE: 2")
    asked = ask(model, 4)
    assert (asked.position, asked.problem) == (2, "")
    (question,) = model.questions
    (page,) = question["images"]
    assert torch.equal(page, page_of([1, 2, 3], 4))
    assert "numbers 1 to 3" in question["system"]


def test_the_model_is_told_the_edit_and_the_rule():
    model = Scripted("CHOICE: 1")
    ask(model, 3, "tip the  cup\nover", "The cup lies there.")
    prompt, system = model.questions[0]["prompt"], model.questions[0]["system"]
    assert prompt.startswith("Edit instruction: tip the cup over\nThe finished picture: The cup lies there.\n")
    for rule in ("in full and look natural", "lowest number", "number is 0", "zoomed", "CHOICE: x"):
        assert rule in system
    assert "Edit instruction" not in user_text("", "The cup lies there.")


def test_none_of_them_is_an_answer():
    asked = ask(Scripted("All of them show the cup standing.\nCHOICE: 0"), 4)
    assert (asked.position, asked.problem) == (None, "")
    assert asked.said == "All of them show the cup standing."


@pytest.mark.parametrize("count", [20, 33, 81, 200])
def test_a_long_video_is_looked_at_in_two_rounds(count):
    model = Scripted("CHOICE: 7", "CHOICE: 2")
    asked = ask(model, count)
    coarse, fine = (shown_on(question["images"][0], count) for question in model.questions)
    if count <= 81:  # further shades cannot be told apart
        assert len(coarse) == COARSE and coarse[-1] == count - 1 and 0 not in coarse
        hit = coarse[6]
        assert hit in fine and len(fine) <= FINE
        assert coarse[5] < min(fine) and max(fine) < coarse[7]
        assert fine == list(range(coarse[5] + 1, coarse[7]))  # all of them, as long as they fit
        assert asked.position == fine[1]
    assert "close together" in model.questions[1]["prompt"] and "close together" not in model.questions[0]["prompt"]


def test_where_no_frame_lies_between_there_is_no_second_round():
    model = Scripted("CHOICE: 1")
    assert ask(model, 14).position == 1
    assert len(model.questions) == 1


def test_no_frame_of_a_short_video_is_left_out():
    model = Scripted("CHOICE: 12")
    assert ask(model, 13).position == 12
    assert shown_on(model.questions[0]["images"][0], 13) == list(range(1, 13))
    assert len(model.questions) == 1


@pytest.mark.parametrize("number", [1, 12])
def test_the_first_and_the_last_page_number_have_frames_around_them_too(number):
    model = Scripted(f"CHOICE: {number}", "CHOICE: 1")
    assert 0 < ask(model, 81).position <= 80
    assert shown_on(model.questions[1]["images"][0], 81)[0 if number == 1 else -1] == (1 if number == 1 else 80)


@pytest.mark.parametrize("second", ["CHOICE: 0", "no idea", LanguageModelError("The server is gone.")])
def test_if_the_second_look_finds_nothing_the_first_one_counts(second):
    model = Scripted("CHOICE: 7", second)
    asked = ask(model, 33)
    assert asked.position == shown_on(model.questions[0]["images"][0], 33)[6]
    assert asked.problem == ""
    assert bool(asked.note) == (second != "CHOICE: 0")


def test_a_reply_without_a_choice_is_asked_for_once_more_with_the_reason():
    model = Scripted("3 or 4", "CHOICE: 3")
    assert ask(model, 6).position == 3
    first, second = model.questions
    assert second["prompt"] == retry_text(first["prompt"], "it named more than one number (3, 4)")
    assert second["seed"] != first["seed"]  # the same seed could give the same answer


@pytest.mark.parametrize("answer", ["", "ok", "I'm sorry, I can't help with that.", "CHOICE: 99", "<think>and so on"])
def test_after_two_replies_without_a_choice_it_says_why(answer):
    model = Scripted(answer)
    asked = ask(model, 4)
    assert asked.position is None
    assert len(model.questions) == 2
    assert asked.problem.startswith("The answer of the scripted model could not be used because ")
    assert asked.problem.endswith(", after asking 2 times.")


def test_a_model_that_fails_is_not_asked_again():
    model = Scripted(LanguageModelError("Cannot reach the server."))
    assert ask(model, 4).problem == "Cannot reach the server."
    assert len(model.questions) == 1


def test_whatever_else_goes_wrong_is_no_reason_to_lose_the_graph(caplog):
    asked = ask(Scripted(MemoryError("too large")), 4)
    assert asked.problem == "The language model the scripted model failed (MemoryError: too large)."
    assert "Traceback" in caplog.text


def test_an_interrupt_is_passed_on():
    def interrupt():
        raise Interrupted

    with pytest.raises(Interrupted):
        ask(Scripted("CHOICE: 1"), 4, check_interrupt=interrupt)
    with pytest.raises(Interrupted):  # raised by the model's own loop
        ask(Scripted(Interrupted()), 4, interruptions=(Interrupted,))
    with pytest.raises(KeyboardInterrupt):
        ask(Scripted(KeyboardInterrupt()), 4)


def test_without_an_edit_there_is_nothing_to_look_for():
    with pytest.raises(ValueError, match="instruction or the end state"):
        ask(Scripted("CHOICE: 1"), 4, instruction=" ", end_state="\n")


def test_one_and_two_frames_are_a_question_too():
    for count in (1, 2):
        model = Scripted("CHOICE: 1")
        assert ask(model, count).position == count - 1
        assert "one picture with the number 1" in model.questions[0]["system"]


def test_the_person_is_told_what_is_going_on():
    told = []
    ask(Scripted("CHOICE: 7", "CHOICE: 1"), 81, report=told.append)
    assert told[0] == "Asking the scripted model which of 12 frames shows the edit ..."
    assert told[1].startswith("Asking the scripted model again, about the frames around 4")


def test_the_system_text_counts_the_pictures():
    assert "12 pictures with the numbers 1 to 12" in system_text(12)
