"""Words in which edits are named: verbs, people, colors, sides, places, lengths of time, states.

Pieces of regular expressions that several modules share; what only one family reads stands beside that family.
"""

from __future__ import annotations

import re


def bare_verbs(verbs: str) -> list[str]:
    """The verbs of an alternation, without what must or must not follow some of them."""
    return [verb for verb in re.sub(r"\((?:[^()]|\([^()]*\))*\)", "", verbs).split("|") if verb.isalpha()]


PICTURE = r"(?:image|picture|photo|photograph|scene|frame|shot)"
VERBS = (
    "move|slide|shift|push|pull|drag|bring|put|place|roll|nudge|relocate|carry|send|swap|lift|raise|lower|grow"
    "|enlarge|inflate|expand|swell|scale|shrink|deflate|reduce|remove|delete|erase|vanish|hide|eliminate|disappear"
    "|fade|get|take|make|turn|paint|color|colour|dye|tint|recolor|recolour|change|give|set|rotate|spin|twist|flip"
    "|tilt|tip|drop|fall|topple|knock|melt|flatten|squash|squeeze|crush|squish|compress|break|shatter|smash|crack"
    "|destroy|burst|explode|tear|rip|split|cut|slice|pop|sharpen|deblur|focus|blur|add|insert|draw|replace|exchange"
    "|transform|convert|morph|open|close|shut|zoom|pan|let|have|switch|burn|freeze|fill|empty|bend|clean|stack"
    "|straighten|pour|light|blow|peel|fold|cook|brighten|darken|dim"
)
# What a thing does by itself: "make the ball fall", "the ball falls" and "fall the ball" all reach one rule.
OWN_VERBS = (
    "move|slide|shift|roll|rise|sink|grow|expand|inflate|swell|shrink|deflate|vanish|disappear|fade|rotate|turn|spin"
    "|twist|flip|tilt|lean|fall|drop|topple|tumble|collapse|melt|flatten|break|shatter|crack|burst|explode|tear|split"
    "|crumble|pop|come|open|close|become|change|dissolve|burn|freeze|bloom|wilt|rot|rust|ripen|cook|boil|bend|spill"
)
# What someone does: bow, wave, sit down. Some of it comes to an end, some goes on, some meets a thing; else it is held.
DEEDS = (
    "pick|throw|catch|take|hand|give(?! (?:a |the |two )?(?:thumb|peace|ok|high))|put|drop|leave|climb|enter|pass|cut"
    "|land"
    "|(?:jump|hop|step)(?= (?:on|off|over|into|in|out|down|to|across|through))|knock|tie|untie"
)
GOING_ON = (
    "run|walk|dance|fly|swim|crawl|chase|follow|drift|float|eat|drink|bark|sing|read|write|drive|ride|play|laugh|cry"
    "|clap|flap|wag|shake|sail|gallop|bounce|swing|flow|paint|draw|cheer|jog|skate|sleep|ski|surf|march|stir|wave"
)
MEETS = "hit|touch|strike|crash|bump"
LOOKS = (  # not "look happy"
    "look(?=$| (?:at|up|down|to|towards?|into|over|around|away|back|left|right|forwards?|out|through|in|behind|ahead"
    "|straight|aside|inside|outside|for|closely|upwards?|downwards?)\\b)"
)
ACTIONS = (
    f"bow|wave|sit|stand|jump|smile|laugh|cry|wink|blink|nod|kneel|dance|run|walk|{LOOKS}|stare|clap|point"
    "|stretch|sleep|lie|squat|crouch|hug|kiss|shake|hold|eat|drink|fly|bark|swim|climb|crawl|hop|yawn|frown|grin"
    "|salute|pray|sing|read|write|kick|throw|catch|raise|lift|lower|drive|ride|play|step|lean|reach|pick|grab|touch"
    "|spread|flap|wag|close|open|turn|move|bend|surrender|cheer|relax|shrug|cross|face|stop|carry|pet|stroke"
    "|feed|tilt|rub|cover|fold|pass|enter|land|hand|give|take|put|drop|pour|leave|cut|bite|knock|push|pull|tie|untie"
    "|stir"
    f"|{GOING_ON}|{MEETS}"
)
BEINGS = (
    "man|woman|men|women|boys?|girls?|child|children|kids?|babies|baby|people|person|players?|dogs?|cats?|horses?"
    "|birds?|monkeys?|bears?|rabbits?|elephants?|lions?|kings?|queens?|dancers?|guys?|lady|ladies"
)
WHO = r"(?:the|a|an|this|that|these|those|my|his|her|their|its|all|both|every|two|three|\w+'s)\s[^,;]+?"
MODAL = r"(?:should|must|will|shall|can|could|would|may|might|needs? to|has to|have to|(?:is|are) (?:supposed )?to)"
MAKE = r"(?:make|let|have|get(?!\s+rid\b)|cause)\s+"
SOMEBODY = (
    r"(?P<x>(?:him|her|it|them|me|us|everyone|everybody|(?:(?:the|an?|this|that|these|those|my|his|her|its|their|our"
    r"|your|all|both)\s+)*(?!(?:the|an?|this|that|these|those|my|his|her|its|their|our|your|all|both)\b)\S.*?))"
    r"(?<!'s)(?<!s')"
)
COLOR = (
    r"(?P<color>(?:(?:a|very|dark|light|bright|pale|deep|shiny|vivid|neon|pastel|metallic|matte|hot|sky|royal|blood"
    r"|emerald)[- ])*(?:red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|gr[ae]y|cyan|magenta"
    r"|turquoise|teal|gold|golden|silver|beige|crimson|scarlet|lime|navy|olive|maroon|indigo|lavender|cream|ivory|tan"
    r"|bronze|copper|peach|mint|azure|blonde?|ginger|auburn|transparent|rainbow[- ]colou?red)(?:ish)?)"
    r"(?: colou?r(?:ed)?)?"
)
MATERIAL = (
    r"(?P<y>(?:pure |solid |clear |polished |white |black |dark )?(?:gold|silver|bronze|copper|glass|wood|stone"
    r"|marble|ice|chocolate|paper|metal|steel|iron|plastic|fur|leather|bricks?|clay|cloth|crystal|lego|jelly|concrete"
    r"|sand|bamboo|porcelain|rubber|wool|cardboard))"
)
A_LITTLE = (
    r"(?:(?:by\s+)?\d+\s*(?:pixels?|px|cm|mm|inch(?:es)?|%|percent)\s+)?(?:(?:over|across|straight|all the way|further"
    r"|farther|more|slightly|a little(?: bit)?|a bit|far|way)\s+)*"
)
SIDE = (
    r"(?:to(?:wards?)?\s+|onto\s+|on\s+|at\s+|in(?:to)?\s+)?(?:the\s+|its\s+|their\s+)?(?:far\s+|very\s+)?"
    r"(?P<side>(?:top|upper|bottom|lower)[- ](?:left|right)|left(?:wards?)?|right(?:wards?)?|up(?:wards?)?"
    r"|down(?:wards?)?|top|bottom|higher|lower)(?:[- ]hand)?(?:\s+(?:side|edge|corner|part|half))?"
    r"(?:\s+of the (?:table|screen|view|canvas))?"
    r"(?:\s+(?:a little|a bit|slightly))?"
)
PLACE = (
    r"(?P<where>\s+(?:on|onto|in|into|over|above|under|below|next to|beside|behind|in front of|around|near|between|at"
    r"|inside|against)\s.+)"
)
SOME_NEW = r"(?:a|an|some|another|more|two|three|four|five|many|several)\s"
MOVE = (
    r"(?:move|slide|glide|drift|float|shift|push|pull|drag|bring|roll|nudge|relocate|carry|send|scoot|transport"
    r"|translate)"
)
PERCENT = r"\d+(?:\.\d+)? percent"
TIMES = (
    r"(?:(?:\d+(?:\.\d+)?|two|three|four|five|six|seven|eight|nine|ten|a hundred|many|several) times"
    r"|twice|double|triple)"
)
MUCH = rf"(?:(?:much|a lot|a bit|a little|slightly|even|way|very|really|far|{PERCENT}|{TIMES})\s+)*"
WHOLE = rf"(?:(?:(?:the|this|my)\s+)?(?:whole |entire )?{PICTURE}|it|this|that|everything)"
BACKGROUND = (
    r"(?:(?:the|this|that|my|his|her|its|their|a|an)\s+)?(?:(?:whole|entire|old|current|existing|original|plain"
    r"|white|black"
    r"|gr[ae]y|green|blue|red|boring|ugly|busy|cluttered|blurry|dark|bright)\s+)*"
    r"(?:background|backdrop|scenery|surroundings?|environment)"
    rf"(?:\s+(?:behind|of|around|in)\s+(?:(?:the|this|my|his|her)(?:\s\w+){{1,3}}?|it|him|her|them|{PICTURE}))?"
)
# What a whole scene can be, unlike "a box" or "a lake", into which a thing can be put.
LANDSCAPE = (
    r"(?:(?:[\w'-]+\s+){0,3}(?:beach|forest|woods|desert|jungle|rainforest|city|cityscape|skyline|street|alley"
    r"|garden|park"
    r"|field|meadow|mountains?|valley|canyon|village|town|countryside|wilderness|savannah?|swamp|island|farm|vineyard"
    r"|office|kitchen|bedroom|bathroom|living room|classroom|library|studio|restaurant|cafe|caf\u00e9|castle"
    r"|church|hospital"
    r"|museum|stadium|gym|supermarket|market|train station|airport|cave|palace|temple|theater|theatre|ballroom"
    r"|rooftop|highway|landscape|wonderland|world|planet|spaceship|space station|moon|sunset|sunrise|night sky"
    r"|starry sky|waterfall|galaxy)"
    r"|(?:outer )?space|(?:deep )?snow|underwater)(?:\s(?:at|with|by|during|full of|of|in|on)\s.+)?"
)
COUNT = (
    r"(?:half an?|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|several|many|some|a few|a couple of|(?:a|one|two|three|five) (?:hundred|thousand)|\d+)"
)
TIME = rf"{COUNT}\s+(?:second|minute|hour|day|night|week|month|year|decade|century|centurie)s?"
DAYTIME = (
    r"(?P<y>(?:a |an )?(?:night|nighttime|day|daytime|daylight|sunset|sunrise|dawn|dusk|evening|morning|noon|winter"
    r"|summer|spring|autumn|fall|rain|rainy|raining|snow|snowy|snowing|foggy|misty|sunny|cloudy|overcast|stormy|windy)"
    r"(?: (?:day|night|evening|morning|weather|time))?)"
)
STATES = (
    r"(?P<y>(?:(?:very|really|completely|all)\s+)?(?:happy|sad|angry|surprised|scared|tired|sleepy|old|young|wet|dry"
    r"|dirty|clean|burnt|burned|empty|full|shiny|wooden|furry|fluffy|muscular|fat|thin|slim|bald|bright|dark|warm"
    r"|cold|hot|frozen|rusty|dusty|muddy|round|square|tall|long|short|wide|narrow|rough|smooth|hairy|sick|healthy"
    r"|ripe|rotten|curly|straight|messy|tidy|broken|wrinkled|glowing|striped|spotted)|"
    + MUCH
    + r"(?:(?:more|less)\s+[a-z]+|(?:tall|long|short|wid|narrow|thick|thinn|high|low|deep|bright|dark|light"
    r"|warm|cold|cool|hott|old|young|soft|hard|smooth|rough|fatt|slimm|heavi|happi|sadd|angri|pretti|clean|dirti|wett"
    r"|dri|full|empti|round|strong|weak|calm|new|fresh|straight|curli|messi|fluffi|shini|cut|scari|funni|sleepi|redd"
    r"|green|blu|pal)er))"
)
SIZE_OR_STATE = re.compile(
    rf"{STATES}|{MUCH}(?:big|bigger|large|larger|huge|giant|small|smaller|little|tiny|tinier|flat|gone|invisible)",
    re.IGNORECASE,
)
TWICE = (  # as big as what
    rf"(?:(?:to|by)\s+)?(?:about\s+)?(?:half|one half|a half|a third|a quarter|{TIMES})"
    r"\s+(?:as (?:big|large|small)|(?:of )?(?:(?:its|their|his|her|the) )?(?:\w+ )?size|big|large|small)"
    r"(?:\s+(?:as|than) (?:before|now|it is(?: now)?))?"
)
TWICE_AS = (  # what is no size: "twice as tall"
    rf"(?P<y>(?:about\s+)?(?:half|{TIMES})\s+as\s+(?:tall|high|long|wide|thick|deep|short|thin|narrow|bright|dark|old"
    r"|young|strong|heavy|fluffy))(?:\s+as (?:before|now|it is(?: now)?))?"
)
_SHARP = (
    r"(?:(?:very|really|perfectly|much|more|nice and)\s+)*(?:sharp(?:er)?|clear(?:er)?|crisp(?:er)?|focused|in focus"
    r"|(?:less|not|no longer|not so) (?:blurry|blurred|fuzzy))"
)
SHARPNESS = rf"(?:{_SHARP}(?:(?:,| and|, and) {_SHARP})*(?: again)?)"
PARTICIPLES = {
    "broken": "break",
    "smashed": "smash",
    "shattered": "shatter",
    "cracked": "crack",
    "torn": "tear",
    "ripped": "rip",
    "split": "split",
    "sliced": "slice",
    "exploded": "explode",
    "crumbled": "crumble",
    "melted": "melt",
    "opened": "open",
    "closed": "close",
    "shut": "close",
    "removed": "remove",
    "deleted": "remove",
    "erased": "erase",
    "vanished": "vanish",
    "disappeared": "disappear",
    "bent": "bend",
    "peeled": "peel",
    "folded": "fold",
    "frozen": "freeze",
    "rotated": "rotate",
    "flipped": "flip",
    "flattened": "flatten",
    "crushed": "crush",
    "squashed": "squash",
    "squished": "squish",
    "crumpled": "crumple",
    "turned": "turn",
    "switched": "switch",
    "painted": "paint",
    "dyed": "dye",
    "recolored": "recolor",
    "recoloured": "recolour",
    "moved": "move",
    "shifted": "shift",
    "raised": "raise",
    "lowered": "lower",
    "replaced": "replace",
    "wilted": "wilt",
    "withered": "wither",
    "rusted": "rust",
    "ripened": "ripen",
    "stacked": "stack",
    "swapped": "swap",
    "cooked": "cook",
    "fried": "fry",
    "toasted": "toast",
    "straightened": "straighten",
    "burst": "burst",
    "popped": "pop",
    "inflated": "inflate",
    "deflated": "deflate",
    "enlarged": "enlarge",
    "shrunk": "shrink",
    "shrunken": "shrink",
    "grown": "grow",
    "fallen": "fall",
    "toppled": "topple",
    "tipped": "tip",
    "knocked": "knock",
    "dropped": "drop",
    "collapsed": "collapse",
    "tilted": "tilt",
    "open": "open",
    "cut": "cut",
    "sharpened": "sharpen",
    "filled": "fill",
    "emptied": "empty",
    "cleaned": "clean",
    "spilled": "spill",
    "hatched": "hatch",
    "sunk": "sink",
    "risen": "rise",
    "lit": "light",
    "bloomed": "bloom",
    "eaten": "eat",
}
