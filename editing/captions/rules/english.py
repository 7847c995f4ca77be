"""The little English grammar that captions need: number, pronouns, and verbs that agree with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PLURAL = frozenset(
    "people children men women feet teeth mice geese leaves cattle police fish sheep both all these those them they "
    "two three four five six seven eight nine ten several many few some we us".split()
) - {"fish", "sheep"}  # these two are one animal more often than many
_SINGULAR_IN_S = re.compile(
    r".*ss|(?!menus|emus).*us|lens|news|series|species|gas|canvas|atlas|rhinoceros|chess|christmas"
    r"|james|charles|thomas|chris|santa claus|iris|tennis|basis|axis|oasis|chassis"
)
_SINGULAR_START = frozenset("one each every a an this that everything something".split())
_HE = frozenset(
    "man boy guy king father dad son brother gentleman groom husband uncle grandfather prince he waiter policeman "
    "fireman salesman cowboy".split()
)
_SHE = frozenset(
    "woman girl lady queen mother mom mum daughter sister bride wife aunt grandmother princess she waitress "
    "policewoman actress".split()
)
_SOMEONE = frozenset(
    "person child baby kid player dancer runner teacher student doctor someone somebody officer chef singer "
    "athlete worker farmer soldier driver skater cyclist swimmer".split()
)
_SUBJECTS = {
    "him": "he",
    "her": "she",
    "them": "they",
    "its": "it",
    "his": "he",
    "their": "they",
    "me": "the person",
    "us": "the people",
}
# Where the head noun ends: "the apples ON the table", "the man wearing a hat".
_AFTER_HEAD = re.compile(
    r"\s(?:on|in|of|at|under|near|with|without|behind|beside|between|from|above|below|next|to|by|over|inside|around"
    r"|off|onto|into|across|through"
    r"|that|which|who|for|against|along|closest|nearest|holding|wearing|sitting|standing|lying|hanging)\b"
)
_DETERMINER = re.compile(
    r"(?:the|a|an|this|that|these|those|my|your|his|her|its|our|their|some|all|both|each|every|one|two|three|four|five"
    r"|six|seven|eight|nine|ten|several|many|most|few|any|no|half|another|more|\d+|\S+'s?)\s",
    re.IGNORECASE,
)
_NO_ARTICLE = frozenset("it he she they everything something everyone someone this that these those both all".split())
_IRREGULAR_PLURAL = {"is": "are", "has": "have", "does": "do", "goes": "go"}
_DOUBLED = frozenset(
    "sit run nod clap swim hug hop grin step wag flap spin skip jog shrug hit put cut get set stop drop stir rub pet "
    "bar pat knit swap tip rip split pop dim pan let blur deblur drag flip grab rot shut squat".split()
)
_PARTICIPLE = {
    "throw": "thrown",
    "catch": "caught",
    "take": "taken",
    "give": "given",
    "put": "put",
    "leave": "left",
    "cut": "cut",
    "bite": "bitten",
    "hit": "hit",
    "strike": "struck",
}
_PAST = {
    "fall": "fell",
    "break": "broke",
    "grow": "grew",
    "shrink": "shrank",
    "rise": "rose",
    "sink": "sank",
    "freeze": "froze",
    "come": "came",
    "tear": "tore",
    "spin": "spun",
    "become": "became",
    "burst": "burst",
    "split": "split",
    "slide": "slid",
    "bend": "bent",
    "sit": "sat",
    "stand": "stood",
    "run": "ran",
    "fly": "flew",
    "swim": "swam",
}
_MASS_OR_MANY = frozenset("all some no any more most half".split())  # "all the water is", "all the cups are"
_COLOR_WORDS = frozenset("red orange yellow green blue purple pink black white brown gray grey gold silver".split())


def plural_verb(verb: str) -> str:
    """The plural of a verb in the third person: "slides" -> "slide", "vanishes" -> "vanish", "is" -> "are"."""
    if verb in _IRREGULAR_PLURAL:
        return _IRREGULAR_PLURAL[verb]
    if re.search(r"[^aeiou]ies$", verb) and verb not in ("lies", "dies", "ties"):
        return verb[:-3] + "y"
    if re.search(r"(?:sh|ch|ss|x|zz)es$", verb):
        return verb[:-2]
    return verb.removesuffix("s")


def third_person(verb: str) -> str:
    """ "slide" -> "slides", "vanish" -> "vanishes", "cry" -> "cries"."""
    if re.search(r"(?:sh|ch|ss|x|zz|o)$", verb):
        return verb + "es"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + "s"


def progressive(verb: str) -> str:
    """ "bow" -> "bowing", "wave" -> "waving", "sit" -> "sitting", "lie" -> "lying"."""
    if verb in _DOUBLED:
        return verb + verb[-1] + "ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith("ee"):
        return verb[:-1] + "ing"
    return verb + "ing"


def participle(verb: str) -> str:
    """ "jump" -> "jumped", "tie" -> "tied", "drop" -> "dropped", "throw" -> "thrown"."""
    if verb in _PARTICIPLE:
        return _PARTICIPLE[verb]
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return verb + verb[-1] * (verb in _DOUBLED) + "ed"


def past(verb: str) -> str:
    """ "fall" -> "fell", "jump" -> "jumped", "drop" -> "dropped"."""
    return _PAST.get(verb) or participle(verb)


@dataclass(frozen=True)
class Thing:
    """What an edit happens to: the person's own words, and what grammar needs to know about them.

    pronoun_plural differs from plural for someone whose gender is unknown: "the child waves, then they hold still".
    """

    phrase: str
    plural: bool
    pronoun: str
    possessive: str
    pronoun_plural: bool
    name: bool = False  # "John" keeps its capital inside a sentence


def thing(words: str, article: bool = True) -> Thing:
    """Read a noun phrase as a person wrote it. With `article`, "red ball" becomes "the red ball"."""
    phrase = words.strip(" ,.;:!?\"'")
    phrase = _SUBJECTS.get(phrase.lower(), phrase)
    counted = re.sub(r"^(all|some|most|half) of ", r"\1 ", phrase.lower())
    core = _AFTER_HEAD.split(" " + counted)[0].split() or [phrase.lower()]
    first, head = core[0], core[-1]
    if article and first not in _NO_ARTICLE and not phrase[:1].isupper() and not _DETERMINER.match(phrase + " "):
        phrase = "the " + phrase
    name = phrase[:1].isupper() and first not in _NO_ARTICLE and not _DETERMINER.match(phrase + " ")
    if _is_plural(core):
        return Thing(phrase, True, "they", "their", True, name)
    if head in _SOMEONE:
        return Thing(phrase, False, "they", "their", True, name)
    if head in _HE:
        return Thing(phrase, False, "he", "his", False, name)
    if head in _SHE:
        return Thing(phrase, False, "she", "her", False, name)
    return Thing(phrase, False, "it", "its", False, name)


def _is_plural(core: list[str]) -> bool:
    first, head = core[0], core[-1]
    if first in _SINGULAR_START:
        return False
    if first in _MASS_OR_MANY and len(core) > 1:
        return head in _PLURAL or head in ("fish", "sheep") or _ends_plural(head)
    if head in _PLURAL or first in _PLURAL:
        return True
    for place, word in enumerate(core):
        # "the black and white cat" is one cat
        if word == "and" and not {*core[place - 1 : place]} | {*core[place + 1 : -1][:1]} <= _COLOR_WORDS:
            return True
    return _ends_plural(head)


def _ends_plural(head: str) -> bool:
    return head.endswith("s") and not head.endswith("'s") and not _SINGULAR_IN_S.fullmatch(head)


_AGREEING = re.compile(r"\[(\{?)(\w+)\}?\]|<(\w+)>")
_SLOT = re.compile(r"\{(\w+)\}")


def fill(pattern: str, subject: Thing, words: Mapping[str, str]) -> str:
    """Fill a pattern such as "{x} slowly [slides] away until {it} <is> gone." and write it as sentences.

    {x} is the subject, {it} and {its} are its pronouns, every other {slot} comes from `words`. A verb in [ ] agrees
    with the subject, one in < > with the pronoun; [{slot}] takes the verb from `words`.
    """

    def agree(match: re.Match) -> str:
        if match[3]:
            return plural_verb(match[3]) if subject.pronoun_plural else match[3]
        verb = words[match[2]] if match[1] else match[2]
        return plural_verb(verb) if subject.plural else verb

    text = _AGREEING.sub(agree, pattern)  # before the slots: the person's own words may hold brackets
    values = {**words, "x": subject.phrase, "it": subject.pronoun, "its": subject.possessive}
    text = _SLOT.sub(lambda slot: values[slot[1]], text)
    text = re.sub(r"\s+([.,:])", r"\1", " ".join(text.split()))
    return re.sub(r"(?:^|(?<=[.!?] ))[a-z]", lambda start: start[0].upper(), text)
