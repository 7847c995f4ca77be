"""Whether a caption is grounded in its instruction: it names what the edit is about and tells of that change.

Words are compared by their base forms and by what they name: `grounding_words.txt` puts "car", "vehicle" and their
Chinese names on one line, and "shrink" beside "smaller". So an instruction in English can be answered in Chinese and
the other way round. A caption is accepted if it

- tells of a course of events ("buckles and is pressed", "slowly", "until"; one verb is a fact more often than not),
  or of the camera where the instruction moves it;
- names a thing of the instruction, or the look to be reached, and tells of the kind of change that was asked for or of
  several changes in a row: "let the dog lie down" can be told without the word "lie";
- names the color, where the instruction ends in one.

A thing that the caption calls by another name is forgiven if the change is just the one that was asked for. "Knock it
over" names nothing, so its change alone has to be there. Of an instruction in a third language no word can be looked
up: then any change will do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path

from .rules import temporal_caption
from .rules.vocabulary import ACTIONS, OWN_VERBS, PARTICIPLES, VERBS, bare_verbs

WORDS_OF_ONE_STEP = 15  # a shorter caption in which one thing happens may as well be a fact: "the paint dries fast"
LONGEST_GAP = 5  # words from a verb to its particle: "turn the big red lamp off"
PROGRESS_OF_THE_UNKNOWN = 4  # changes in a caption of what no table knows: "show the aftermath of an earthquake"
_WORDS_FILE = Path(__file__).with_name("grounding_words.txt")
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_COMPOUNDS = {
    "ice cream": "ice-cream",
    "ice creams": "ice-cream",
    "black and white": "black-and-white",
    "picture frame": "picture-frame",
    "no longer": "",
    "is left": "",
    "are left": "",
    "step by step": "",
}
_CAN = re.compile(r"\b((?:the|an?|this|that|my|his|her) (?:\w+ ){0,2})can\b(?! be\b)")  # "the red can"
_COMPOUND = "|".join(filter(None, _COMPOUNDS.values()))
_DETERMINERS = frozenset(
    "the a an this that these those my your his her its our their some any no of each every both two three four five "
    "six seven eight nine ten several many few another whose".split()
)
_BEFORE_PARTICIPLES = frozenset("is are gets get being becomes become".split())
_BEFORE_NO_GERUND = frozenset("of for about like by".split())
_NOUN_BEFORE = frozenset("is are was were has have had of".split())  # "waves are", "drops of"
_STARTING = frozenset(
    "begin begins start starts continue continues seem seems beginning starting appears appear".split()
)
_PLURALS = frozenset("people men women children teeth feet they mice geese hands police we both all".split())
_NO_SUBJECT = frozenset(  # words that no verb of their own follows: "for ages", "has leaves"
    "can could will would should may might must not very so more most with on in at from for by of about has have had "
    "is are was were".split()
)
_PARTICLES = frozenset(
    "up down back over off out away around shape form apart together into through to alive loose free on open shut "
    "dark black white blank limp flat red green blue".split()
)
_ASIDE = re.compile(r"\b(?:that|which|who|whose|because|since|when|whenever|if)\b[^,.;:]*")
_TAKES_TIME = re.compile(
    r"\b(?:gradually|steadily|bit by bit|little by little|one by one|one after (?:another|the other)|step by step"
    r"|more and more|slowly|until)\b"
    "|[\u6e10\u9010\u7f13]|\u6162\u6162|\u76f4\u5230|\u968f[\u540e\u5373]|\u6700[\u540e\u7ec8]|\u7136\u540e",
    re.IGNORECASE,
)
_STAYS = re.compile(
    r"\b(?:stays?|remains?|keeps?|unchanged|(?:do|does) not (?:change|move)|nothing (?:else|moves))\b"
    "|\u4fdd\u6301|\u4e0d\u53d8",
    re.IGNORECASE,
)
_SENTENCES = re.compile("(?<=[.!;\u3002\uff01\uff1b])")
_CAMERA_SPEECH = re.compile(
    r"\b(?:camera|view|shot|zoom\w*|closer|close-?up|perspective|angle|lens|frame)\b"
    "|\u955c\u5934|\u89c6\u89d2|\u753b\u9762|\u7279\u5199",
    re.IGNORECASE,
)
_STILL_SPEECH = re.compile(
    r"\b(?:nothing (?!else)|no (?:movement|motion|change)|everything (?!else)|motionless|static|unchanged"
    r"|(?:perfectly|completely|entirely) still|(?:scene|picture|image|photo|video|frame) (?:stays|remains|holds|is))\b"
    "|\u9759\u6b62|\u4e0d\u53d8|\u4e0d\u52a8",
    re.IGNORECASE,
)


def why_not_grounded(caption: str, instruction: str, asks_for_camera: bool = False) -> str | None:
    """Why a caption is not one of this edit, as the end of "... because"; None if it is.

    `asks_for_camera`: the instruction moves the camera, and then the scene need not change.
    """
    if temporal_caption(instruction).family == "still":
        return None if _STILL_SPEECH.search(caption) else "it does not say that everything stays still"
    progress = count_changes(caption)
    if not progress:
        return "it tells of no change that can be seen"
    told = read_caption(_what_changes(caption))
    asked = read_instruction(instruction).as_named_in(told)
    if progress == 1 and not (told.tells(asked) and _may_be_one_step(caption, told)):
        return "it tells of one step only, and not how the change goes on and ends"
    if asks_for_camera:
        return None if _CAMERA_SPEECH.search(caption) else "it does not tell how the camera moves"
    if _speaks_in_general(caption, asked):
        return "it speaks of such things in general"
    if asked.goal and asked.goal.names & read_table().colors and not told.names(asked.goal):
        return "it does not tell of the color that was asked for"
    if not _names_what_was_asked(told, asked, progress):
        return "it does not name what the instruction is about"
    if asked.things and progress > 1 or told.tells(asked):
        return None
    return "it tells of another change than the instruction"


def _names_what_was_asked(told: Told, asked: Asked, progress: int) -> bool:
    """Whether a thing of the instruction is named, if it has any.

    The photo may show it by another name; then the change has to be the very one that was asked for.
    """
    if not asked.things or any(map(told.names, asked.things)):
        return True
    if told.families & asked.main_families - _WIDE or asked.goal and told.names(asked.goal):
        return True
    is_unknown = not asked.families and not any(thing.known for thing in asked.things)
    return is_unknown and progress >= PROGRESS_OF_THE_UNKNOWN


_WIDE = frozenset("body add vanish replace move look rotate".split())  # too many things do these


def _speaks_in_general(caption: str, asked: Asked) -> bool:
    """Whether it begins with all things of the kind: "Birds land on branches to rest", where a bird was asked for."""
    first = english_words(caption)[:1]
    if not first or not _is_plural(first[0]) or _TAKES_TIME.search(caption):
        return False
    one = {f"={stem}" for stem in stems(first[0])[1:]}
    return any(thing.names & one and f"={first[0]}" not in thing.names for thing in asked.things)


def _may_be_one_step(caption: str, told: Told) -> bool:
    """Whether a caption in which one thing happens may be an edit: it is told at length, of "the cup" or "her hair"."""
    words = english_words(caption)
    return told.chinese or len(words) >= WORDS_OF_ONE_STEP and (words[0] in _DETERMINERS or words[0] in _PRONOUNS)


def _what_changes(caption: str) -> str:
    """A caption without the sentences that say what stays as it is, which name more than the edit."""
    sentences = [part for part in _SENTENCES.split(caption) if not _STAYS.search(part) or _count_finite_changes(part)]
    return "".join(sentences) or caption


def asks_the_same(instruction: str, other: str) -> bool:
    """Whether two instructions may be of one thing and one change."""
    one, two = read_instruction(instruction), read_instruction(other)
    things = [frozenset().union(*(thing.names for thing in asked.things)) for asked in (one, two)]
    return bool(things[0] & things[1]) and (bool(one.families & two.families) or not (one.families and two.families))


def shares_a_word(text: str, *others: str) -> bool:
    """Whether the text names something, or tells of a change, that one of the others does; Chinese or English."""
    told = read_caption(text)
    return any(told.names_of & other.names_of or told.families & other.families for other in map(read_caption, others))


# ---- what an instruction asks and what a caption tells


@dataclass(frozen=True)
class Mention:
    """A thing or a look (a color, a material, a place, a season) that an instruction names.

    names: of the table, or the word itself. known: whether the table knows it. chinese: how it is written.
    """

    names: frozenset[str]
    is_thing: bool = True
    known: bool = True
    chinese: bool = False


@dataclass(frozen=True)
class Asked:
    """What an instruction is about: what it names, in its order, and the kinds of change it asks for."""

    mentions: tuple[Mention, ...]
    families: frozenset[str]
    main_families: frozenset[str] = frozenset()  # those that the words name themselves, where they do
    known_language: bool = True

    @property
    def things(self) -> list[Mention]:
        return [mention for mention in self.mentions if mention.is_thing]

    @property
    def goal(self) -> Mention | None:
        """The look to be reached, which stands last: "make the red ball blue"."""
        return self.mentions[-1] if self.mentions and not self.mentions[-1].is_thing else None

    def as_named_in(self, told: Told) -> Asked:
        """Without what the other language cannot name: words that the table does not know."""
        if not self.known_language:
            return Asked((), frozenset())
        mentions = tuple(mention for mention in self.mentions if mention.known or mention.chinese == told.chinese)
        return Asked(mentions, self.families, self.main_families)


@dataclass(frozen=True)
class Told:
    """What a caption names, by the names of the table and as words, and the kinds of change it tells of."""

    names_of: frozenset[str]
    families: frozenset[str]
    chinese: bool

    def names(self, mention: Mention) -> bool:
        """Whether it names it; a word that no one knows may be a slip of the finger: "circel"."""
        if mention.names & self.names_of:
            return True
        written = () if mention.known or mention.chinese else mention.names
        return any(len(word) > 4 and self._names_alike(word) for word in written)

    def _names_alike(self, word: str) -> bool:
        """A slip, or one word that ends in the other: "shoelaces", "laces"."""
        if get_close_matches(word, self.names_of, n=1, cutoff=0.8):
            return True
        ends = (other.removeprefix("=") for other in self.names_of if len(other) > 4)
        return any(word.endswith(end) or end.endswith(word[1:]) for end in ends)

    def tells(self, asked: Asked) -> bool:
        """Whether the change is of a kind that was asked for, or leads to the look that was."""
        if asked.goal:
            return bool(self.names(asked.goal) or self.families & (asked.families or {"recolor"}))
        return not asked.families or bool(self.families & asked.families)


def read_instruction(instruction: str) -> Asked:
    mentions, families = _read_english(instruction)
    more_mentions, more_families = _read_chinese(instruction)
    families |= more_families
    words = english_words(instruction)
    named = {stem for word in words for stem in stems(word)} | read_table().families_of_phrases(words)
    return Asked(
        (*mentions, *more_mentions),
        frozenset(families),
        frozenset(families & named or families),
        _is_known_language(instruction),
    )


def read_caption(caption: str) -> Told:
    table = read_table()
    names: set[str] = set()
    words = english_words(caption)
    families = table.families_of_phrases(words)
    for word in words:
        families |= table.families_of(word)
        if word not in table.ignored or word in _PRONOUNS:
            names |= table.names_of(word)
    for piece in _chinese_pieces(caption):
        names |= table.chinese_names.get(piece, frozenset()) | {f"={piece}"}
        families |= table.chinese_changes.get(piece, frozenset())
    runs = re.findall(f"[{_CJK}]+", caption)
    names |= {f"={part}" for run in runs for part in _bigrams(run)}
    return Told(frozenset(names), frozenset(families), bool(runs))


_PRONOUNS = frozenset("he she his her him hers they".split())


def _read_english(text: str) -> tuple[list[Mention], set[str]]:
    table = read_table()
    words = english_words(text)
    mentions = []
    families = table.families_of_phrases(words)
    first = next((place for place, word in enumerate(words) if word not in table.ignored), None)
    for place, word in enumerate(words):
        if word in table.ignored:
            continue
        is_command = place == first and word != words[-1] and not {*words[:place]} & _DETERMINERS
        if is_command and table.families_of(word):
            families |= table.families_of(word)  # "light the candle", "paint the door"
            continue
        changes = table.families_of(word)
        is_thing = table.names_itself(word, table.things) or table.is_thing(word) and not changes
        families |= set() if is_thing else changes
        if is_thing and (names := table.names_asked_by(word, table.things)):
            mentions.append(Mention(names))
        elif names := table.names_asked_by(word, table.looks):
            mentions.append(Mention(names, is_thing=False))
        elif not changes and not any(stem in table.verbs for stem in stems(word)):
            mentions.append(Mention(frozenset(f"={stem}" for stem in stems(word)), known=False))
    return mentions, families


def _read_chinese(text: str) -> tuple[list[Mention], set[str]]:
    table = read_table()
    mentions, families = [], set()
    for piece in _chinese_pieces(text):
        families |= table.chinese_changes.get(piece, frozenset())
        if names := table.chinese_names.get(piece):
            mentions.append(Mention(names | {f"={piece}"}, is_thing=piece in table.chinese_things, chinese=True))
        elif piece not in table.chinese_changes:
            names = frozenset(f"={part}" for part in _bigrams(piece))
            mentions.append(Mention(names, known=False, chinese=True))
    return mentions, families


def _is_known_language(text: str) -> bool:
    """Whether the words of an instruction can be looked up: it is Chinese, or most of its words are English."""
    if re.search(f"[{_CJK}]", text):
        return not re.search("[\u3040-\u30ff]", text)  # Japanese
    table = read_table()
    words = re.findall(r"[^\W\d_]+", text.lower())
    known = [table.knows(word) for word in words]
    return not words or any(word in _ENGLISH_ONLY for word in words) or 2 * sum(known) >= len(words)


_ENGLISH_ONLY = frozenset("the make it let with and of to this turn have get put is him them their".split())


# ---- whether something changes


def count_changes(caption: str) -> int:
    """How many times a caption tells of something that happens, in English or Chinese: "melts", "is pressed", "until".

    A state ("lies on the table", "is red"), a command and a heading tell nothing.
    """
    chinese = any(piece in read_table().chinese_changes for piece in _chinese_pieces(caption))
    return 2 * bool(_TAKES_TIME.search(caption)) + chinese + _count_finite_changes(caption)


def _count_finite_changes(text: str) -> int:
    """Those in main clauses: what a thing "is known for", "that is flown by children", does not happen."""
    return sum(_changes_in(_split_words(_ASIDE.sub("", part))) for part in re.split(r"[.!?;:]", text))


def _changes_in(words: list[str]) -> int:
    table = read_table()
    told: set[int] = set()
    for place, word in enumerate(words):
        verbs = [stem for stem in stems(word) if stem in table.verbs]
        before, after = _before(words, place), (*words[place + 1 : place + 2], "")[0]
        if not verbs or before in _DETERMINERS:
            continue
        if any(stem in table.states for stem in verbs) and after not in _PARTICLES:
            continue
        if _has_pace(words, place) or _is_finite(words, place, before, after, told):
            told.add(place)
    return len(told)


def _has_pace(words: list[str], place: int) -> bool:
    """Whether a verb goes "slowly"."""
    return place > 0 and words[place - 1].endswith("ly") and not read_table().is_thing(words[place - 1])


def _is_finite(words: list[str], place: int, before: str, after: str, told: set[int]) -> bool:
    word = words[place]
    if word.endswith("ing"):
        return place > 0 and before not in _BEFORE_NO_GERUND and before not in ("was", "were")
    if _is_participle(word):
        if any(stem in read_table().results for stem in stems(word)):  # "the glass is filled with juice"
            return False
        return before in _BEFORE_PARTICIPLES or before == "and" and bool(told)
    if word.endswith("s") and not word.endswith("ss"):
        return after not in _NOUN_BEFORE and before not in _NO_SUBJECT
    if before == "to":
        return bool({*words[max(0, place - 3) : place]} & _STARTING)
    if before == "and":
        return bool(told)
    if before in _NO_SUBJECT:
        return False
    # "wisps of steam rise", "the man and the woman lean"
    return any(map(_is_plural, words[max(0, place - 7) : place])) or "and" in words[max(0, place - 5) : place]


def _is_plural(word: str) -> bool:
    return word in _PLURALS or word.endswith("s") and not word.endswith(("ss", "us", "is", "'s"))


def _before(words: list[str], place: int) -> str:
    """The word in front of one, without adverbs; "" at the beginning."""
    for word in reversed(words[:place]):
        if (not word.endswith("ly") or read_table().is_thing(word)) and word not in (
            "then",
            "also",
            "now",
            "together",
            "apart",
            "soon",
        ):
            return word
    return ""


def _is_participle(word: str) -> bool:
    return word in PARTICIPLES or word.endswith("ed") or word in read_table().forms and not word.endswith("s")


# ---- the table


@dataclass(frozen=True)
class Table:
    """`grounding_words.txt`, by stems (English) and characters (Chinese); values are the names of lines.

    heads: the lines that a stem names itself, which say best what it means.
    """

    heads: dict[str, frozenset[str]]
    members: dict[str, frozenset[str]]  # the words of the lines that a stem names, as "=word"
    things: dict[str, frozenset[str]]
    looks: dict[str, frozenset[str]]
    colors: frozenset[str]  # names of lines
    changes: dict[str, frozenset[str]]
    verbs: frozenset[str]
    states: frozenset[str]  # verbs that tell of no change by themselves
    results: frozenset[str]  # verbs whose participles tell how something is
    forms: dict[str, tuple[str, ...]]
    phrases: tuple[tuple[tuple[str, str], tuple[str, ...]], ...]  # (the stem of a verb, a particle), families
    ignored: frozenset[str]
    chinese_names: dict[str, frozenset[str]]
    chinese_things: frozenset[str]
    chinese_changes: dict[str, frozenset[str]]
    chinese_ignored: frozenset[str]

    def knows(self, word: str) -> bool:
        return word in self.ignored or any(
            stem in lines for stem in stems(word) for lines in (self.things, self.looks, self.changes, self.verbs)
        )

    def is_thing(self, word: str) -> bool:
        return any(stem in self.things for stem in stems(word))

    def names_of(self, word: str) -> set[str]:
        """All the lines that a word of a caption stands in, the words of those that it names itself, and the word."""
        names = set()
        for stem in stems(word):
            names |= {f"={stem}", *self.things.get(stem, ()), *self.looks.get(stem, ()), *self.members.get(stem, ())}
        return names

    def names_asked_by(self, word: str, lines: dict[str, frozenset[str]]) -> frozenset[str]:
        """The lines that a word of an instruction names itself, else those it stands in, and the word; or nothing."""
        found = [stem for stem in stems(word) if stem in lines]
        heads = [line for stem in found for line in lines[stem] & self.heads.get(stem, frozenset())]
        names = heads or [line for stem in found for line in lines[stem]]
        return frozenset([*names, *(f"={stem}" for stem in found)])

    def names_itself(self, word: str, lines: Mapping[str, frozenset[str]]) -> bool:
        """Whether a word is the name of a line."""
        return any(stem in lines and stem in self.heads for stem in stems(word))

    def families_of(self, word: str) -> set[str]:
        return {family for stem in stems(word) for family in self.changes.get(stem, ())}

    def families_of_phrases(self, words: list[str]) -> set[str]:
        """The families of a verb and its particle, with the thing between them or not: "tips the vase over"."""
        found = [stems(word) for word in words]
        return {
            family
            for (verb, particle), families in self.phrases
            for place, word in enumerate(words)
            if word == particle and any(verb in those for those in found[max(0, place - LONGEST_GAP) : place])
            for family in families
        }


@cache
def read_table() -> Table:
    """The table, read once."""
    sections = _read_sections(_WORDS_FILE.read_text(encoding="utf-8"))
    heads, members, things, looks, changes = (defaultdict(set) for _ in range(5))
    chinese_names, chinese_changes, chinese_things = defaultdict(set), defaultdict(set), set()
    for section, lines in (("things", things), ("kinds", things), ("colors", looks), ("looks", looks)):
        for line in sections[section]:
            english, chinese, narrower = _parse_line(line)
            names = {english[0], *narrower}
            heads[english[0]] |= names
            members[english[0]] |= {f"={word}" for word in english}
            for word in english:
                lines[word] |= names
            for word in chinese:
                chinese_names[word] |= names
            chinese_things |= {*chinese} if lines is things else set()
    for line in sections["changes"]:
        english, chinese, _ = _parse_line(line)
        for word in english:
            changes[word].add(english[0])
        for word in chinese:
            chinese_changes[word].add(english[0])
    rules = {verb for verbs in (VERBS, OWN_VERBS, ACTIONS) for verb in bare_verbs(verbs)}
    forms = {form: tuple(bases) for line in sections["forms"] for form, bases in _parse_rows(line)}
    return Table(
        heads=_freeze(heads),
        members=_freeze(members),
        things=_freeze(things),
        looks=_freeze(looks),
        colors=frozenset(_parse_line(line)[0][0] for line in sections["colors"]),
        changes=_freeze(changes),
        verbs=frozenset({*_words(sections["verbs"]), *rules} - {*_NO_CHANGE.split()}),
        states=frozenset(_words(sections["states"])),
        results=frozenset(_words(sections["results"])),
        forms=forms,
        phrases=tuple(_parse_phrase(line) for line in sections["phrases"]),
        ignored=frozenset(_words(sections["ignored"])),
        chinese_names=_freeze(chinese_names),
        chinese_things=frozenset(chinese_things),
        chinese_changes=_freeze(chinese_changes),
        chinese_ignored=frozenset(_words(sections["chinese ignored"])),
    )


_NO_CHANGE = "make let have get give set put read write sing sleep face like use need want"


def _read_sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []  # what stands before the first heading is nowhere
    for line in text.splitlines():
        if heading := re.fullmatch(r"\[(.+)\]", line):
            sections[heading[1]] = current = []
        elif line.strip() and not line.startswith("#"):
            current.append(line)
    return sections


def _parse_line(line: str) -> tuple[list[str], list[str], list[str]]:
    """English words, Chinese words, and the names behind an arrow."""
    words, _, members = line.partition("->")
    english, _, chinese = words.partition("|")
    return english.split(), chinese.split(), members.split()


def _parse_rows(line: str) -> list[tuple[str, list[str]]]:
    forms, _, bases = line.partition(":")
    return [(form, bases.split()) for form in forms.split()]


def _parse_phrase(line: str) -> tuple[tuple[str, str], tuple[str, ...]]:
    words, _, families = line.partition(":")
    verb, particle = words.split()
    return (verb, particle), tuple(families.split())


def _words(lines: list[str]) -> list[str]:
    return " ".join(lines).split()


def _freeze(lines: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {word: frozenset(names) for word, names in lines.items()}


# ---- words


def english_words(text: str) -> list[str]:
    """Words in small letters, without 's; "ice cream" is one."""
    text = re.sub(r"'s\b", "", text.lower().replace("\u2019", "'"))
    text = _CAN.sub(r"\1tin", text)
    for parts, whole in _COMPOUNDS.items():
        text = re.sub(rf"\b{parts}\b", whole, text)
    return [word for word in re.findall(rf"{_COMPOUND}|[^\W\d_]+", text) if _latin(word)]


def _split_words(sentence: str) -> list[str]:
    return re.findall(r"[a-z']+", sentence.lower())


def _latin(word: str) -> bool:
    return not re.search(f"[{_CJK}]", word)


@cache
def stems(word: str) -> tuple[str, ...]:
    """The base forms that a word may have, itself among them: "slides" -> slides, slide; "bent" -> bent, bend."""
    found = [word, *read_table().forms.get(word, ())]
    if word in PARTICIPLES:
        found.append(PARTICIPLES[word])
    for ending in ("s", "es", "d", "ed", "ing"):
        rest = word.removesuffix(ending)
        if rest == word or len(rest) < 3 or word.endswith(("ss", "eed")):
            continue
        found.append(rest)
        if ending == "ing":
            found.append(rest + "e")
        if ending in ("ing", "ed") and rest[-1] == rest[-2]:  # "spinning"
            found.append(rest[:-1])
        if ending in ("es", "ed") and rest.endswith("i"):  # "dries"
            found.append(rest[:-1] + "y")
    return tuple(dict.fromkeys(found))


def _chinese_pieces(text: str) -> list[str]:
    """The table's words in a text, the longest first where several fit, and what is left between them."""
    pieces = []
    for run in re.findall(f"[{_CJK}]+", text):
        pieces += _pieces_of_run(run)
    return pieces


def _pieces_of_run(run: str) -> list[str]:
    table = read_table()
    pieces, unknown, place = [], "", 0
    while place < len(run):
        for length in range(min(5, len(run) - place), 0, -1):
            piece = run[place : place + length]
            if piece in table.chinese_names or piece in table.chinese_changes:
                break
        else:
            piece = ""
        if not piece and run[place] not in table.chinese_ignored:
            unknown += run[place]
        elif unknown:
            pieces.append(unknown)
            unknown = ""
        pieces += [piece] if piece else []
        place += len(piece) or 1
    return [*pieces, unknown] if unknown else pieces


def _bigrams(run: str) -> list[str]:
    return [run] if len(run) == 1 else [a + b for a, b in pairwise(run)]
