"""A language model for tests, which says what a test tells it to."""

from if_edit.editing.vlm import LanguageModel


class Scripted(LanguageModel):
    """Gives its answers one after the other, the last one again and again; an exception among them is raised."""

    name = "the scripted model"

    def __init__(self, *answers):
        self.answers, self.questions = answers, []

    def ask(self, system, prompt, images, *, seed, max_tokens, check_interrupt):
        self.questions.append({"system": system, "prompt": prompt, "images": images, "seed": seed})
        check_interrupt()
        answer = self.answers[min(len(self.questions), len(self.answers)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer
