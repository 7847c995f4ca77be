"""The number that a language model chose, read from whatever it wrote.

The model is asked for a last line "CHOICE: x". What comes instead is understood where only one reading is possible;
everything else is unclear, and nothing raises an error.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass

from ..captions.replies import LONGEST_REPLY, as_sentences, split_thoughts, visible_text

LONGEST_ANSWER = 4000  # characters from the end that are looked at
LONGEST_SAID = 240  # characters of the model's words that are passed on
FEW_WORDS = 4  # an answer this short can be nothing but the choice
AROUND_A_NUMBER = "`*_\"'()[]{}$#>.!,;: \n\u3002\ufe0f\u20e3"


@dataclass(frozen=True)
class Choice:
    """number: 1 and up, 0 for "none of them", None where it is unclear. problem: why it is, as the end of "because".
    said: what else the model wrote, one line."""

    number: int | None
    problem: str = ""
    said: str = ""


def read_choice(text: str, count: int) -> Choice:
    """Which of the pictures 1 to `count` a model chose; takes any text and never raises."""
    visible = visible_text(str(text)[:LONGEST_REPLY])
    thoughts, answer = split_thoughts(visible)
    answer = unicodedata.normalize("NFKC", answer[-LONGEST_ANSWER:]).strip()  # full-width and circled digits
    answer = re.sub(r"<\|[^|<>\n]{0,60}\|>|</?s>|\[/?INST\]", " ", answer).strip()
    if not re.search(r"\w", answer):
        return Choice(None, "there was no answer behind its thoughts" if thoughts else "it was empty")
    said = _said(answer)
    for found in (_from_asked_label, _from_json, _from_short, _from_labels, _from_decisions, _from_only_frame):
        numbers = found(answer, count)
        if numbers is None:
            continue
        if len(numbers) != 1 or "?" in numbers:
            named = ", ".join(sorted(numbers - {"?"}, key=lambda number: (len(number), number)))
            return Choice(None, f"it named more than one number ({named})" if named else "its number is unclear", said)
        (number,) = numbers
        if not re.fullmatch(r"\d{1,6}", number) or int(number) > count:
            return Choice(None, f"there is no picture {number[:20]}, only 1 to {count}, or 0 for none", said)
        return Choice(int(number), "", said)
    return Choice(
        None, "it did not name one number clearly" if re.search(r"\d", answer) else "it named no number", said
    )


# ---- numbers in every spelling

_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
_VALUES = {word: value for value, word in enumerate(_WORDS)} | {word: n + 1 for n, word in enumerate(_ORDINALS)}
_CHINESE = {
    character: value
    for value, character in enumerate("\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341")
} | {"\u4e24": 2, "\u3007": 0}
_CHINESE_DIGITS = "".join(_CHINESE)

_DIGITS = r"[-+\u2212]?(?<!\d)\d{1,9}(?:[.,]\d{1,9}){0,3}(?:st|nd|rd|th)?(?![\w%])"
_DIGITS_BEFORE_CHINESE = r"(?<!\d)\d{1,9}(?=[\u4e00-\u9fff])"
_NONE = (
    r"(?:none|null|nothing|neither|n/a|no (?:frame|picture|image|candidate|one|moment)s?)\b"
    r"|\u6ca1\u6709|\u65e0|\u90fd\u4e0d|\u5747\u4e0d"
)
_SPELLED = rf"(?:{'|'.join(sorted(_VALUES, key=len, reverse=True))})\b"
_NUMBER = rf"(?:{_DIGITS}|{_DIGITS_BEFORE_CHINESE}|{_SPELLED}|[{_CHINESE_DIGITS}]{{1,3}}|{_NONE})"
_NOUN = (
    r"(?:frame|picture|image|photo|candidate|option|number|moment|panel|edit|version|no\.|nr\.|n\u00b0|#|\u7b2c"
    r"|\u7f16\u53f7|\u56fe\u7247|\u56fe\u50cf|\u56fe|\u753b\u9762|\u5e27)"
)
_BETWEEN = rf"[\s*_`\"'(\[{{$:=]{{0,12}}(?:the\s{{1,3}})?(?:{_NOUN}[\s*_`\"'(\[#:]{{0,6}}){{0,3}}(?:x\s?=\s?)?"
_THIS = rf"{_BETWEEN}(?P<number>{_NUMBER})(?=(?P<more>[^\n]{{0,60}}))"
_MORE = re.compile(
    rf"[\s*_`\"')\]}}$]{{0,6}}(?P<join>,|and\b|or\b|&|\+|/|-|~|to\b|through\b|of\b|out of\b|\u3001|\u548c|\u6216"
    rf"|\u5230|\u2013|\u2014)\s{{0,3}}(?:the\s)?(?:{_NOUN}\s?){{0,2}}(?P<number>{_NUMBER})",
    re.IGNORECASE,
)


def _value(written: str) -> str:
    """A number in digits, "?" for what is none that can be counted with."""
    written = written.lower().strip()
    if re.match(_NONE, written):
        return "0"
    if written in _VALUES:
        return str(_VALUES[written])
    if written[0] in _CHINESE:
        return _chinese_value(written)
    digits = re.sub(r"(?:st|nd|rd|th)$", "", written).replace("\u2212", "-").lstrip("+")
    if re.fullmatch(r"\d+\.0+", digits):
        digits = digits.partition(".")[0]
    if digits.isdigit():
        return str(int(digits)) if len(digits) < 20 else digits
    return digits


def _chinese_value(written: str) -> str:
    ten = "\u5341"
    if ten not in written:
        return str(_CHINESE[written]) if len(written) == 1 else "?"
    tens, ones = written.split(ten, 1)
    if len(tens) > 1 or len(ones) > 1:
        return "?"
    return str(10 * (_CHINESE[tens] if tens else 1) + (_CHINESE[ones] if ones else 0))


def _numbers_of(found: re.Match, count: int) -> set[str]:
    """The number that was found, and those that are listed behind it: "3 or 4", but not "3 of 12"."""
    numbers, more = {_value(found["number"])}, found["more"]
    while listed := _MORE.match(more):
        value = _value(listed["number"])
        is_total = listed["join"].lower() in ("/", "of", "out of") and value == str(count)
        numbers |= set() if is_total else {value}
        more = more[listed.end() :]
    return numbers


def _all(pattern: re.Pattern, text: str, count: int) -> set[str] | None:
    found = [_numbers_of(match, count) for match in pattern.finditer(text) if not _denied(text, match)]
    return set().union(*found) if found else None


_DENIAL = re.compile(r"(?:\bnot|n't|\bnever|\bcannot|\bneither|\brather than|\binstead of|\u4e0d)[\s\w]{0,12}$", re.I)


def _denied(text: str, found: re.Match) -> bool:
    return bool(_DENIAL.search(text[max(0, found.start() - 30) : found.start()]))


# ---- where the choice may stand, from the clearest place to the least clear

_KEY = re.compile(
    r"(?:my|the|final|best|selected|chosen)?[ _-]*(?:choice|answer|selection|selected|chosen|frame|edit|image|picture"
    r"|candidate|number|index|result|best|pick)(?:[ _-]*(?:number|index|id|edit|frame|image|picture))?"
    r"|\u9009\u62e9|\u7b54\u6848|\u7f16\u53f7|\u7ed3\u679c",
    re.IGNORECASE,
)
_ASKED = re.compile(rf"\bCHOICE[\s*_`\"']{{0,6}}[:=]{{1,2}}{_THIS}", re.IGNORECASE)
_LABELS = re.compile(
    r"(?:(?:^|\n)[ >*_#`\"'-]{0,12}(?:my |the |final |best ){0,3}(?:choice|answer|selection|pick|result|frame"
    r"|picture|image|selected|chosen)(?: (?:frame|picture|image|edit|number|choice|answer))?(?: is)?"
    r"[\s*_`\"']{0,6}[:=]{1,2}"
    r"|<(?:answer|choice|result|final)>|\\boxed\{"
    r"|(?:\u9009\u62e9|\u7b54\u6848|\u7ed3\u679c|\u9009\u9879|\u7f16\u53f7)(?:\u662f|\u4e3a)?\s*[:=])"
    rf"{_THIS}",
    re.IGNORECASE,
)
_DECISIONS = re.compile(
    r"(?:\b(?:choose|chose|select|selected|pick|picked|go with|going with|opt for|recommend|prefer|take)\b"
    r"|\b(?:answer|choice|selection|pick|selected (?:edit|frame|picture|image)|chosen (?:edit|frame|picture|image)"
    r"|(?:best|right|correct|finished|final|earliest|first|lowest)(?: \w+){0,4}) (?:is|would be|must be|should be)\b"
    r"|(?:\u9009\u62e9|\u9009\u53d6|\u6311\u9009|\u5e94\u9009|\u6211\u9009|\u9009\u4e2d|\u9009"
    r"|\u7b54\u6848(?:\u662f|\u4e3a)|\u6700\u4f73(?:\u7684)?[\u4e00-\u9fff]{0,6}(?:\u662f|\u4e3a))\u4e86?)"
    rf"{_THIS}",
    re.IGNORECASE,
)
_FRAMES = re.compile(rf"{_NOUN}[\s*_`\"'(\[#:]{{0,6}}(?P<number>{_NUMBER})(?=(?P<more>[^\n]{{0,60}}))", re.IGNORECASE)
_NTH = re.compile(
    r"\b(?P<number>\d{1,9}(?:st|nd|rd|th)) (?:frame|picture|image|photo|one)\b(?=(?P<more>[^\n]{0,60}))", re.IGNORECASE
)
_UNSURE = re.compile(
    r"\b(?:not|never|cannot|sorry|unable|unsure|maybe|perhaps|no|none|nothing|neither|but|however|except|apologi[sz]e"
    r"|as an ai)\b|n't\b|\?|[\u4e0d\u6ca1\u65e0]|\u62b1\u6b49|\u4f46",
    re.IGNORECASE,
)


def _from_json(text: str, count: int) -> set[str] | None:
    """The value of the one key of a JSON object that means the choice; an object without such a key is unclear."""
    decoder, asked, seen = json.JSONDecoder(), set(), False
    for start in [found.start() for found in re.finditer(r"\{", text)][:20]:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict) or not value:
            continue
        seen = True
        asked |= _json_choices(value, depth=0)
    return (asked or {"?"}) if seen else None


def _json_choices(value: dict, depth: int) -> set[str]:
    found: set[str] = set()
    for key, content in value.items():
        if isinstance(content, dict) and depth < 3:
            found |= _json_choices(content, depth + 1)
            continue
        if not _KEY.fullmatch(str(key).strip()):
            continue
        for entry in content if isinstance(content, list) else [content]:
            if entry is None:
                found.add("0")
            elif isinstance(entry, bool) or not isinstance(entry, int | float | str):
                found.add("?")
            else:
                spelled = re.fullmatch(rf"{_BETWEEN}(?P<number>{_NUMBER})[\s.)\]]*", str(entry), re.IGNORECASE)
                found.add(_value(spelled["number"]) if spelled else "?")
        if isinstance(content, list) and not content:
            found.add("0")
    return found


def _from_asked_label(text: str, count: int) -> set[str] | None:
    return _all(_ASKED, text, count)


def _from_short(text: str, count: int) -> set[str] | None:
    """An answer that is nothing but the choice."""
    bare = re.sub(r"```\w*", "", text).strip(AROUND_A_NUMBER)
    if len(bare.split()) > FEW_WORDS and not re.match(rf"(?:{_NONE}) (?:of|shows?|is|matches|fits)\b", bare, re.I):
        return None
    nth = r"(?:\s*(?:frame|picture|image|photo|one|\u5f20|\u5e27|\u5e45|\u53f7|\u4e2a|\u56fe|\u56fe\u7247))*"
    found = re.fullmatch(rf"{_BETWEEN}(?P<number>{_NUMBER})(?P<more>){nth}", bare, re.IGNORECASE)
    if found:
        return _numbers_of(found, count)
    listed = [
        part for part in re.split(r"\s*(?:[,&/-]|\band\b|\bor\b|\bto\b|[\u3001\u548c\u6216])\s*|\s+", bare) if part
    ]
    if len(listed) > 1 and all(re.fullmatch(_NUMBER, part, re.IGNORECASE) for part in listed):
        return {_value(part) for part in listed}
    none = re.match(rf"(?:{_NONE})", bare, re.IGNORECASE)
    return {"0"} if none and not re.search(r"\d|\bbut\b|\bexcept\b|\bhowever\b|\u4f46", bare, re.I) else None


def _from_labels(text: str, count: int) -> set[str] | None:
    return _all(_LABELS, text, count)


def _from_decisions(text: str, count: int) -> set[str] | None:
    return _all(_DECISIONS, text, count)


def _from_only_frame(text: str, count: int) -> set[str] | None:
    """One frame is named, no other number is there, and nothing is denied."""
    if _UNSURE.search(text):
        return None
    frames = [match for pattern in (_FRAMES, _NTH) for match in pattern.finditer(text)]
    numbers = set().union(*(_numbers_of(match, count) for match in frames)) if frames else set()
    others = {_value(match[0]) for match in re.finditer(r"\d+", text)}
    return numbers if len(numbers) == 1 and others <= numbers else None


def _said(answer: str) -> str:
    """The model's words without the line that was asked for."""
    told = _ASKED.sub("", answer) if not answer.lstrip().startswith(("{", "[", "```")) else ""
    line = as_sentences(re.sub(r"\bCHOICE\s*[:=].*", "", told))
    return line if len(line) <= LONGEST_SAID else line[: LONGEST_SAID - 4].rsplit(" ", 1)[0] + " ..."
