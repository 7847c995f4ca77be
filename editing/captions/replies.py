"""What language models answer, made into a caption: cleaned of what surrounds it, and checked.

Models are asked for labelled lines and often give something else: their thoughts, a preface, markdown, a list, JSON.
All of that is understood here; nothing that comes in raises an error, and what goes out can be given to any text
encoder: no control characters, no special tokens, no prompt weights or embeddings in ComfyUI's notation.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field

from .chatter import denies, is_code, is_english, repeats_itself, why_chatter
from .grounding import asks_the_same, shares_a_word, why_not_grounded
from .prompts import CHINESE, EXAMPLES, STILL
from .rules import CAMERA_STILL

CAMERA_STILL_CHINESE = "\u955c\u5934\u4fdd\u6301\u9759\u6b62\u3002"  # "the camera stays still."
LONGEST_REPLY = 60_000  # characters that are looked at
LONGEST_END_STATE = 60  # words
FEWEST_WORDS = 4
LETTERS_OF_A_WORD = 12  # on average at most: what has more is no language


@dataclass(frozen=True)
class Reply:
    """The parts of an answer, each one line of plain sentences; "" where the answer has no such part.

    `stages` are what happens "first", "then", "finally" and what stays "unchanged", by these names, as far as given.
    `thoughts` is what the model wrote for itself.
    """

    caption: str = ""
    end_state: str = ""
    stages: dict[str, str] = field(default_factory=dict)
    thoughts: str = ""


def read_reply(text: str) -> Reply:
    """The caption and what came with it, from whatever a model wrote. Never raises; what is not found is empty."""
    text = visible_text(str(text)[:LONGEST_REPLY])
    thoughts, text = split_thoughts(text)
    parts = _from_json(text)
    if not parts and not _is_broken_json(text):
        parts = _from_labels(text) or ({} if _is_table(text) else {"caption": _without_chatter(text)})
    clean = {name: as_sentences(part) for name, part in parts.items()}
    stages = {name: clean[name] for name in STAGES if clean.get(name)}
    caption = clean.get("caption", "")
    if not caption and len(stages) > 1:  # it stopped before its caption
        told = [stages[name] for name in ("first", "then", "finally") if name in stages]
        caption = " ".join(told)
    reasoning = " ".join(part for part in (_one_line(thoughts), clean.get("reasoning", "")) if part)
    return Reply(caption, _first_sentence(clean.get("end_state", "")), stages, reasoning)


def problem_of(
    caption: str, instruction: str, camera: str, language: str, max_words: int, asks_for_camera: bool = False
) -> str | None:
    """Why a cleaned caption cannot be used, as the end of "... because"; None if it can.

    `asks_for_camera`: the instruction itself moves the camera, so that a moving one is right.
    """
    problem = _problem_of_text(caption, instruction, language, max_words, FEWEST_WORDS)
    if problem:
        return problem
    if denies(caption):
        return "it did not describe the edit but refused or excused itself"
    if camera == STILL and not asks_for_camera and _moves_camera(caption):
        return "it moves the camera, which has to stay still"
    told = without_still_camera(caption)
    if _copies_example(told, instruction):
        return "it repeated an example instead of telling this edit"
    return why_not_grounded(told, instruction, asks_for_camera)


def problem_of_end_state(end_state: str, caption: str, instruction: str, language: str) -> str | None:
    """Why a cleaned end state cannot be used beside this caption, as the end of "... because"; None if it can."""
    problem = _problem_of_text(end_state, instruction, language, LONGEST_END_STATE, fewest_words=2)
    if problem:
        return problem
    return None if shares_a_word(end_state, instruction, caption) else "it is about something else"


def _problem_of_text(text: str, instruction: str, language: str, max_words: int, fewest_words: int) -> str | None:
    words = count_words(text)
    if not words:
        return "there was no caption in it"
    if _PLACEHOLDER.search(text):
        return "it repeated the form instead of filling it in"
    if _repeats(text, instruction):
        return "it repeated the instruction instead of telling what happens"
    if words < fewest_words:
        return f"it was only {words} word{'s' if words > 1 else ''} long"
    if words > max_words:
        return f"it was {words} words long, and at most {max_words} are allowed"
    if len(text) > LETTERS_OF_A_WORD * max(words, 8) or is_code(text):
        return "it was not written in words"
    if _CUTS.search(text):
        return "it cuts to another shot, and the video has only one"
    if chatter := why_chatter(text, instruction):
        return chatter
    if language == CHINESE and not _mostly_chinese(text):
        return "it was not in Chinese"
    if language != CHINESE and not (_mostly_latin(text) and is_english(text)):
        return f"it was not in {language}"
    if repeats_itself(text):
        return "it said the same words again and again"
    if _BREAKS_OFF.search(text):
        return "it broke off in the middle of a sentence"
    return None


def with_still_camera(caption: str, language: str) -> str:
    """The caption, with a sentence at its end that keeps the camera still, unless it says so already."""
    if says_camera_is_still(caption):
        return caption
    return f"{caption}{CAMERA_STILL_CHINESE}" if language == CHINESE else f"{caption} {CAMERA_STILL}"


def without_still_camera(caption: str) -> str:
    """The caption without our own sentence that keeps the camera still."""
    return caption.replace(f" {CAMERA_STILL}", "").replace(CAMERA_STILL_CHINESE, "")


def says_camera_is_still(caption: str) -> bool:
    return bool(_STILL_CAMERA.search(caption))


def count_words(text: str) -> int:
    """Words, of which two Chinese characters make one."""
    characters = len(_CJK.findall(text))
    return len(re.findall(r"\w+(?:['\u2019-]\w+)*", _CJK.sub(" ", text))) + (characters + 1) // 2


# ---- what an answer is made of

STAGES = ("first", "then", "finally", "unchanged")
_NAMES = {
    "caption": "caption|temporal caption|video caption|final caption|video description|video prompt|prompt|description"
    "|final answer|answer|one sentence|sentence",
    "end_state": "end state|end_state|endstate|final state|final frame|end|result|finished picture",
    "first": "first|at first|stage 1|step 1|beginning|start",
    "then": "then|next|after that|stage 2|step 2|middle",
    "finally": "finally|at the end|last|stage 3|step 3|ending",
    "unchanged": "unchanged|what stays unchanged|what stays|stays|unchanged elements|stays the same",
    "reasoning": "reasoning|thinking|thoughts|analysis|explanation|rationale|note|notes",
}
_LABEL_OF = {label: name for name, labels in _NAMES.items() for label in labels.split("|")}
_LABELS = "|".join(sorted(_LABEL_OF, key=len, reverse=True))
_LABEL = re.compile(
    rf"^[^\w\n]{{0,12}}(?:\d{{1,2}}[.):]\s{{0,3}})?[^\w\n]{{0,6}}(?P<label>{_LABELS})"
    r"[ ]{0,3}(?:\([^)\n]{0,60}\))?[\"'*_` ]{0,6}[:\uff1a][\"'*_`]{0,6}",
    re.IGNORECASE | re.MULTILINE,
)
_CJK = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def visible_text(text: str) -> str:
    """Characters that can be seen and written in UTF-8, composed; line ends become newlines, other spaces spaces."""
    text = re.sub(r"\r\n?|[\u2028\u2029\u0085\x0b\x0c]", "\n", text)
    kept = []
    for c in text:
        category = unicodedata.category(c)
        if c == "\n" or category[0] in "LMNPS":
            kept.append(c)
        elif category in ("Zs", "Cc"):
            kept.append(" ")
    return unicodedata.normalize("NFC", "".join(kept))


_THINK = r"think(?:ing)?|thought|thoughts|reasoning|reflection|scratchpad|analysis"
_OPENS = re.compile(
    rf"<(?:{_THINK})>|\[(?:think|thinking)\]|<\|channel\|>\s*(?:analysis|commentary)\s*<\|message\|>", re.IGNORECASE
)
_CLOSES = re.compile(rf"</(?:{_THINK})>|\[/(?:think|thinking)\]|<\|channel\|>\s*final\s*<\|message\|>", re.IGNORECASE)


def split_thoughts(text: str) -> tuple[str, str]:
    """What the model thought, and what it answered. Thoughts without an end have no answer behind them."""
    thoughts, answers, rest = [], [], text
    while rest:
        opens, closes = _OPENS.search(rest), _CLOSES.search(rest)
        if closes and (not opens or closes.start() < opens.start()):  # some templates open the thoughts themselves
            thoughts += [*answers, rest[: closes.start()]]
            answers, rest = [], rest[closes.end() :]
        elif opens:
            answers.append(rest[: opens.start()])
            rest = rest[opens.end() :]
            closes = _CLOSES.search(rest)
            thoughts.append(rest[: closes.start()] if closes else rest)
            rest = rest[closes.end() :] if closes else ""
        else:
            answers.append(rest)
            rest = ""
    return "\n".join(thoughts).strip(), "\n".join(answers).strip()


def _from_json(text: str) -> dict[str, str]:
    """The parts of the first JSON object in the text that has a caption or stages."""
    decoder = json.JSONDecoder()
    for start in [found.start() for found in re.finditer(r"\{", text)][:20]:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        parts: dict[str, str] = {}
        _collect(value, parts, depth=0)
        if "caption" in parts or any(name in parts for name in STAGES):
            return parts
    return {}


def _is_broken_json(text: str) -> bool:
    """Whether a text that is no JSON was meant to be some: it broke off, or a quote in it is not escaped."""
    return bool(re.search(r"[{,]\s*([\"'])[\w ]{1,40}\1\s*:\s*[\"'\[{]", text))


def _is_table(text: str) -> bool:
    return len(re.findall(r"^[ ]{0,3}\|.*\|", text, re.MULTILINE)) > 1


def _collect(value, parts: dict[str, str], depth: int) -> None:
    if not isinstance(value, dict) or depth > 3:
        return
    for key, content in value.items():
        name = _LABEL_OF.get(re.sub(r"[\W_]+", " ", str(key)).strip().lower())
        if isinstance(content, list) and all(isinstance(item, str | int | float) for item in content):
            content = " ".join(str(item) for item in content)
        if isinstance(content, str) and name and content.strip():
            parts.setdefault(name, content)
        elif isinstance(content, dict):
            _collect(content, parts, depth + 1)


def _from_labels(text: str) -> dict[str, str]:
    """The parts behind labels at the beginnings of lines; of a label that comes again the last counts."""
    found = list(_LABEL.finditer(text))
    parts = {}
    for number, label in enumerate(found, start=1):
        following = found[number] if number < len(found) else None
        content = text[label.end() : following.start() if following else len(text)]
        name = _LABEL_OF[re.sub(r"\s+", " ", label["label"]).lower()]
        if following is None:  # what a model adds at the end stands apart
            content = re.split(r"\n\s*\n", content.strip(), maxsplit=1)[0]
        if content.strip(" \n\"'*_`-"):
            parts[name] = content
    return parts if "caption" in parts or len(parts) > 1 else {}


_PREFACE = re.compile(
    r"(?:sure|certainly|of course|okay|ok|absolutely|great|here(?:'s| is| are| you go)|this is|below is|the following"
    r"|based on|given|looking at|i(?:'ll| will| have|'ve)|let me|as requested|temporal caption|caption)\b[^\n]{0,200}"
    r"[:\uff1a]\s*(?=\n|\S)",
    re.IGNORECASE,
)
_INTERJECTION = re.compile(r"(?:sure|certainly|of course|okay|ok|absolutely|great)(?: thing)?[!.,]\s+", re.IGNORECASE)
_AFTERWORD = re.compile(
    r"\b(?:let me know|i hope|hope this|feel free|please let|would you like|if you(?:'d| would)? (?:like|want|need)"
    r"|note\b ?:|note that|explanation ?:|this caption|the caption (?:describes|captures)).*",
    re.IGNORECASE | re.DOTALL,
)


def _without_chatter(text: str) -> str:
    """An answer without labels, without what is said before and after it."""
    text = re.sub(r"^\s*```\w*\s*$", "", text, flags=re.MULTILINE).strip()
    for _ in range(3):
        before = text
        text = _INTERJECTION.sub("", text, count=1) if _INTERJECTION.match(text) else text
        preface = _PREFACE.match(text)
        if preface and text[preface.end() :].strip():
            text = text[preface.end() :].strip()
        if text == before:
            break
    after = _AFTERWORD.search(text)
    return text[: after.start()].strip() if after and text[: after.start()].strip() else text


# ---- plain sentences

_SPECIAL = re.compile(
    r"<\|[^|<>\n]{0,60}\|>|</?s>|<(?:pad|unk|bos|eos|mask|sep|cls|image|extra_id_\d+|start_of_turn|end_of_turn"
    r"|start_of_image|end_of_image)>|\[/?(?:INST|SEP|CLS|PAD|MASK|UNK)\]|<<?/?SYS>?>|</?[a-zA-Z][^<>\n]{0,80}>"
)
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d\u300e\u300f"
_CLOSING = {
    "\u2018": "\u2019",
    "\u201c": "\u201d",
    "\u201e": "\u201c",
    "\u00ab": "\u00bb",
    "\u300c": "\u300d",
    "\u300e": "\u300f",
}
_ENDS = ".!?\u3002\uff01\uff1f\u2026"


def as_sentences(text: str) -> str:
    """One line of plain sentences, without markdown, lists, quotes around it, tokens, and with a full stop.

    Round brackets become commas, because ComfyUI reads them as weights, and "embedding:" loses its colon.
    """
    text = visible_text(text)
    for _ in range(4):  # tokens that only appear when others are gone
        text, changed = _SPECIAL.subn(" ", text)
        if not changed:
            break
    lines = []
    for line in text.split("\n"):
        line = re.sub(r"^\s*(?:#{1,6}\s|>+\s?|[-*+\u2022\u2013]\s+|\(?\d{1,2}[.)]\s+|```\w*)", "", line)
        line = re.sub(r"^[\s*_=~-]+$", "", line).strip()
        if line and lines and lines[-1][-1] not in _ENDS + ",;:":
            lines[-1] += "." if line[0].isupper() or _CJK.match(line) else ","
        lines += [line] if line else []
    text = " ".join(lines)
    text = re.sub(r"!?\[([^\]\n]{0,200})\]\([^)\n]{0,500}\)", r"\1", text)  # links
    text = re.sub(r"(\*\*|__|~~|`+)", "", text)
    text = re.sub(r"(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)", "", text)
    text = _without_brackets(text)
    text = re.sub(r"embedding\s*:", "embedding ", text, flags=re.IGNORECASE)
    text = re.sub(r"[<>{}\[\]|\\^~*_#]", " ", text)
    text = _one_line(text)
    for _ in range(3):
        text = _without_quotes(text)
    text = text.strip(" ,;:-").lstrip(_ENDS + ",;: ")
    if not re.search(r"\w", text):
        return ""
    if text[0].islower():
        text = text[0].upper() + text[1:]
    if text.rstrip(_QUOTES + " ")[-1:] not in tuple(_ENDS):
        text += "\u3002" if _CJK.match(text[-1]) else "."
    return text


def _without_quotes(text: str) -> str:
    """The text without a pair of quotes around all of it, the full stop before or behind the last one."""
    if not text or text[0] not in _QUOTES:
        return text
    closing = _CLOSING.get(text[0], text[0])
    end = len(text) - 1 if text[-1] == closing else len(text) - 2
    if end < 1 or text[end] != closing or re.search(rf"{closing}(?!\w)", text[1:end]):
        return text
    return text[1:end].strip() + text[end + 1 :]


def _without_brackets(text: str) -> str:
    """What stands in round brackets goes between commas."""
    text = re.sub(r"\(([^()]*?):\s*-?[\d.]+\s*\)", r"\1", text)  # a weight
    text = re.sub(r"\s*[(\uff08]+\s*", ", ", text)
    return re.sub(r"\s*[)\uff09]+(?P<after>\s*[.,;:!?])?", lambda m: m["after"].strip() if m["after"] else ", ", text)


def _one_line(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+([,.;!?])", r"\1", text)
    return re.sub(r",(?:\s*[,;])+|([.!?;]),(?=\s)", r"\1,", text).replace(".,", ".").strip()


def _first_sentence(text: str) -> str:
    """The first sentence, or nothing if it is longer than a sentence should be."""
    found = re.match(rf".*?[{_ENDS}](?=\s|$|[\u3400-\u9fff])", text)
    sentence = found[0] if found else text
    return sentence if count_words(sentence) <= LONGEST_END_STATE else ""


# ---- what is wrong with a caption

_PLACEHOLDER = re.compile(
    r"how the change begins|how it goes on|all of it as one continuous event"
    r"|that tells the change as one continuous event|one sentence about the finished picture"
    r"|after which everything holds still|as if nothing had ever been different"
    r"|\byour caption here\b|\binsert (?:the )?caption\b",
    re.IGNORECASE,
)
_STILL_CAMERA = re.compile(
    r"\bcamera\b[^.!?;]{0,40}\b(?:still|static|fixed|steady|stationary|motionless|unmoving|locked|in place"
    r"|does not move|doesn't move|never moves|not moving|unchanged|(?:remains|stays) (?:the same|where it is))\b"
    r"|\b(?:static|fixed|still|stationary|locked(?:-off|-down)?|steady|motionless|unmoving|tripod)[- ]"
    r"(?:camera|shot|view|frame|framing|perspective)\b"
    r"|\bno camera (?:movement|motion|move)\b|\bwithout (?:any )?camera (?:movement|motion)"
    r"|\b(?:camera angle|camera position|viewpoint|framing)\b[^.!?;]{0,30}"
    r"\b(?:unchanged|fixed|the same|constant|static)\b"
    r"|(?:\u955c\u5934|\u673a\u4f4d|\u76f8\u673a|\u6444\u50cf\u673a|\u89c6\u89d2)[^\u3002\uff0c]{0,8}"
    r"(?:\u9759\u6b62|\u56fa\u5b9a|\u4e0d\u52a8|\u4e0d\u53d8)"
    r"|(?:\u56fa\u5b9a|\u9759\u6b62|\u9759\u6001)(?:\u7684)?(?:\u955c\u5934|\u673a\u4f4d|\u76f8\u673a)",
    re.IGNORECASE,
)
_CAMERA_MOVES = re.compile(
    r"\b(?:camera|view|shot|lens)(?:\s+\w+ly)?(?:\s+(?:then|also|starts? to|begins? to|now))*(?:\s+\w+ly)?\s+"
    r"(?:pan|zoom|move|orbit|tilt|doll(?:y|ie)|track|follow|push|pull|rotate|circle|rise|glide|drift|swing|turn|fl(?:y|ie)|descend"
    r"|approache?|shift|sweep|crane|slide|travel|widen|close in)(?:s|es|ing|ed)?\b"
    r"|\b(?:zoom(?:s|ing)?|pan(?:s|ning)?) (?:in|out|left|right|up|down|across|over|slowly|to)\b"
    r"|\b(?:tracking|panning|dolly|crane|drone|orbit|handheld|zoom)(?:ing)? shot\b"
    r"|\bdoll(?:y|ies|ying) (?:in|out|back|forwards?|closer|towards?)\b|\b(?:push-ins?|pull-?backs?|pull-outs?"
    r"|zoom-(?:ins?|outs?)|dolly zoom|whip pan|rack focus|hand-?held camera)\b"
    r"|\ban? (?:\w+ ){0,2}(?:pan|zoom|camera move|camera movement)\b(?! (?:of|on|with|full))"
    r"|\b(?:perspective|viewpoint|viewing angle|point of view)(?:\s+\w+ly)?"
    r"\s+(?:shift|change|move|rise|rotate|tilt)(?:s|es)?\b"
    r"|\bwe (?:\w+ly )?(?:zoom|pan|move|glide|fly|push|pull|travel|follow|circle|orbit)\b"
    r"|(?:\u955c\u5934|\u76f8\u673a|\u6444\u50cf\u673a)[^\u3002\uff0c]{0,6}(?:\u63a8|\u62c9"
    r"|\u79fb\u52a8|\u5e73\u79fb|\u65cb\u8f6c|\u8ddf\u968f|\u73af\u7ed5|\u6447|\u4e0a\u5347|\u4e0b\u964d)",
    re.IGNORECASE,
)
_CUTS = re.compile(
    r"(?:^|[.;:!]\s+|\bthen )(?:(?:jump|hard|smash|match|quick)[ -])?cut (?:back )?to\b"
    r"|(?:^|[.;:!]\s+)fade (?:to|from) black"
    r"|\b(?:scene|shot|video|camera|view|picture|film|image|we) (?:\w+ )?cuts?\b"
    r"|\b(?:jump|hard|smash|match)[ -]cuts?\b|\bcutaway\b|\bcross-?(?:fade|dissolve)|\bmontage\b|\bsplit[ -]screen\b"
    r"|\b(?:next|following|another|second|new) (?:shot|camera angle)\b|\b(?:scene|shot) \d|\bin the next scene\b"
    r"|\b(?:switch|change|move|cut|go)(?:s|es)? to an? (?:close-?up|wide shot|new angle)"
    r"|\u5207\u6362\u5230|\u5207\u5230|\u753b\u9762\u5207|\u8f6c\u573a|\u4e0b\u4e00\u4e2a?\u955c\u5934",
    re.IGNORECASE,
)
_BREAKS_OFF = re.compile(r"\b(?:the|an?|and|or|of|with|to|its|their|until|while|as|into|onto|which)[.\u2026 ]*$")
_NEGATED = re.compile(r"\b(?:not|never|no|without|neither|nor)\b|n't\b|[\u4e0d\u65e0\u6ca1\u672a]", re.IGNORECASE)


def _moves_camera(caption: str) -> bool:
    clauses = re.split(r"[.!?;,\u3002\uff01\uff1f\uff0c\uff1b]", caption)
    return any(_CAMERA_MOVES.search(clause) and not _NEGATED.search(clause) for clause in clauses)


def _repeats(caption: str, instruction: str) -> bool:
    """Whether the caption says no more than the instruction does."""
    told = re.findall(r"\w+", without_still_camera(caption).lower())
    asked = re.findall(r"\w+", instruction.lower())
    return told == asked or " ".join(told) in " ".join(asked)


LONGEST_COPY = 7  # words in a row; one more is no chance


def _copies_example(caption: str, instruction: str) -> bool:
    """Whether the caption says what an example for another edit says."""
    told = re.findall(r"\w+", caption.lower())
    runs = {" ".join(told[n : n + LONGEST_COPY + 1]) for n in range(len(told) - LONGEST_COPY)}
    for example in EXAMPLES:
        parts = (example.first, example.then, example.finally_, example.caption, example.sentence, example.end_state)
        shown = " ".join(re.findall(r"\w+", " ".join(parts).lower()))
        if any(run in shown for run in runs) and not asks_the_same(example.instruction, instruction):
            return True
    return False


def _mostly_chinese(text: str) -> bool:
    return len(_CJK.findall(text)) * 2 > sum(c.isalpha() for c in text)


def _mostly_latin(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return 2 * sum(ord(c) < 0x250 for c in letters) > len(letters)
