"""Temporal captions: what people type becomes what a video shows."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from if_edit.editing.captions.rules import CAMERA_STILL, temporal_caption
from if_edit.editing.captions.rules.english import participle, past, plural_verb, progressive, thing, third_person
from if_edit.editing.captions.rules.words import REAL_WORDS

# instruction, family, what the caption must say, end state
EDITS = [
    ("move the red circle to the left", "move", "slides to the left and comes to rest on the left", "on the left side"),
    ("Push the blue cube right.", "move", "The blue cube slowly slides to the right", "on the right side"),
    ("slide the star upwards", "move", "slides up and comes to rest near the top", "near the top"),
    ("the ring moves down", "move", "The ring slowly slides down", "near the bottom"),
    ("move the cup a bit to the right", "move", "slides a little to the right", "a little further to the right"),
    ("shift the heart leftwards", "move", "to the left", "on the left side"),
    ("put the cup next to the plate", "move", "The cup slowly moves next to the plate", "has moved next to the plate"),
    ("swap the cup and the plate", "move", "move past each other and trade places", "have traded places"),
    ("make the balloon bigger", "grow", "The balloon slowly grows bigger and bigger", "much larger than before"),
    ("inflate the balloon", "grow", "inflates and grows", "inflated"),
    ("enlarge the cone", "grow", "The cone slowly grows", "much larger"),
    ("shrink the star", "shrink", "shrinks smaller and smaller", "much smaller than before"),
    ("deflate the ball", "shrink", "deflates and shrinks", "deflated"),
    ("make the two balls tiny", "shrink", "The two balls slowly shrink", "The two balls are much smaller"),
    ("remove the red ball", "vanish", "fades away until it is completely gone", "The red ball is gone."),
    ("get rid of the shadow", "vanish", "The shadow slowly fades away", "The shadow is gone."),
    ("make the ring disappear", "vanish", "The ring slowly fades away", "The ring is gone."),
    ("make the red ball blue", "recolour", "until it is completely blue", "has become completely blue"),
    ("turn the cube green", "recolour", "The cube slowly changes color", "completely green"),
    ("paint the heart dark purple", "recolour", "completely dark purple", "completely dark purple"),
    ("change the colour of the ring to yellow", "recolour", "The ring slowly changes color", "completely yellow"),
    ("change the star's color to pink", "recolour", "The star slowly changes color", "completely pink"),
    ("I'd like the car to be red", "recolour", "The car slowly changes color", "completely red"),
    ("rotate the cube clockwise", "rotate", "rotates clockwise in place", "has turned clockwise"),
    ("turn the cup upside down", "rotate", "upside down", "turned upside down"),
    ("spin the star to the left by 90 degrees", "rotate", "to the left by 90 degrees", "to the left by 90 degrees"),
    ("tilt the heart to the right", "rotate", "tilts to the right", "is tilted to the right"),
    ("drop the ball", "fall", "falls down, lands and then lies still", "has fallen down"),
    ("make the apples fall off the tree", "fall", "fall down off the tree, land", "have fallen down off the tree"),
    ("knock over the vase", "fall", "tips over, falls onto its side", "lies on its side"),
    ("melt the cube", "melt", "melts into a flat puddle", "has melted"),
    ("squash the heart", "flatten", "pressed down, lower and wider", "is flat"),
    ("make the ball flat", "flatten", "pressed down", "is flat"),
    ("smash the window", "break", "cracks and breaks apart into pieces", "broken into pieces"),
    ("tear the paper in half", "break", "a rip opens", "torn into pieces"),
    ("the balloon pops", "break", "bursts", "has burst"),
    ("bring the picture into focus", "focus", "The picture slowly comes into focus", "sharp and clear"),
    ("deblur", "focus", "The whole picture slowly comes into focus", "sharp and clear"),
    ("sharpen the image", "focus", "soft, blurry edges turn crisp", "The image is sharp and clear."),
    ("nothing moves", "still", "Nothing moves and nothing changes.", "as it did at the start"),
    ("keep everything still", "still", "Nothing moves", "as it did at the start"),
    ("A perfectly still video, enhanced clarity, fixed camera.", "still", "sharp and clear", "as it did at the start"),
    ("add a cat on the sofa", "add", "A cat slowly appears on the sofa", "There is a cat on the sofa."),
    ("put a hat on the dog", "add", "A hat slowly appears on the dog", "There is a hat on the dog."),
    ("add clouds", "add", "Clouds slowly appear", "There are clouds."),
    ("give the man a beard", "add", "The man slowly gets a beard", "The man has a beard."),
    ("replace the dog with a cat", "replace", "until it has become a cat", "The dog has become a cat."),
    ("turn the caterpillar into a butterfly", "replace", "has become a butterfly", "has become a butterfly"),
    ("open the door", "open", "The door slowly opens", "fully open"),
    ("close her eyes", "close", "Her eyes slowly close", "Her eyes are fully closed."),
    ("turn on the lamp", "switch", "The lamp turns on", "The lamp is on."),
    ("turn the photo into a pencil sketch", "style", "looks like a pencil sketch", "looks like a pencil sketch"),
    ("in the style of Van Gogh", "style", "the style of Van Gogh", "the style of Van Gogh"),
    ("make the man bow", "pose", "The man bows", "The man is bowing."),
    ("the girls wave at the camera", "pose", "The girls wave at the camera", "are waving at the camera"),
    ("raise the man's left arm", "pose", "The man's left arm slowly moves up", "is raised"),
    ("show the candle after one hour", "time", "the candle changes step by step", "looks as it does after one hour"),
    ("what does the ice look like after 2 hours", "time", "the ice changes", "after 2 hours"),
    ("ten years later", "time", "within ten years", "after ten years"),
    ("make it night", "light", "until it is night", "It is night."),
    ("make it rain", "light", "until it is raining", "It is raining."),
    ("fill the glass with water", "fill", "The glass slowly fills with water", "full of water"),
    ("freeze the lake", "freeze", "Ice slowly spreads over the lake", "frozen solid"),
    ("make the statue out of gold", "material", "until it is made of gold", "made of gold"),
    ("the traffic light turns green", "recolour", "The traffic light slowly changes color", "completely green"),
    ("make the sky purple", "recolour", "The sky slowly changes color", "completely purple"),
    ("enlarge the circle a bit", "grow", "The circle slowly grows", "a little larger than before"),
    ("take the hat off the man's head", "vanish", "taken off the man's head", "The hat is gone."),
    ("hide the cup behind the plate", "move", "behind the plate until it is hidden", "hidden behind the plate"),
    ("blow up the building", "break", "explodes into flying pieces", "has exploded"),
    ("make the man open his mouth", "pose", "The man opens his mouth", "is opening his mouth"),
    ("make the blue drink bigger", "grow", "The blue drink slowly grows", "much larger"),
    ("pour the water into the glass", "pour", "is poured into the glass", "been poured into the glass"),
    ("make the girl's hair longer", "become", "until it is longer", "The girl's hair is longer."),
]


@pytest.mark.parametrize(("instruction", "family", "says", "ends"), EDITS, ids=[edit[0] for edit in EDITS])
def test_the_kind_of_edit_is_recognised_and_told_as_a_process(instruction, family, says, ends):
    result = temporal_caption(instruction)
    assert result.family == family
    assert says in result.caption
    assert ends in result.end_state
    assert result.caption.endswith(CAMERA_STILL)
    assert len(result.caption.split()) <= 45


def test_the_caption_reads_process_then_what_stays_then_the_camera():
    assert temporal_caption("move the red circle to the left").caption == (
        "The red circle slowly slides to the left and comes to rest on the left side. "
        "Everything else stays exactly as it is. The camera stays still."
    )


@pytest.mark.parametrize(
    ("instruction", "family"),
    [
        ("zoom in on the cat", "zoom"),
        ("zoom out", "zoom"),
        ("pan left", "pan"),
        ("show the chair from above", "viewpoint"),
    ],
)
def test_only_an_edit_of_the_camera_moves_it(instruction, family):
    result = temporal_caption(instruction)
    assert result.family == family
    assert "The camera slowly" in result.caption
    assert CAMERA_STILL not in result.caption


@pytest.mark.parametrize(
    ("instruction", "sentence"),
    [
        ("make the apples smaller", "The apples slowly shrink smaller and smaller until they are much smaller"),
        ("remove the bananas", "The bananas slowly fade away until they are completely gone"),
        ("make the girl's hair blonde", "The girl's hair slowly changes color, bit by bit, until it is"),
        ("paint the girls' dresses red", "The girls' dresses slowly change color, bit by bit, until they are"),
        ("move the bus to the left", "The bus slowly slides to the left"),
        ("move the box of apples to the left", "The box of apples slowly slides to the left"),
        ("move the apples on the table to the left", "The apples on the table slowly slide to the left"),
        ("move him to the left", "He slowly slides to the left"),
        ("make the woman green", "until she is completely green"),
        ("make the child wave", "The child waves"),
        ("remove all the people in the background", "All the people in the background slowly fade away until they are"),
        ("move red ball left", "The red ball slowly slides to the left"),
        ("move John to the left", "John slowly slides to the left"),
        ("make the red and the blue ball green", "The red and the blue ball slowly change color"),
    ],
)
def test_number_and_possession_follow_english_grammar(instruction, sentence):
    assert sentence in temporal_caption(instruction).caption


@pytest.mark.parametrize(
    "wording",
    [
        "Please make the ball blue!",
        "could you make the ball blue, please",
        "The ball should be blue",
        "I want the ball to be blue",
        "the ball turns blue",
        "make the ball blue in the picture",
        "make the ball blue, keep everything else the same",
        "Make the ball blue without changing anything else.",
        "  make\n the   ball blue ",
    ],
)
def test_politeness_word_order_and_frills_do_not_change_the_caption(wording):
    assert temporal_caption(wording) == temporal_caption("make the ball blue")


# what a plain instruction says, and other ways to ask for the very same
REWORDED = {
    "move the red ball to the left": """
        I want the red ball to slide all the way to the left
        I'd like the red ball to move over to the left
        have the red ball drift to the left side of the picture
        let the red ball float to the left
        the red ball should glide over to the left side
        make the red ball go all the way to the left
        can the red ball move to the left?
        would you mind moving the red ball to the left?
        it would be nice if the red ball moved to the left
        I need the red ball moved to the left
        I want the red ball on the left
        the red ball should be on the left
        the red ball has moved to the left""",
    "move the red ball up": """
        I want the red ball to slide all the way to the top
        have the red ball drift to the top of the picture
        make the red ball go up
        the red ball should be at the top""",
    "roll the red ball to the left": "I want the red ball to roll all the way to the left",
    "make the red ball bigger": """
        scale the red ball up
        size the red ball up
        the red ball gets much bigger
        I want the red ball bigger
        I want a bigger red ball
        make the red ball twice as big
        the red ball should grow to twice its size
        double the size of the red ball
        increase the red ball's size
        the red ball has grown""",
    "inflate the red ball": "blow the red ball up like a balloon",
    "make the red ball smaller": """
        scale the red ball down
        can you shrink the red ball down?
        I'd like the red ball to shrink to half its size
        shrink the red ball by half
        make the red ball half as big
        cut the size of the red ball in half
        let the red ball get smaller
        reduce the red ball's size""",
    "remove the red ball": """
        I want the red ball gone
        I'd like the red ball to be gone
        I want the red ball to go away
        take the red ball out of the picture
        I don't want the red ball anymore
        there should be no red ball
        the red ball shouldn't be there
        could the red ball be removed?
        the red ball has vanished""",
    "make the red ball blue": """
        could you make the red ball blue instead?
        make the red ball blue instead of red
        I want the red ball blue
        I'd like the red ball in blue
        the red ball becomes blue
        the red ball has turned blue
        give the red ball the color blue
        the red ball changes its color to blue
        the color of the red ball should be blue
        turn the red ball into a blue one""",
    "rotate the red bar a quarter turn clockwise": """
        give the red bar a quarter turn clockwise
        give the red bar a clockwise quarter turn
        have the red bar make a quarter turn clockwise""",
    "rotate the red bar a half turn clockwise": """
        give the red bar a half turn clockwise
        give the red bar half a turn in the clockwise direction""",
    "rotate the red bar clockwise by 90 degrees": """
        give the red bar a 90-degree clockwise turn
        turn the red bar 90\u00b0 clockwise
        I want the red bar rotated 90 degrees clockwise""",
    "rotate the red bar clockwise": """
        give the red bar a clockwise spin
        make the red bar go clockwise
        turn the red bar in the clockwise direction""",
    "melt the red ball": """
        make the red ball look melted
        make the red ball look like it is melting
        the red ball should look melted
        the red ball has melted
        the red ball is melting
        a melted red ball""",
    "flatten the red ball": """
        make the red ball look squashed
        the red ball should be flat
        make the red ball as flat as a pancake""",
    "break the red ball": """
        make the red ball fall apart
        the red ball falls to pieces
        have the red ball go to pieces
        make the red ball look broken
        I want the red ball in pieces
        the red ball broke
        the broken red ball""",
    "fall the red ball over": """
        the red ball has fallen over
        the red ball fell over
        knock over the red ball""",
    "deblur": """
        get rid of the blur
        I want the blur gone
        no more blur
        make it less blurry
        it shouldn't be blurry
        make it crisp and clear
        increase the sharpness of the image""",
    "sharpen everything": """
        can you make everything crisp and clear?
        everything should be sharp and clear
        I want everything in focus""",
    "sharpen the image": """
        make the image nice and sharp
        the image should not be blurry
        the image should look sharp and clear""",
    "keep everything still": """
        everything should stay still
        everything must stay exactly as it is
        I want nothing to move
        I don't want anything to move
        make everything stay still
        leave everything the way it is
        the picture should not change""",
    "open the door": """
        the door is open
        I want the door open
        the door has been opened
        an open door""",
    "turn off the lights": """
        the lights are off
        I want the lights off""",
    "fill the glass with water": "the glass is full of water",
    "make the man sit down": """
        the man sat down
        the man begins to sit down
        I want the man to sit down""",
    "make the dog run": """
        the dog is running
        the dog starts running
        I'd like to see the dog running""",
    "put the cup on the shelf": """
        I want the cup on the shelf
        the cup should be on the shelf""",
    "move the cup where the plate is": "put the cup where the plate is",
    "move the train into the tunnel": "make the train go into the tunnel",
}
PAIRS = [(text.strip(), plain) for plain, texts in REWORDED.items() for text in texts.strip().split("\n")]


@pytest.mark.parametrize(("wording", "plain"), PAIRS, ids=[wording for wording, _ in PAIRS])
def test_the_same_edit_in_other_words_has_the_same_caption(wording, plain):
    assert temporal_caption(plain).family != "unknown"
    assert temporal_caption(wording) == temporal_caption(plain)


@pytest.mark.parametrize(
    ("instruction", "family", "end_state"),
    [
        ("put the smallest cup where the plate is", "move", "The smallest cup has moved to where the plate is."),
        ("sort the balls by size", "move", "The balls are sorted by size."),
        ("move the chair out of the picture", "vanish", "The chair is gone."),
        ("I want a hat on the dog", "add", "There is a hat on the dog."),
        ("the old man in the red coat waves", "pose", "The old man in the red coat is waving."),
        ("the snow has melted", "melt", "The snow has melted into a flat puddle."),
        ("blow the candle out", "burn", "The candle is out."),
    ],
)
def test_states_places_and_longer_names_are_understood(instruction, family, end_state):
    result = temporal_caption(instruction)
    assert (result.family, result.end_state) == (family, end_state)


@pytest.mark.parametrize(
    ("instruction", "end_state"),
    [
        ("make the cup fall and disappear", "The cup is gone."),
        ("open the door and close it", "The door is fully closed."),
        ("turn the lamp on and then turn it off", "The lamp is off."),
        ("make the ball grow and then shrink", "The ball is much smaller than before."),
        ("move the ball left then move it right", "The ball is at rest on the right side."),
        ("make the ball blue and then make it red", "The ball has become completely red."),
        ("remove the cup and open the door", "The cup is gone, and the door is fully open."),
        ("remove John and make Mary smile", "John is gone, and Mary is smiling."),
        ("the cup has fallen over and broken", "The cup lies on its side, and it is broken into pieces."),
    ],
)
def test_the_end_state_of_several_edits_tells_what_holds_in_the_end(instruction, end_state):
    result = temporal_caption(instruction)
    assert result.family == "several"
    assert result.end_state == end_state


@pytest.mark.parametrize(
    ("instruction", "process", "end_state"),
    [
        ("could you solve the maze, please?", "Solve the maze.", "This has been done: solve the maze."),
        ("Hey, can you please make it better?!", "Make it better.", "This has been done: make it better."),
        ("SOLVE THE MAZE!!!", "Solve the maze.", "This has been done: solve the maze."),
        ('"solve the maze"', "Solve the maze.", "This has been done: solve the maze."),
        (
            'change the text to "HELLO"',
            'Change the text to "HELLO".',
            'This has been done: change the text to "HELLO".',
        ),
        ("asdf qwer", "Asdf qwer.", "This has been done: asdf qwer."),
        ("please?", "Please.", "This has been done: please."),
        (
            "I'd like the two friends to argue about money",
            "The two friends argue about money.",
            "The two friends argue about money.",
        ),
        ("the plan has to make more sense", "The plan makes more sense.", "The plan makes more sense."),
        (
            "the boxes should be arranged like a castle",
            "The boxes are arranged like a castle.",
            "The boxes are arranged like a castle.",
        ),
        ("the dog wears a hat", "The dog wears a hat.", "The dog wears a hat."),
        ("I want a cat", "There is a cat.", "There is a cat."),
        ("Solve the maze", "Solve the maze.", "This has been done: solve the maze."),
        ("Fix this", "Fix this.", "This has been done: fix this."),
        ("Van Gogh mood", "Van Gogh mood.", "This has been done: Van Gogh mood."),
        ("Anna plays chess", "Anna plays chess.", "This has been done: Anna plays chess."),
        ("HDR look", "HDR look.", "This has been done: HDR look."),
        (
            "A dog wearing a hat",
            "The scene gradually comes to show a dog wearing a hat.",
            "The scene shows a dog wearing a hat.",
        ),
        (
            "a dog wearing a hat",
            "The scene gradually comes to show a dog wearing a hat.",
            "The scene shows a dog wearing a hat.",
        ),
    ],
)
def test_what_is_passed_on_is_a_plain_sentence_of_the_wish(instruction, process, end_state):
    result = temporal_caption(instruction)
    assert result.family == "unknown"
    assert result.caption == f"{process} Everything else stays exactly as it is. {CAMERA_STILL}"
    assert result.end_state == end_state


@pytest.mark.parametrize(
    "instruction",
    [
        "the ball should not fall",
        "the ball shouldn't fall",
        "I don't want the dog to move",
        "make the ball not blue",
        "nothing but the dog moves",
        "nothing changes except the sky",
        "I don't like the red car",
        "make the room look as if nobody had lived there for years",
        "give the ball a push",
        "make the sky clear",
        "the man has broken glasses",
        "a minute later the candle is melted",
        "make the book fall open",
        "the woman cut her hair",
        "the wall was painted by a child",
    ],
)
def test_what_only_looks_like_a_known_edit_is_not_taken_for_it(instruction):
    assert temporal_caption(instruction).family == "unknown"


@pytest.mark.parametrize(
    ("instruction", "sentence"),
    [
        ("the closed door opens", "The closed door slowly opens"),
        ("make the man look at the burning house", "The man looks at the burning house"),
        ("make the old cracked wall white", "The old cracked wall slowly changes color"),
        ("make the moving car red", "The moving car slowly changes color"),
        ("remove the fallen leaves", "The fallen leaves slowly fade away"),
        ("make the girl stop running", "The girl slowly stops running"),
    ],
)
def test_a_participle_before_a_thing_only_describes_it(instruction, sentence):
    assert temporal_caption(instruction).caption.startswith(sentence)


def test_edits_named_together_follow_each_other():
    result = temporal_caption("remove the cup and turn the ball blue")
    assert result.family == "several"
    assert "The cup slowly fades away" in result.caption
    assert "Then the ball slowly changes color" in result.caption
    assert result.caption.count(CAMERA_STILL) == 1
    assert result.end_state == "The cup is gone, and the ball has become completely blue."


def test_a_bare_verb_goes_on_with_the_same_thing():
    result = temporal_caption("make the cup fall off the table and break")
    assert "Then it cracks and breaks apart" in result.caption


@pytest.mark.parametrize(
    "instruction",
    [
        "solve the maze",
        "make the red ball blue and the blue ball red",
        "remove the cup but keep the plate",
        "rotate by 90 degrees",
        "paint the fence",
        "turn left",
        "turn the volume up",
        "flip the image horizontally",
        "make the flower bigger and redder",
        "let the man turn to face the camera",
        "hold the cup",
        "grow a beard",
        "leave the room",
        "\u628a\u7403\u53d8\u7ea2",
        "a red balloon",
    ],
)
def test_what_is_not_understood_is_passed_on_and_nothing_false_is_said(instruction):
    result = temporal_caption(instruction)
    assert result.family == "unknown"
    assert instruction.lower() in result.caption.lower()
    assert instruction in result.end_state
    assert "until:" not in result.caption
    assert result.caption.endswith(CAMERA_STILL)


def test_an_unknown_edit_of_the_view_is_not_told_to_hold_the_camera():
    assert CAMERA_STILL not in temporal_caption("follow the dog with a wobbly camera").caption


@pytest.mark.parametrize("instruction", ["", "   \n\t", "...", None])
def test_an_empty_instruction_says_what_to_write(instruction):
    with pytest.raises(ValueError, match="instruction is empty.*for example: move the red ball"):
        temporal_caption(instruction)


def test_the_words_of_the_person_survive_as_they_are():
    result = temporal_caption("move the {x} ball [is] <has> to the left")
    assert "The {x} ball [is] <has> slowly slides to the left" in result.caption


def test_an_instruction_that_reads_like_a_pattern_keeps_its_case():
    assert "the BBC logo" in temporal_caption("zoom in on the BBC logo").caption


WORDS = st.sampled_from(
    "make turn the a red ball it into and , . move left to of apples girl's after one hour color zoom in on keep still "
    "open his mouth 90 degrees style but while from off remove add with up by more {x} [is] their grow".split()
)


# Every line was read by a person. A rule that changes a caption changes the file, which shows in review.
GOLDEN = json.loads((Path(__file__).parent / "captions_golden.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("golden", GOLDEN, ids=[golden["instruction"] for golden in GOLDEN])
def test_the_reviewed_captions_are_written_word_for_word(golden):
    result = temporal_caption(golden["instruction"])
    corrections = {"corrections": [list(pair) for pair in result.corrections]} if result.corrections else {}
    assert golden == {
        "instruction": golden["instruction"],
        "family": result.family,
        "caption": result.caption,
        "end_state": result.end_state,
        **corrections,
    }


def test_the_reviewed_table_covers_the_kinds_of_edit_people_ask_for():
    families = {golden["family"] for golden in GOLDEN}
    assert len({golden["instruction"] for golden in GOLDEN}) == len(GOLDEN) >= 70
    assert families >= set(
        "add background become break burn cause close cook fall flatten freeze grow light melt move open pan pose"
        " recolour replace rotate shrink several stack straighten style switch time unknown vanish"
        " viewpoint zoom".split()
    )


def test_only_the_camera_edits_of_the_reviewed_table_leave_out_that_the_camera_stays_still():
    moving = [golden for golden in GOLDEN if not golden["caption"].endswith(CAMERA_STILL)]
    assert {golden["family"] for golden in moving} >= {"zoom", "pan", "viewpoint", "follow"}
    for golden in moving:
        asks_for_it = golden["family"] in ("zoom", "pan", "viewpoint", "follow")
        assert asks_for_it or re.search("camera|zoom", golden["instruction"]), golden["instruction"]


SPELLED = {
    # two letters swapped
    "mvoe the red circel to the left": "move the red circle to the left",
    "make the ball bleu": "make the ball blue",
    "move the ball to the lfet": "move the ball to the left",
    "rotate the sqaure": "rotate the square",
    "turn the rabibt white": "turn the rabbit white",
    "remove the pillwo": "remove the pillow",
    "make the whtie cat black": "make the white cat black",
    "move the botltes to the left": "move the bottles to the left",
    "move the ball to the rihgt": "move the ball to the right",
    "turn the brid into a fish": "turn the bird into a fish",
    "make the lfower bloom": "make the flower bloom",
    "reomve the chair": "remove the chair",
    "mvoe the photos to the left": "move the photos to the left",
    "mkae the car 30 % bigger": "make the car 30 % bigger",
    "can you mkae the sky 20% darker": "can you make the sky 20% darker",
    "replcae the cat with a dog": "replace the cat with a dog",
    "shrikn the star": "shrink the star",
    "palce the cup on the table": "place the cup on the table",
    "make the man simle": "make the man smile",
    # a letter left out
    "rotate the sqaure clokwise": "rotate the square clockwise",
    "chnage the backgroud to a beach": "change the background to a beach",
    "make the dog smaler": "make the dog smaller",
    "make the box biger": "make the box bigger",
    "remve the lamp": "remove the lamp",
    "delet the lamp": "delete the lamp",
    "enlare the star": "enlarge the star",
    "make the ball yelow": "make the ball yellow",
    "make the ball disapear": "make the ball disappear",
    "shater the mirror": "shatter the mirror",
    "make the buterfly blue": "make the butterfly blue",
    "peel the watermeln": "peel the watermelon",
    "replce the cat with a dog": "replace the cat with a dog",
    # a letter doubled, or a double one written once
    "make the baloon dissapear": "make the balloon disappear",
    "make the baloon pop": "make the balloon pop",
    "remove the carott": "remove the carrot",
    "remmove the lamp": "remove the lamp",
    "squeze the lemon": "squeeze the lemon",
    "melt the choccolate": "melt the chocolate",
    "open the umbrela": "open the umbrella",
    "make the woman runing": "make the woman running",
    # the key beside the right one
    "make the ball yelliw": "make the ball yellow",
    "remive the lamp": "remove the lamp",
    "replave the cat with a dog": "replace the cat with a dog",
    "deletr the lamp": "delete the lamp",
    "rotste the star": "rotate the star",
    "make the house smallwr": "make the house smaller",
    # another letter that sounds the same
    "make the sircle gren": "make the circle green",
    "move the kamera to the left": "move the camera to the left",
    "remove the kurtain": "remove the curtain",
}


@pytest.mark.parametrize(("misspelt", "right"), SPELLED.items())
def test_a_misspelt_word_is_read_as_the_word_it_stands_for_and_named(misspelt, right):
    result, meant = temporal_caption(misspelt), temporal_caption(right)
    assert (result.caption, result.end_state, result.family) == (meant.caption, meant.end_state, meant.family)
    assert meant.family != "unknown" and not meant.corrections
    for written, read in result.corrections:
        assert written in misspelt and read in right


@pytest.mark.parametrize(
    "instruction",
    [
        "make the bat red",
        "move the mouse to the left",
        "make the rode red",
        "make the waiter look up",
        "remove the bell",
        "remove the stapler",
        "make the plants grow",
        "shove the ball to the left",
        "make the lightning brighter",
        "remove Cricle from the wall",
        'remove the word "circel"',
        "that mvoe was good",  # corrected, it would still be no edit
        "make the ball brak",  # bark or break
    ],
)
def test_a_word_that_is_right_or_a_name_or_quoted_is_not_corrected(instruction):
    assert temporal_caption(instruction).corrections == ()


# Right words that look like one of the rules and that no list names. What saves them, line by line:
RIGHT_WORDS = {
    "the slip would be no usual one": (
        "mouse left|cattle left|bench left|parrot left|fountain left|socket left|skirt left|trail left|speaker left"
        "|brush the ball|invert the ball|judge the ball|praise the ball|rush the ball|slash the ball|explore the ball"
        "|make it tough|make it violent|make it blind|make it faint|make it missing|make it asleep|make it wired"
        "|make it loud|make the waiter look up|paint the wale blue|toss the ball|make the goat sober"
    ),
    "it is a form of a known word": (
        "cooling the ball|the man pushed the dog|the man reached the dog|the man touched the dog|make it tied"
        "|the man carried the dog|the man faced the dog|the man matches the dog|the man stretched the dog"
        "|the man dries the dog|make it cooled|make it matching"
    ),
    "the sentence is understood as it is": (
        "move the bats to the left|remove the boas|make the rigs blue|move the tomes to the left|make the loons jump"
        "|remove the clod|make the cornet golden|make the caste bigger|remove the cleat|turn the minuet into a waltz"
    ),
    "two words are as near": "plan left|bigger plan",
}


@pytest.mark.parametrize("instruction", "|".join(RIGHT_WORDS.values()).split("|"))
def test_a_real_word_is_left_alone_because_of_how_it_differs(instruction):
    assert not REAL_WORDS & set(instruction.split())
    assert temporal_caption(instruction).corrections == ()


@pytest.mark.parametrize("frame", ["make it {}", "{} the cup onto the box", "make the {} blue", "{} left"])
def test_a_common_word_of_the_list_is_left_alone(frame):
    assert not {word: fixed for word in REAL_WORDS if (fixed := temporal_caption(frame.format(word)).corrections)}


def test_only_the_slips_that_the_sentence_needs_are_corrected():
    result = temporal_caption("mvoe the flowr to the left")
    assert result.corrections == (("mvoe", "move"),)
    assert result.caption.startswith("The flowr slowly slides to the left")


@pytest.mark.parametrize(
    ("told", "plain"),
    [
        ("blue square -> left", "move the blue square to the left"),
        ("blue square => left", "move the blue square to the left"),
        ("blue square \u2192 left", "move the blue square to the left"),
        ("red ball -> blue", "make the red ball blue"),
        ("cat -> dog", "turn the cat into a dog"),
        ("background -> beach", "change the background to a beach"),
        ("change the cat -> dog", "turn the cat into a dog"),
        ("lamp -> off", "turn the lamp off"),
        ("ball \u2b05\ufe0f", "move the ball to the left"),
        ("blue square <-", "move the blue square to the left"),
    ],
)
def test_an_arrow_says_what_becomes_of_a_thing(told, plain):
    assert temporal_caption(told) == temporal_caption(plain)


@pytest.mark.parametrize(
    ("instruction", "end_state"),
    [
        ("make the car 50% smaller", "The car is 50 percent smaller than before."),
        ("make the car smaller by 50 %", "The car is 50 percent smaller than before."),
        ("shrink the car by fifty percent", "The car is 50 percent smaller than before."),
        ("scale the car to 50%", "The car is 50 percent smaller than before."),
        ("30 % bigger car", "The car is 30 percent larger than before."),
        ("scale the car to 130%", "The car is 30 percent larger than before."),
        ("make the car 2x bigger", "The car is much larger than before."),
        ("make the car bigger by a factor of two", "The car is much larger than before."),
        ("make the car two times smaller", "The car is much smaller than before."),
        ("shrink the car by half", "The car is much smaller than before."),
    ],
)
def test_an_amount_belongs_to_the_size_and_not_to_the_thing(instruction, end_state):
    assert temporal_caption(instruction).end_state == end_state


@pytest.mark.parametrize(
    "instruction",
    [
        "change the background to a beach",
        "replace the background with a beach",
        "make the background a beach",
        "new background: beach",
        "the background should be a beach",
        "use a beach as background",
        "swap out the background for a beach",
    ],
)
def test_a_background_changes_behind_a_subject_that_stays(instruction):
    result = temporal_caption(instruction)
    assert result == temporal_caption("put it on a beach")
    assert result.family == "background"
    assert result.caption == (
        "The scene behind the subject gradually turns into a beach, bit by bit, until nothing of the old background is "
        f"left. The subject stays exactly as it is, in the same place. {CAMERA_STILL}"
    )


PLAIN = st.sampled_from(
    [
        "make the red ball blue",
        "move the red circle to the left",
        "remove the cup",
        "make the car 50% smaller",
        "turn the cat into a dog",
        "change the background to a beach",
        "the dog sits down",
        "open the door",
    ]
)
EMOJI = st.sampled_from(
    ["\U0001f600", "\U0001f534", "\u2764\ufe0f", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469"]
)
MARKS = st.sampled_from(["", "!", "!!!", "...", "?!", " \u2026", " please!!!", " :)", " <3"])
CASES = st.sampled_from([str, str.upper, str.title, str.swapcase, str.capitalize])


@settings(max_examples=200, deadline=None)
@given(plain=PLAIN, emoji=EMOJI, place=st.integers(0, 8), marks=MARKS, case=CASES)
def test_emoji_punctuation_and_capitals_do_not_change_the_caption(plain, emoji, place, marks, case):
    words = case(plain).split()
    noisy = " ".join([*words[:place], emoji, *words[place:]]) + marks
    assert temporal_caption(noisy) == temporal_caption(plain)


@pytest.mark.parametrize(
    ("instruction", "stages"),
    [
        ("make the door red and the walls white", ["the door slowly changes color", "the walls slowly change color"]),
        ("turn the mug blue, the plate green and the bowl red", ["the mug slowly", "the plate slowly", "the bowl"]),
        ("make the ball bigger and the cube smaller", ["the ball slowly grows", "the cube slowly shrinks"]),
        ("move the cup left and the plate right", ["the cup slowly slides to the left", "the plate slowly slides"]),
        ("make the girls sit down and wave", ["the girls sit down", "they wave"]),
    ],
)
def test_what_one_verb_asks_of_several_things_follows_in_order(instruction, stages):
    result = temporal_caption(instruction)
    told = result.caption.lower()
    assert result.family == "several"
    places = [told.index(stage) for stage in stages]
    assert places == sorted(places)
    assert result.caption.count(" Then ") == len(stages) - 1


@pytest.mark.parametrize(
    "instruction",
    ["turn the red ball blue and the blue ball red", "make the dog sit and the cat jump", "turn the volume to the max"],
)
def test_what_would_read_wrong_in_stages_is_passed_on(instruction):
    assert temporal_caption(instruction).family == "unknown"


def test_a_list_too_long_for_one_video_is_passed_on_in_the_words_of_the_person():
    instruction = ", ".join(f"remove the {thing}" for thing in "cup fork knife spoon plate bowl".split())
    assert temporal_caption(instruction).caption.startswith(f"Remove{instruction[6:]}. Everything else")


def test_what_cannot_be_printed_does_not_reach_the_caption():
    result = temporal_caption("make\x00the\u200b ball\u2028 blue\x1b")
    assert result == temporal_caption("make the ball blue")


@pytest.mark.parametrize(
    "text", ["make the ", "the a and ", "remove it, ", "please ", "I want ", " thanks", "\"'!?. a"]
)
def test_a_very_long_text_is_answered_at_once(text):
    start = time.perf_counter()
    temporal_caption(text * 5000)
    assert time.perf_counter() - start < 5


SAID = st.sampled_from([golden["instruction"] for golden in GOLDEN] + [wording for wording, _ in PAIRS])
FRAMES = st.sampled_from(
    [
        "{}",
        "could you {}, please?",
        "I want {}",
        "I'd like {} gone",
        "make {}",
        "{} should be broken",
        "{} has fallen",
        "the {} is {}",
        "{} and {}",
        "{}, then {}",
        "I don't want {}",
        "give {} a turn",
        "{} to half its size",
        "there is no {}",
        "it would be nice if {}",
        "'{}'",
    ]
)
SPLICED = st.builds(lambda frame, one, two: frame.replace("{}", one, 1).replace("{}", two), FRAMES, SAID, SAID)
SHUFFLED = SAID.flatmap(lambda said: st.permutations(said.split()).map(" ".join))


@settings(max_examples=600, deadline=1000)
@given(
    st.one_of(
        st.text(min_size=1, max_size=400), st.lists(WORDS, min_size=1, max_size=40).map(" ".join), SPLICED, SHUFFLED
    )
)
@example("then")  # politeness and nothing else
@example("IN\u2190")  # an arrow from nowhere
@example("please pls could you?")
@example("remove it, " * 30)
@example("I want to be")
@example("give a turn")
def test_any_text_gives_a_clean_caption_and_quickly(instruction):
    if not re.search(r"\w", instruction):
        return
    result = temporal_caption(instruction)
    assert result == temporal_caption(instruction)
    for text in (result.caption, result.end_state):
        assert text.endswith(".")
        assert "  " not in text
        assert text.isprintable()
        assert not set("[]{}<>") & set(text) - set(instruction)  # no slot of a pattern is left open
        assert text[0] == text[0].upper()
    assert result.caption.count(CAMERA_STILL) <= 1 or CAMERA_STILL in instruction
    assert len(result.caption) <= len(instruction) + 400


def test_verbs_agree_in_all_forms():
    assert [plural_verb(verb) for verb in ("slides", "vanishes", "is", "has", "lies", "cries")] == [
        "slide",
        "vanish",
        "are",
        "have",
        "lie",
        "cry",
    ]
    assert [third_person(verb) for verb in ("bow", "cry", "push", "go")] == ["bows", "cries", "pushes", "goes"]
    assert [progressive(verb) for verb in ("wave", "sit", "lie", "bow")] == ["waving", "sitting", "lying", "bowing"]
    assert [progressive(verb) for verb in ("grab", "flip", "squat")] == ["grabbing", "flipping", "squatting"]
    done = {"jump": "jumped", "tie": "tied", "drop": "dropped", "carry": "carried", "take": "taken"}
    assert {verb: participle(verb) for verb in done} == done
    did = {"fall": "fell", "drop": "dropped", "jump": "jumped", "slide": "slid"}
    assert {verb: past(verb) for verb in did} == did


@pytest.mark.parametrize(
    ("words", "plural"),
    [
        ("the glass", False),
        ("the canvas", False),
        ("one of the cups", False),
        ("everything", False),
        ("the cat with the big eyes", False),
        ("the black and white cat", False),
        ("the black and white cats", True),
        ("all the water", False),
        ("all of the cups", True),
        ("the children's toy", False),
        ("the dog's ears", True),
        ("the bananas", True),
        ("the people", True),
        ("the cup and the plate", True),
    ],
)
def test_singular_and_plural_are_told_apart(words, plural):
    assert thing(words).plural is plural
