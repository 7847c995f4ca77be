"""The frame that a language model chooses from the collage, see `ask_for_frame`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from ..vlm import LanguageModel
from ..vlm.ask import Outcome, ask_until
from .collage import collage_page, to_tensor
from .prompts import retry_text, system_text, user_text
from .replies import Choice, read_choice

COARSE = 12  # pictures on the page of the first round
FINE = 16  # and of the second
PAGE_SIDE = 1536  # pixels


@dataclass(frozen=True)
class Asked:
    """What a language model chose.

    position: index of the frame, None if none shows the edit or no answer could be used. said: what it said about it.
    problem: why there is no answer, "" where there is one. note: what went wrong after that.
    """

    position: int | None
    said: str = ""
    problem: str = ""
    note: str = ""


def ask_for_frame(
    model: LanguageModel,
    source: Image.Image,
    pictures: Sequence[Image.Image],
    numbers: Sequence[int],
    instruction: str,
    end_state: str = "",
    *,
    check_interrupt: Callable[[], None] = lambda: None,
    interruptions: tuple[type[BaseException], ...] = (),
    report: Callable[[str], None] = lambda text: None,
) -> Asked:
    """Let a language model choose the frame that shows the edit, as Frame2Frame does (arXiv 2411.16819, section 3.3).

    It sees a collage: the source on top, the candidates below, numbered from 1, because 0 means that none shows the
    edit. The first frame is the source again and no candidate. Up to 12 candidates are shown at once. Of more, first 12
    spread over the video are shown, and then the frames around the one it chose, at most 16. An answer that cannot be
    used is asked for once more, with the reason.

    Args:
        pictures, numbers: the frames in the order of time, and their original numbers.
        instruction, end_state: what is edited, and what the finished picture shows; one of them may be empty.
        check_interrupt: called while the model writes; what it raises is passed on, and so are `interruptions`.
        report: told what is going on.

    Raises:
        ValueError: if both texts are empty, or there is no picture.
    """
    if not instruction.strip() and not end_state.strip():
        raise ValueError("A language model needs the instruction or the end state to know which edit to look for.")
    if not pictures:
        raise ValueError("There is no picture to choose from.")

    def choose(places: list[int], close_together: bool = False) -> Outcome[Choice]:
        """One page with the pictures at these places, asked about at most twice."""
        page = collage_page(
            source, [pictures[place] for place in places], range(1, len(places) + 1), max_side=PAGE_SIDE
        )

        def read(text: str) -> tuple[Choice | None, str]:
            choice = read_choice(text, len(places))
            return (None, choice.problem) if choice.number is None else (choice, "")

        return ask_until(
            model,
            system_text(len(places)),
            user_text(instruction, end_state, close_together),
            [to_tensor(page)],
            read,
            retry_text,
            check_interrupt=check_interrupt,
            interruptions=interruptions,
        )

    candidates = list(range(len(pictures)))[1:] or [0]
    shown = _spread(candidates, COARSE)
    report(f"Asking {model.name} which of {len(shown)} frames shows the edit ...")
    asked = choose(shown)
    choice = asked.value
    if choice is None or choice.number is None:
        return Asked(None, problem=asked.problem)
    if choice.number == 0:
        return Asked(None, choice.said)
    hit = shown[choice.number - 1]
    if len(shown) == len(candidates):
        return Asked(hit, choice.said)

    around = _around(hit, shown, candidates)
    if len(around) == 1:
        return Asked(hit, choice.said)
    report(f"Asking {model.name} again, about the frames around {numbers[hit]} ...")
    asked = choose(around, close_together=True)
    closer = asked.value
    if closer is None or closer.number is None:
        return Asked(hit, choice.said, note=f"The second look, at the frames around it, failed: {asked.problem}")
    if closer.number == 0:
        return Asked(hit, choice.said)
    return Asked(around[closer.number - 1], closer.said)


def _spread(places: list[int], count: int) -> list[int]:
    """At most `count` of the places, evenly spread, the last one among them."""
    if len(places) <= count:
        return places
    return [places[round((step + 1) * len(places) / count) - 1] for step in range(count)]


def _around(hit: int, shown: list[int], candidates: list[int]) -> list[int]:
    """The candidates between the neighbours of the hit on the first page, at most FINE of them, the hit among them."""
    index = shown.index(hit)
    before = shown[index - 1] if index else candidates[0] - 1
    behind = shown[index + 1] if index + 1 < len(shown) else candidates[-1] + 1
    near = [place for place in candidates if before < place < behind]
    return sorted({*_spread([place for place in near if place != hit], FINE - 1), hit})
