"""Asking a language model until its answer can be used (editing/vlm/ask.py)."""

import logging

from if_edit.editing.vlm import LanguageModelError
from if_edit.editing.vlm.ask import ATTEMPTS, ask_until
from if_edit.tests.support.scripted_vlm import Scripted


def read_number(text):
    return (int(text), "") if text.isdigit() else (None, f"{text!r} is no number")


def ask(model, **options):
    def retry_text(prompt, problem):
        return f"{prompt} Again: {problem}."

    return ask_until(model, "Be brief.", "How many?", [], read_number, retry_text, **options)


def test_an_answer_that_can_be_read_is_the_value():
    model = Scripted("0")
    outcome = ask(model)
    assert (outcome.value, outcome.problem, outcome.text) == (0, "", "0")
    assert model.questions == [{"system": "Be brief.", "prompt": "How many?", "images": [], "seed": 0}]


def test_an_answer_that_cannot_be_read_is_asked_for_again_with_the_reason_and_another_seed(caplog):
    caplog.set_level(logging.INFO)
    model, attempts = Scripted("few", "3"), []
    assert ask(model, seed=5, before_attempt=attempts.append).value == 3
    assert [question["prompt"] for question in model.questions] == [
        "How many?",
        "How many? Again: 'few' is no number.",
    ]
    assert [question["seed"] for question in model.questions] == [5, 6]
    assert attempts == [0, 1]
    assert "the answer of the scripted model was not used because 'few' is no number" in caplog.text


def test_each_new_prompt_is_made_from_the_first_one_and_the_last_problem(monkeypatch):
    monkeypatch.setattr("if_edit.editing.vlm.ask.ATTEMPTS", 3)
    model = Scripted("few", "many")
    ask(model)
    assert model.questions[2]["prompt"] == "How many? Again: 'many' is no number."


def test_where_no_answer_can_be_read_the_last_one_is_kept_with_its_problem():
    model = Scripted("few", "many")
    outcome = ask(model)
    assert outcome.value is None and outcome.text == "many"
    assert outcome.problem == (
        "The answer of the scripted model could not be used because 'many' is no number, after asking 2 times."
    )
    assert len(model.questions) == ATTEMPTS == 2


def test_a_model_that_fails_is_not_asked_again():
    model = Scripted("few", LanguageModelError("It broke."), "3")
    outcome = ask(model)
    assert (outcome.value, outcome.problem, outcome.text) == (None, "It broke.", "")
    assert len(model.questions) == 2
