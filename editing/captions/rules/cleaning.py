"""What people type before it is read: politeness, typing slips and frills go, the edit stays."""

from __future__ import annotations

import re
import unicodedata

from .amounts import write_alike
from .arrows import BACKWARDS, spell_out_arrows
from .spelling import is_known
from .vocabulary import COLOR, PICTURE, VERBS
from .words import USUAL_SLIPS

_POLITE = re.compile(
    r"(?:(?:hey|hi|hello|ok|okay|now|so|then|please|pretty please|pls|plz|kindly|just|simply|maybe|perhaps"
    r"|bitte)\b[,.! ]*"
    r"|(?:(?:do you think|i was wondering if|i wonder if|it would be (?:nice|great|good|lovely|cool|perfect) if|is it"
    r" possible to|would it be possible to|make sure(?: that)?|ensure(?: that)?|how about|what about|would you mind"
    r"|i would appreciate it if|i'd appreciate it if|help me(?: to)?|go ahead and|feel free to|be so kind (?:as )?to"
    r")\s+)"
    r"|(?:can|could|would|will|might|may|should) (?:you|u|ya|we|i) (?!have (?:the|a|an|some|my)\b)"
    r"(?:please |just |maybe |possibly |kindly )*"
    r"|(?:you|we) (?:can|could|should|must|may) (?:please |just )*"
    r"|(?:can|could|should|may|might)\s+(?=(?:the|this|that|these|those|my|his|her|its|their|it|he|she|they"
    r"|everything)\s)"
    r"|what (?:(?:happens|would happen|will happen) )?(?:if|when) "
    r"|(?:i|we)(?: would|'d)? (?:really )?(?:want|like|need|wish|love) (?:you )?to (?!see\b|have\b)"
    r"|let us |let's |let me (?=see )|try to |make it so(?: that)? "
    r"|edit (?:it|this|the image|the picture|the photo) (?:so that|to) )+",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(?:^|[\s,.;!?]+)(?:many thanks|thanks(?: a lot| so much| in advance)?|thank (?:you|u)(?: so much"
    r"| very much)?|thx|ty"
    r"|asap|lol|haha|xd|danke|bitte|please|pls|plz|if (?:you (?:can|could|would|will|like|please)|possible"
    r"|it is possible|it's possible)|for me"
    r"|(?:will|would|could|can) you)$",
    re.IGNORECASE,
)
_IN_PICTURE = re.compile(
    rf"\s(?:in|of|from|inside|within|into|to) (?:the|this|my) {PICTURE}\b(?=\s*$| (?:to|into|by|with|and)\b)",
    re.IGNORECASE,
)
_OUT_OF_PICTURE = re.compile(rf"\s(?:out of|off) (?:the|this|my) {PICTURE}\b(?=\s*$)", re.IGNORECASE)
_MARKS = " ,;.!?:~*#|\u2026\u203c\u2049\u2013\u2014-"
_BULLET = re.compile(r"^\s*(?:[-*#>\u2022\u00b7\u2013\u2014]+|\d+[.)])\s+")
_NEXT_LINE = re.compile(rf"\s*(?:[-*\u2022\u00b7\u2013\u2014]+\s|\d+[.)]\s|(?:then|and|also|{VERBS})\b)", re.IGNORECASE)
_SMILEY = re.compile(r"(?:(?:^|\s)(?:[:;=]['-]?[()DPpoO3|]+|<3+|\^_*\^)(?=[\s,.!?]|$))+")
_WEIGHT = re.compile(r"[(]([^()]*?):\s*\d*\.?\d+[)]")  # "(the ball:1.2)", as ComfyUI reads it
_EMPHASIS = re.compile(r"[(]{2,}([^()]*)[)]{2,}")
_NUMBERED = re.compile(rf"\s+\d+[.)]\s+(?=(?:{VERBS})\b)", re.IGNORECASE)
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019\u02bc", "'"),
        **dict.fromkeys("\u2192\u21d2\u27a1\u2794\u279c\u279e\u27f6\u27f9\u2799\u279d", " -> "),
        **dict.fromkeys("\u2190\u21d0\u2b05\u27f5", " -> left "),
        **dict.fromkeys("\u2191\u21d1\u2b06", " -> up "),
        **dict.fromkeys("\u2193\u21d3\u2b07", " -> down "),
    }
)
_SMALL_WORDS = frozenset("the an to of on in into with and from my his her its more by at be should you please".split())
_TOO = re.compile(
    rf"(?<=\w )too(?= (?:{re.sub('P<color>', ':', COLOR)}|(?:the )?(?:left|right|top|bottom))$)", re.IGNORECASE
)
_SLIPS = re.compile(rf"\b(?:{'|'.join(USUAL_SLIPS)})\b", re.IGNORECASE)
# "..., keeping everything else the same": every caption says so anyway.
_KEEP_REST = re.compile(
    r"[,;.]?\s*\b(?:(?:and|but|while)\s+)?(?:keep(?:ing)?|leav(?:e|ing)|without (?:changing|moving|touching)|do(?:n't"
    r"| not) (?:change|move|touch))\b(?=.*\b(?:else|rest|same|still|unchanged|alone|as (?:it|they) (?:is|are)|as is"
    r"|anything|other|fixed|steady|intact|place)\b)[^,;.]*$",
    re.IGNORECASE,
)


def readable(text: str) -> str:
    """One line of words: no control or invisible characters, emoji, smileys, bullets, weights or shouting."""
    told = ""
    for line in text.translate(_SIGNS).splitlines():
        line = BACKWARDS.sub(" -> left", line)
        edit = " ".join(_SMILEY.sub(" ", _WEIGHT.sub(r"\1", _printable(line))).split())
        if re.search(r"\w", edit):
            told += f"{', ' if _NEXT_LINE.match(line) else ' '}{_BULLET.sub('', edit, count=1)}" if told else ""
            told = told or _BULLET.sub("", edit, count=1)
    return _without_shouting(_EMPHASIS.sub(r"\1", _NUMBERED.sub(", ", told)))


def _printable(text: str) -> str:
    """Control characters and pictures become spaces; what is invisible otherwise (a soft hyphen) is dropped."""
    return "".join(
        " " if _is_picture(c) or unicodedata.category(c) in ("Cc", "Zs", "Zl", "Zp") else c if c.isprintable() else ""
        for c in text
        if not "\ufe00" <= c <= "\ufe0f" and c != "\u20e3"  # how the sign before is drawn
    )


def _is_picture(c: str) -> bool:
    """Emoji and dingbats; signs such as \u00b0 and \u2116 belong to the words."""
    return (unicodedata.category(c) == "So" and c >= "\u2190" and not "\u3200" <= c <= "\u33ff") or (
        "\U0001f3fb" <= c <= "\U0001f3ff"
    )


def _without_shouting(text: str) -> str:
    """Capitals that name nobody become small: "MAKE IT BLUE", "Make The Ball Blue", "make the BALL blue"."""
    parts = re.split(r"(\"[^\"]*\")", text)  # what is quoted stays as it is
    words = re.findall(r"[a-z]+(?:'[a-z]+)?", " ".join(parts[::2]), re.IGNORECASE)
    if not words:
        return text
    first, later = words[0], [word for word in words[1:] if word.lower() in _SMALL_WORDS]
    verb = re.fullmatch(VERBS, first, re.IGNORECASE)
    letters = "".join(words)
    shouted = sum(map(str.isupper, letters)) > 0.8 * len(letters) and (len(words) > 2 or (verb and len(words) > 1))
    odd = any(not (word.islower() or word.istitle()) for word in (*later, *([first] if verb else [])))
    titled = (any(map(str.istitle, later)) or (first.lower() in _SMALL_WORDS and len(words) > 3)) and all(
        word[0].isupper() for word in words if len(word) > 3 and word not in ("please", "thanks", "thank")
    )
    if shouted or odd or titled:
        return "".join(part if n % 2 else part.lower() for n, part in enumerate(parts))
    return "".join(
        part
        if n % 2
        else re.sub(r"\b[A-Z]{3,}\b", lambda word: word[0].lower() if is_known(word[0].lower()) else word[0], part)
        for n, part in enumerate(parts)
    )


def request(wording: str) -> str:
    """What is asked for, without "could you ... please?"; the wording itself if nothing else is in it."""
    text = wording.strip(_MARKS)
    if re.fullmatch(r"\"[^\"]+\"|'[^']+'|[(][^()]+[)]", text):  # all of it in quotes or brackets
        text = text[1:-1].strip(_MARKS)
    text = text[polite.end() :] if (polite := _POLITE.match(text)) else text
    for _ in range(3):  # "if you can, for me, thanks"; no one says more
        text = _THANKS.sub("", text).strip(_MARKS)
    return text if re.search(r"\w", text) else wording.rstrip(_MARKS)


def plain(asked: str) -> str:
    """Mend slips, spell out signs, drop what carries no edit: "in the picture", "keep the rest as it is", "instead"."""
    text = _SLIPS.sub(lambda slip: USUAL_SLIPS[slip[0].lower()], asked).strip(_MARKS + "\"'")
    text = _TOO.sub("to", re.sub(r"(?<=\w) of$", " off", text))
    text = re.sub(r"\s*(?:\.{2,}|\u2026|[!?]+)(?=\s)", ".", text)
    text = re.sub(r"(?<=\w)\s+[&+]\s+(?=\w)", " and ", text)
    text = re.sub(r"(?<=\w)(?: right)? now$", "", text, flags=re.IGNORECASE)
    text = _KEEP_REST.sub("", text).strip(" ,;.") or text
    text = re.sub(r"(?<=\w),?\s+instead$", "", text, flags=re.IGNORECASE)
    text = _OUT_OF_PICTURE.sub(r" out of view", text)
    return spell_out_arrows(write_alike(_IN_PICTURE.sub("", text).strip(" ,;.") or text))
