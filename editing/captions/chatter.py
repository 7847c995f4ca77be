"""What a language model says in place of a caption: that it cannot, a question, advice, facts, talk of the task.

Words that the instruction itself has ("write I LOVE YOU on the sign") are not held against a caption, nor is what it
quotes.
"""

from __future__ import annotations

import re

_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am)(?: very| really| so)? sorry|i apologi[sz]e|my apologies|as an? (?:ai|text|language)\b"
    r"|as a (?:large )?language model|i(?:'m| am) (?:not able|unable|not allowed)"
    r"|i(?:'m| am) just an? (?:ai|language|text|computer)|i(?:'m| am) an? (?:[\w-]+ ){0,2}(?:ai|model|assistant)\b"
    r"|i (?:can(?:'t|not| not)|could(?:n't| not)|won't|will not|do(?:n't| not)) (?:help|assist|see|view|fulfil|comply"
    r"|provide|create|generate|edit|do|process|write|have|describe|identify|answer)"
    r"|unable to|cannot|can not|can't|couldn't|impossible|(?:not|isn't) possible|not able to|unfortunately|sorry"
    r"|beyond (?:what|my)|does not (?:show|contain|include|depict)|doesn't (?:show|contain|include|depict)"
    r"|no (?:photo|image|picture) (?:is|was|has been) (?:attached|provided|given)"
    r"|please (?:provide|upload|share|attach) (?:the|an|a|your)|against (?:my|the) (?:guidelines|policy))"
    r"|^this is not\b"
    r"|\u62b1\u6b49|\u5bf9\u4e0d\u8d77|\u4e0d\u597d\u610f\u601d|\u65e0\u6cd5|\u4e0d\u80fd|\u4e0d\u786e\u5b9a"
    r"|\u4f5c\u4e3a(?:\u4e00\u4e2a|\u4e00\u540d)?(?:AI|\u4eba\u5de5\u667a\u80fd|\u8bed\u8a00\u6a21\u578b)"
    r"|\u8bed\u8a00\u6a21\u578b|\u4eba\u5de5\u667a\u80fd",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"[?\uff1f]|[\u5417\u5462][\u3002\uff01.!]?$")
_READER = re.compile(
    r"\bI(?:'m|'ve|'d|'ll)?\b(?!\s*[.,])|(?i:\b(?:you(?:'re|'ve|'d|'ll|rs?|rself)?|me|my|mine|us|our|let's)\b"
    r"|\bwe(?:'re|'ve|'d|'ll)?\b(?! (?:now |then |clearly )?(?:see|watch)\b))"
    r"|\u9996\u5148|\u9009\u4e2d|\u70b9\u51fb|\u6253\u5f00\u56fe|[\u60a8\u4f60]"
    r"|\u8bf7(?:\u95ee|\u5148|\u63d0\u4f9b|\u544a\u8bc9)|\u8c22\u8c22|\u6211(?!\u4eec?\u770b\u5230)"
)
_MODAL = re.compile(
    r"\b(?:could|would|should|shall|ought|might|must|may)\b"
    r"|\bcan (?:be(?! seen)|also|help|easily|often|never|only|still|then|have)\b"
    r"|\b(?:it|this|that|which|who|they|one|people|he|she|someone) can\b(?! be seen)",
    re.IGNORECASE,
)
_READER_STARTS = re.compile(
    r"(?:thank(?:s| you)|please|imagine|note that|remember|great (?:question|choice|idea)|good (?:question|luck)|sure\b"
    r"|yes\b|no,|hello|hi\b|that is correct|that's|in conclusion|in summary|once upon a time|when it comes to"
    r"|in order to|for example|if (?:an?|the|it|one|someone|they)\b|to \w+ (?:the|an?|this|it|them|your)\b)",
    re.IGNORECASE,
)
_VERB_OF_COMMAND = (
    r"(?:use|take|place|put|keep|hold|try|teach|press|click|apply|select|ensure|rub|consider|go|choose|pick|add|insert"
    r"|remove|delete|erase|replace|change|make|turn|move|open|close|fill|cut|paint|draw|rotate|raise|lower|lift|push"
    r"|pull|drag|slide|fold|break|crush|melt|bake|cook|pour|set|get|give|write|describe|show|create|edit|let|have"
    r"|start|stop|watch|look at|see|find|check|wait|allow|tell|ask|preheat|mix|flip|roll|begin (?:by|with))"
)
_COMMAND = re.compile(
    r"(?:(?:first|then|next|now|finally|also|and|just|simply|slowly|gently|carefully|always|never|don't|do not"
    rf"|step \d+)[,:]? )*{_VERB_OF_COMMAND}"
    r" (?:\w+ing|the|an?|this|that|these|those|it|them|its|his|her|their|your|my|all|each|some|any|sure|up|down|off"
    r"|on|by|with|to)\b",
    re.IGNORECASE,
)
_THEN_COMMAND = re.compile(rf"\bthen {_VERB_OF_COMMAND} (?:the|it|them|your|an?)\b", re.IGNORECASE)
_FACT = re.compile(
    r"\b(?:every (?:\w+ )?(?:day|week|month|year|night|summer|winter)s?|years? ago|(?:1[5-9]|20)\d\d|centur(?:y|ies)"
    r"|says|said|famous|popular|invented|known (?:for|as)|costs?|dollars|euros|percent|compan(?:y|ies)|researchers"
    r"|scientists|(?:in|of|around|all over) the world|people (?:who|often|like|use|love|to)|often|usually|always"
    r"|mostly|typically|generally|commonly|because|million|in general|kind of|type of|such as|(?:is|are) used"
    r"|(?:story|stories|tale|novel|movie|song|lesson|readers) (?:of|about|makes?|teach(?:es)?)|at \d+ degrees)\b"
    r"|\d+ ?%|[$\u20ac]\d|\d:\d\d|\bper (?:second|minute|hour|day|year|person)\b"
    r"|\bmeans that\b|\bis an? (?:\w+ )?(?:way|reminder|symbol|part) "
    r"|\u56e0\u4e3a|\u4e00\u79cd|\u4e4b\u4e00|\u559c\u6b22|\u53ef\u4ee5|\u9700\u8981|\u6709\u52a9|\u91cd\u8981"
    r"|\u5e94\u8be5|\u4ee3\u8868|\u8c61\u5f81|\u4eba\u7c7b|\u4e3a\u4ec0\u4e48|\u5feb\u4e50|\u597d\u7684|\u4ee5\u4e0b"
    r"|\u6839\u636e|\u597d\u5904|\u4e3b\u8981|\u4e4b\u738b|\u89c4\u5f8b|\u6211\u4eec\u5e94|\u6bcf[\u5929\u5e74\u6708\u5468]",
    re.IGNORECASE,
)
_GERUND_AS_SUBJECT = re.compile(  # "Reading books is", "Dancing improves"; not "Swinging its tail, the cat"
    r"(?!(?:spring|string|king|ring|wing|nothing|everything|something|morning|evening|lightning|during)\b)\w{3,}ing\b"
    r"(?! (?:\w+ly )?(?:from|in|on|over|under|with)\b)[^,]{0,60}? (?:is|are|\w+[^s\W]s)\b",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"\b(?:captions?|instructions?|prompts?|task|request(?:s|ed)?|user|assistant|examples?|edit(?:s|ed|ing|or)?"
    r"|answers?|questions?|respon(?:se|d)s?|descriptions?|describe[sd]?|language model|video model|text model|ai"
    r"|software|photoshop|gimp|clone stamp|\w+ tool|lasso|layer mask|pixels?|tutorial|six lines|two lines|attached"
    r"|present tense|continuous event|rules)\b"
    r"|\b(?:task|rule|photo|image|name|color|note|output|input)s? ?:"
    r"|\b(?:the|this|that) (?:image|photo|picture|photograph) (?:above|below|is (?:not|of|an?)|depicts|was|has|does"
    r"|features)|\bno (?:photo|image|picture|video|text)\b|\bin (?:this|the given) (?:image|photo|picture|photograph)\b"
    r"|\u6307\u4ee4|\u4efb\u52a1|\u63d0\u793a\u8bcd|\u7f16\u8f91|\u63cf\u8ff0|\u8f6f\u4ef6|\u4e0a\u4f20"
    r"|(?:\u56fe\u7247|\u56fe\u50cf|\u7167\u7247)(?:\u5c55\u793a|\u663e\u793a|\u4e2d\u662f)",
    re.IGNORECASE,
)
_AS_IF = re.compile(r"\bas (?:if|though)\b[^.,;]*", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|\u300c[^\u300d]*\u300d|(?<!\w)'[^']*'(?!\w)")
_CODE = re.compile(r"[=+]|\b(?:def|return|import|print|null|undefined) \w")
# The small words of languages, all that is needed to tell them apart.
_ENGLISH = frozenset(
    "the a an of and to in on is are its it until with from as into at by over while then their his her onto out off "
    "up down for that across toward through around back one".split()
)
_NOT_ENGLISH = frozenset(
    # German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Polish
    "ich der das und nicht ist ein eine einen kann wird bis auf mit dem es wir sie keine leider "
    "je ne pas une les la le un est des du et il elle cette peux avec "
    "lo el los las una que por para con puedo esta imagen del se hasta "
    "non di posso gli della che questa sono "
    "os uma com nao da em desculpe "
    "ik het niet een maar de dat deze maken "
    "jag inte att och det av som "
    "nie tego jest sie na w z moge".split()
)
REPEATED_BELOW = 0.42  # of different words among all; a caption of 100 words has 0.55


def why_chatter(caption: str, instruction: str) -> str | None:
    """Why a text does not tell an edit but speaks of something else, as the end of "... because"; None if it does."""
    if _speaks(_REFUSAL, caption, instruction):
        return "it did not describe the edit but refused or excused itself"
    told = _AS_IF.sub(" ", _QUOTED.sub(" ", caption))
    if _QUESTION.search(told):
        return "it asked a question instead of telling what happens"
    sentences = [sentence.strip() for sentence in re.split(r"(?<=[.!;:])\s+", told)]
    advises = _THEN_COMMAND.search(told) or any(
        _READER_STARTS.match(part) or _COMMAND.match(part) for part in sentences
    )
    if advises or any(_speaks(pattern, told, instruction) for pattern in (_READER, _MODAL)):
        return "it spoke to the reader instead of telling what happens"
    if _speaks(_FACT, told, instruction) or any(_GERUND_AS_SUBJECT.match(part) for part in sentences):
        return "it spoke of such things in general"
    if _speaks(_TASK, told, instruction):
        return "it spoke of the task instead of telling what happens"
    return None


def denies(caption: str) -> bool:
    """Whether a caption begins with what the photo has not; an end state may."""
    return bool(re.match(r"there (?:is|are|was|were) no\b", caption, re.IGNORECASE))


def is_english(text: str) -> bool:
    """Whether a text in Latin letters is English, by its small words; three words without any may be."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    english = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _NOT_ENGLISH for word in words)
    return foreign < max(1, english) and (english > 0 or len(words) < 4)


def is_code(text: str) -> bool:
    return bool(_CODE.search(text))


def repeats_itself(text: str) -> bool:
    """Whether most of the words have been said before."""
    words = re.findall(r"[a-z']+", text.lower())
    return len(words) > 5 and len(set(words)) < REPEATED_BELOW * len(words)


def _speaks(pattern: re.Pattern, text: str, instruction: str) -> bool:
    """Whether the pattern is in the text by more than the instruction's own words."""
    asked = {*re.findall(r"\w+", instruction.lower())}
    found = [match[0].lower() for match in pattern.finditer(text)]
    return any(not part.isascii() or not {*re.findall(r"\w+", part)} <= asked for part in found)
