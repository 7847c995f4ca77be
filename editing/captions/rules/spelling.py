"""Misspelt words: "mvoe the red circel" is read as "move the red circle", and a word that is right is left alone.

Three things must hold before a word is corrected.

- It looks like no word: the rules do not know it, nor as a form of a word they know ("greener", "repaint"), and it is
  none of the common words in `words.REAL_WORDS`.
- Exactly one word of the rules is one slip away. A slip swaps two neighboring letters, leaves one out, doubles one (or
  forgets to), or hits the key beside it. The first letter is right, or swapped with the second, or sounds the same.
- The sentence needs it: no rule understands what is written, and one understands the corrected text. In a sentence that
  is understood as it is, only nouns, colors, directions and the verb in front are corrected, and only of slips that
  hardly ever turn one English word into another.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TypeVar

from . import vocabulary
from .english import past, progressive, third_person
from .families import RULES
from .vocabulary import ACTIONS, OWN_VERBS, PARTICIPLES, VERBS, bare_verbs
from .words import COLORS, DIRECTIONS, NOUNS, OTHERS, REAL_WORDS, STATES, USUAL_SLIPS

SHORTEST = 4  # letters; in a shorter word every slip makes another word
SHORTEST_UNSWAPPED = 5  # letters of the meant word, for slips other than a swap: "blac" is "black", "bal" may be "bag"
LONG = 9  # letters; a word so long has hardly a neighbor, so that even one that lacks a letter is surely misspelt
MOST_SLIPS = 4  # in a text with more, every word would be a guess

_QUOTED_OR_WORD = re.compile(r"\"[^\"]*\"|(?<![\w'])'[^']*'|[^\W\d_]+(?:'[^\W\d_]+)?(?:-[\w-]+)?")
# Where only a verb can stand, though a rule may read "mkae the car" as the name of a thing.
_AFTER_START = re.compile(r"(?:^|[,;.]|\b(?:and|then|please|you|to|just|now))\s*$", re.IGNORECASE)
_BEFORE_THING = re.compile(r"\s+(?:the|my|his|her|its|their|this|that|these|those|all)\b", re.IGNORECASE)
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SAME_SOUND = re.compile(r"sc[eiy]|kc[aloru]|cs[eiy]")  # the first letter and the meant word: "sircle", "kamera"
_REPEATED = re.compile(r"(.)\1+")
_ENDINGS = ("s", "ed", "er", "est", "ing", "ly", "y", "ness")
Understood = TypeVar("Understood")


@dataclass(frozen=True)
class Slip:
    """A misspelt word of a text: where it starts, as written, and as meant."""

    start: int
    written: str
    meant: str


def mend(text: str, understand: Callable[[str], Understood]) -> tuple[str, Understood, tuple[Slip, ...]]:
    """The text with its slips corrected, what `understand` makes of it, and the corrections.

    `understand` returns something false for a text that makes no sense. A text that is understood is corrected with
    care; one that is not, with the fewest further corrections that make it understood, if these are certain.
    """
    careful = _find_slips(text, _careful_words(), _is_careful_slip)
    as_written, corrected = understand(text), _correct(text, careful)
    if result := understand(corrected) if careful else as_written:
        return corrected, result, careful
    if as_written:
        return text, as_written, ()
    more = [slip for slip in _find_slips(text, _all_words(), _is_slip) if slip not in careful]
    for count in range(1, len(more) + 1) if len(more) <= MOST_SLIPS else ():
        readings = []
        for chosen in itertools.combinations(more, count):
            slips = tuple(sorted((*careful, *chosen), key=_start))
            corrected = _correct(text, slips)
            if result := understand(corrected):
                readings.append((corrected, result, slips))
        if readings:
            return readings[0] if len(readings) == 1 else (text, as_written, ())
    return text, as_written, ()


def is_known(word: str) -> bool:
    """Whether a word in small letters is in the vocabulary of the rules."""
    return word in _all_words()


def _start(slip: Slip) -> int:
    return slip.start


def _correct(text: str, slips: Iterable[Slip]) -> str:
    for slip in sorted(slips, key=_start, reverse=True):
        text = text[: slip.start] + slip.meant + text[slip.start + len(slip.written) :]
    return text


def _find_slips(text: str, words: frozenset[str], is_slip: Callable[[str, str], bool]) -> tuple[Slip, ...]:
    found = []
    for match in _QUOTED_OR_WORD.finditer(text):
        word = match[0]
        # What nobody can judge: names, quotes, codes, other scripts.
        plain = word.isascii() and word.isalpha() and (word.islower() or (match.start() == 0 and word.istitle()))
        is_verb = _BEFORE_THING.match(text, match.end()) and _AFTER_START.search(text[: match.start()])
        if plain and (meant := _find_meant(word.lower(), _all_words() if is_verb else words, is_slip)):
            found.append(Slip(match.start(), word, meant))
    return tuple(found)


@lru_cache(maxsize=1024)
def _find_meant(word: str, words: frozenset[str], is_slip: Callable[[str, str], bool]) -> str:
    """The one word that this one is a slip of; empty if it is right, or there is none, or there are two."""
    if len(word) < SHORTEST or _is_real(word) or (_is_real(word[:-1]) and third_person(word[:-1]) == word):
        return ""
    near = [meant for meant in _all_words() if abs(len(word) - len(meant)) <= 2 and _is_slip(word, meant)]
    return near[0] if len(near) == 1 and near[0] in words and is_slip(word, near[0]) else ""


@lru_cache(maxsize=1024)
def _is_real(word: str) -> bool:
    """Whether a word is known to the rules, common, or a form of such a word: "greener", "scare", "unload"."""
    if word in _real_words():
        return True
    if word.startswith(("un", "re")) and len(word) > 5 and _is_real(word[2:]):
        return True
    if _with_ending(word, "s") in _real_words() or (word.endswith("e") and f"{word}d" in _real_words()):
        return True
    return any(
        stem in _real_words() and _with_ending(stem, ending) == word
        for ending in _ENDINGS
        if word.endswith(ending)
        for stem in _stems(word.removesuffix(ending))
    )


def _stems(rest: str) -> tuple[str, ...]:
    """What may have stood before an ending: "mov" in "moved" is "move", "happi" is "happy", "spinn" is "spin"."""
    return rest, rest + "e", rest[:-1] + "y", rest[:-1], rest[:-2] + "y"


def _with_ending(stem: str, ending: str) -> str:
    """ "paint", "er" -> "painter"; "big", "est" -> "biggest"; "happy", "ness" -> "happiness"; "ice", "y" -> "icy"."""
    if ending == "s":
        return third_person(stem)
    vowel = ending[0] in "aeiouy"
    if vowel and stem.endswith("e") and f"{stem[-2:]}{ending}" != "eeing":
        return stem[:-1] + ending
    if re.search(r"[^aeiou]y$", stem) and ending not in ("ing", "y"):
        return f"{stem[:-1]}i{ending}"
    if vowel and re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", stem):
        return stem + stem[-1] + ending
    return stem + ending


def _is_slip(word: str, meant: str) -> bool:
    """Whether one slip of the fingers makes `word` of `meant`."""
    return _is_careful_slip(word, meant) or (
        len(meant) >= SHORTEST_UNSWAPPED
        and word[0] == meant[0]
        and (_lacks_letter(word, meant) or _hits_key_beside(word, meant))
    )


def _is_careful_slip(word: str, meant: str) -> bool:
    """A slip that hardly ever makes one English word of another."""
    if _is_swap(word, meant) or len(meant) < SHORTEST_UNSWAPPED:
        return _is_swap(word, meant)
    if word[0] != meant[0]:
        return word[1:] == meant[1:] and bool(_SAME_SOUND.match(f"{word[0]}{meant}"))
    return _is_doubling(word, meant) or (len(meant) >= LONG and _lacks_letter(word, meant))


def _is_swap(word: str, meant: str) -> bool:
    """ "mvoe": two neighbors have changed places."""
    if len(word) != len(meant) or word == meant:
        return False
    n = next(n for n, letter in enumerate(word) if letter != meant[n])
    return word[n : n + 2] == meant[n : n + 2][::-1] and word[n + 2 :] == meant[n + 2 :]


def _is_doubling(word: str, meant: str) -> bool:
    """ "baloon", "dissapear", "mellon": the same letters, but for which of them are doubled."""
    return word != meant and _REPEATED.sub(r"\1", word) == _REPEATED.sub(r"\1", meant)


def _lacks_letter(word: str, meant: str) -> bool:
    """ "backgroud": a letter is left out."""
    return len(word) + 1 == len(meant) and any(meant[:n] + meant[n + 1 :] == word for n in range(len(meant)))


def _hits_key_beside(word: str, meant: str) -> bool:
    """ "circke": a letter is the one beside the right one on the keyboard."""
    wrong = [pair for pair in zip(word, meant, strict=False) if pair[0] != pair[1]]
    return len(word) == len(meant) and len(wrong) == 1 and wrong[0] in _neighbor_keys()


@cache
def _neighbor_keys() -> frozenset[tuple[str, str]]:
    beside = {pair for row in _KEYS for pair in itertools.pairwise(row)}
    return frozenset(beside | {(right, left) for left, right in beside})


@cache
def _careful_words() -> frozenset[str]:
    regular = [
        noun for noun in NOUNS if not noun.endswith(("f", "fe", "man", "men", "child", "ren", "person", "people", "s"))
    ]
    plurals = [f"{noun}s" if noun in ("logo", "photo", "piano") else third_person(noun) for noun in regular]
    return NOUNS | frozenset(plurals) | COLORS | DIRECTIONS


@cache
def _all_words() -> frozenset[str]:
    """The words that the rules are made of."""
    own = bare_verbs(OWN_VERBS)
    bare = (*bare_verbs(VERBS), *own, *bare_verbs(ACTIONS), "resize")
    verbs = {form(verb) for verb in bare for form in (str, third_person, progressive)} | {past(verb) for verb in own}
    return frozenset(verbs) | frozenset(PARTICIPLES) | _careful_words() | STATES | OTHERS


@cache
def _real_words() -> frozenset[str]:
    """What is no slip: also words that the rules read without being worth a correction, and what `cleaning` mends."""
    patterns = [value for value in vars(vocabulary).values() if isinstance(value, str)]
    patterns += [rule.pattern.pattern for rule in RULES]
    read = re.findall(r"[a-z]{3,}", re.sub(r"\\.", " ", " ".join(patterns)))
    return _all_words() | frozenset(read) | REAL_WORDS | USUAL_SLIPS.keys()
