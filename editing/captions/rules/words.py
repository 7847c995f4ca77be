"""English words for `spelling`: those that it corrects to, and right ones that it would take for a slip of them."""

from __future__ import annotations

NOUNS = frozenset(
    (
        # shapes
        "circle square triangle star heart hexagon cross diamond rectangle teardrop droplet ring donut hoop ball disc "
        "sphere cube block cone pyramid gem rhombus stick bar bubble object thing shape "
        # people
        "person people man men woman women child children friend baby girl boy lady guest player dancer king queen "
        "knight soldier robot "
        # body
        "face hair eye mouth nose beard moustache mustache head hand finger arm shoulder "
        # clothes
        "shirt dress jacket coat trousers shoe sneaker hat glove scarf glasses sunglasses necklace helmet crown mask "
        "backpack umbrella "
        # animals
        "dog cat horse bird rabbit bear wolf fish elephant lion tiger monkey giraffe penguin chicken butterfly dolphin "
        "turtle squirrel spider snake kitten puppy monster dragon "
        # buildings
        "house building tower castle bridge church window door wall floor ceiling roof fence garden street road "
        "sidewalk kitchen bathroom bedroom "
        # furniture
        "table chair sofa couch pillow blanket curtain carpet mirror lamp candle lantern picture painting poster clock "
        "fridge drawer shelf cabinet bed "
        # things at hand
        "bottle glass plate bowl spoon knife cup basket bucket box bag book newspaper pencil pen key computer laptop "
        "keyboard monitor screen television phone telephone camera guitar piano toy balloon "
        # food
        "apple banana orange strawberry cherry lemon watermelon tomato potato carrot onion bread cheese cake cookie "
        "pizza burger sandwich coffee chocolate egg "
        # vehicles
        "vehicle car bus van bicycle motorbike motorcycle truck train airplane plane helicopter rocket wheel boat ship "
        "tractor "
        # nature
        "tree flower plant leaf leaves grass forest mountain beach ocean river lake island desert waterfall sunset "
        "sunrise cloud sky moon sun rainbow storm snow snowman fire smoke water stone rock "
        # pictures
        "image photo photograph background foreground backdrop scene shadow reflection light color colour logo letter"
    ).split()
)
COLORS = frozenset(
    "orange yellow green blue purple violet pink brown black white gray grey cyan magenta turquoise golden silver "
    "beige crimson blonde transparent".split()
)
DIRECTIONS = frozenset(
    "left right upwards downwards leftwards rightwards bottom middle center centre corner side clockwise "
    "counterclockwise anticlockwise upside".split()
)
STATES = frozenset(
    (
        # size
        "small smaller smallest large larger largest bigger biggest huge giant tiny tinier little taller shorter "
        "longer wider narrow thicker thinner "
        # light and focus
        "bright brighter dark darker lighter sharp sharper blurry clear clearer "
        # mood and age
        "happy angry surprised scared tired sleepy smiling sleeping young older younger muscular bald "
        # condition
        "dirty clean empty shiny fluffy frozen rusty round straight broken striped invisible burning "
        # what it is made of
        "metal plastic leather marble wooden"
    ).split()
)
OTHERS = frozenset(
    (
        # where
        "with into from onto behind under above below beside between front inside around over towards toward next "
        "through away apart down position place "
        # how much, how
        "half twice double percent times degrees size slowly completely slightly much more "
        # which
        "this that these those there them their everything everyone "
        # when
        "then second minute hour year night morning evening winter summer autumn spring "
        # asking
        "should would could please"
    ).split()
)
# What people mistype or shorten most, read without a word about it.
USUAL_SLIPS = {
    "teh": "the",
    "hte": "the",
    "pls": "please",
    "plz": "please",
    "mak": "make",
    "maek": "make",
    "amke": "make",
    "remvoe": "remove",
    "romove": "remove",
    "remov": "remove",
    "delte": "delete",
    "chnage": "change",
    "chage": "change",
    "repalce": "replace",
    "trun": "turn",
    "tunr": "turn",
    "rotat": "rotate",
    "opne": "open",
    "colse": "close",
    "moev": "move",
    "bg": "background",
    "mke": "make",
    "infront": "in front",
}
# Common words that the rules do not know and that are one slip away from a word that they know: "tried" is no "tired".
# Written by hand. Their forms ("songs", "shopping") and those of known words need no entry.
REAL_WORDS = frozenset(
    """
    act arise bard bare beak beat being bellow bid bloc blond blurt boar boast boom bra bred bride brow bust cache
    cap case cash char clan clasp click coast compute con concert coo cost cot cove covert covet crow crumb cub cue
    cusp dad dessert dirt dive drip droop drove drunk ease east era fatten fax fed fiend file fine fir flop flue
    fluff font form free glad globe gown grind guess gust hart hear hole hope horde inert jig keel knee lad lap
    lather lens lest linger loft log loin loner male mass meal mobster money mono moth muddle node noose odor pace
    pain pane pant pay peek pest pike pill pit pose pout pry puck rabbi raid raisin ram rib rid rivet rod rode root
    rover rung sack sacred sale salt sash scar seep self sell sense shin shop sift sign simmer sin site slate slit
    sliver soda solder solve song soon sow spit sprig sprung stake state steep stock stoke stoop string strip stuck
    subset surge swung tale talk tar taste tea tee thicket tick tile tin title tress trick tried trough try tsar
    tuck tune unite urn wage wake widow win wine wise wit wrote zoo
    """.split()
)
