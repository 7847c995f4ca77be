"""Misspelt words: "mvoe the red circel" is read as "move the red circle", and a word that is right is left alone.

Only a word that is no known English word is touched, and only if one word of the rules' own vocabulary is near
enough: one slip (a letter too many, too few, wrong, or two swapped) in a word of four letters or more, two in a longer
one. The first letter is hardly ever wrong. A sentence that the rules understand is trusted more than one they do not:
in it verbs stay as they are, and fewer slips are mended.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache, lru_cache

from . import vocabulary
from .english import past, progressive, third_person
from .vocabulary import ACTIONS, OWN_VERBS, PARTICIPLES, VERBS, bare_verbs
from .words import DESCRIBING, LOOKALIKES, NOUNS, SMALL

_QUOTED_OR_WORD = re.compile(r"\"[^\"]*\"|(?<![\w'])'[^']*'|[^\W\d_]+(?:'[^\W\d_]+)?(?:-[\w-]+)?|[,;.:]")
_BEFORE_VERB = frozenset(", ; . and then to please you now just".split())


@dataclass(frozen=True)
class Mended:
    """A text, and the words in it that were read as others: as written, and as read."""

    text: str
    corrections: tuple[tuple[str, str], ...] = ()


def mend(text: str, boldly: bool) -> Mended:
    """Correct what is surely misspelt; `boldly`, where the text makes no sense as it is, also verbs and short words."""
    corrections: list[tuple[str, str]] = []
    before = ","

    def read(match: re.Match) -> str:
        nonlocal before
        word, verb_first = match[0], before in _BEFORE_VERB
        before = word.lower()
        right = "" if _is_spelled(word, at_start=match.start() == 0) else _nearest(word.lower(), verb_first, boldly)
        if not right:
            return word
        before = right
        corrections.append((word, right))
        return right

    mended = _QUOTED_OR_WORD.sub(read, text)
    return Mended(mended, tuple(corrections))


def is_known(word: str) -> bool:
    """Whether a word in small letters is in the vocabulary of the rules."""
    return word in _others() or word in _verbs()


def _is_spelled(word: str, at_start: bool) -> bool:
    """Words that are right, and those that nobody can judge: names, quotes, codes, other scripts."""
    small = word.lower()
    if (
        len(word) < 4
        or not word.isascii()
        or not word.isalpha()
        or not (word.islower() or (at_start and word.istitle()))
    ):
        return True
    if is_known(small) or small in _real():
        return True
    return any(small.endswith(ending) and small[: -len(ending)] in _real() for ending in ("s", "ly", "es", "d", "ed"))


@lru_cache(maxsize=1024)
def _nearest(word: str, verb_first: bool, boldly: bool) -> str:
    """The one word that the rules know and that this one is a slip away from; empty if there is none, or two."""
    if boldly and verb_first and (verb := _best(word, _verbs(), boldly)):
        return verb
    return _best(word, _others() | (_verbs() if boldly else frozenset()), boldly)


def _best(word: str, known: frozenset[str], boldly: bool) -> str:
    allowed = 2 if len(word) >= (7 if boldly else 8) else 1
    starts = [
        right
        for right in known
        if abs(len(right) - len(word)) <= allowed
        and (word[0] == right[0] or word[:2] == right[1::-1] or (boldly and len(word) > 5 and word[1:] == right[1:]))
    ]
    ranks = {
        right: (slips, sorted(word) != sorted(right), word[-1] != right[-1])
        for right in difflib.get_close_matches(word, starts, n=8, cutoff=0.7)
        if (slips := _count_slips(word, right)) <= allowed and (len(word) > 5 or _is_sure(word, right, boldly))
    }
    likeliest = min(ranks.values(), default=None)
    nearest = [right for right, rank in ranks.items() if rank == likeliest]
    return nearest[0] if len(nearest) == 1 else ""


def _is_sure(short: str, right: str, boldly: bool) -> bool:
    """In a short word two letters swapped, or one left out or typed twice; others make a right word another one."""
    if sorted(short) == sorted(right):
        return True
    once = [re.sub(r"(.)\1", r"\1", word) for word in (short, right)]
    return once[0] == once[1] or ((boldly or len(short) > 4) and len(right) > len(short))


def _count_slips(word: str, right: str) -> int:
    """Letters to add, drop, change or swap with their neighbor (optimal string alignment distance)."""
    rows = [list(range(len(right) + 1))]
    for i, letter in enumerate(word, 1):
        row = [i]
        for j, other in enumerate(right, 1):
            slips = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and other == word[i - 2]:
                slips = min(slips, rows[-2][j - 2] + 1)
            row.append(slips)
        rows.append(row)
    return rows[-1][-1]


@cache
def _verbs() -> frozenset[str]:
    own = bare_verbs(OWN_VERBS)
    bare = (*bare_verbs(VERBS), *own, *bare_verbs(ACTIONS), "resize")
    forms = {form(verb) for verb in bare for form in (str, third_person, progressive)}
    return frozenset(forms | {past(verb) for verb in own}) | frozenset(PARTICIPLES)


@cache
def _others() -> frozenset[str]:
    plurals = (third_person(noun) for noun in NOUNS if not noun.endswith(("f", "fe", "man", "child", "person", "s")))
    return NOUNS | frozenset(plurals) | DESCRIBING | SMALL


@cache
def _real() -> frozenset[str]:
    """Words that the rules read without being worth a correction, and right words that look like a slip of another."""
    read = re.findall(r"[a-z]{4,}", " ".join(value for value in vars(vocabulary).values() if isinstance(value, str)))
    return frozenset(read) | LOOKALIKES
