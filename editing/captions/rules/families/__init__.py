"""The families of edits, and the order in which their rules are asked: the first that matches wins.

Wide wordings come after narrow ones. "Turn the lamp on" must meet the switches before it meets turning, "turn the
caterpillar into a butterfly" must meet replacing before rotating, and "put the cup somewhere" comes last of all.
"""

from . import actions, appearance, background, camera_focus, matter, places, presence, scene, shapes, sizes, turns
from .rule import Rule

RULES: tuple[Rule, ...] = (
    *camera_focus.RULES,
    *scene.RULES,
    *background.RULES,
    *appearance.RULES,
    *places.TRADING_PLACES,
    *actions.RULES,
    *scene.AFTER_ACTIONS,
    *places.RULES,
    *matter.SWITCHES_AND_DOORS,
    *shapes.FALLING_APART,
    *turns.RULES,
    *presence.REPLACE,
    *turns.ROTATE,
    *sizes.RULES,
    *presence.RULES,
    *shapes.RULES,
    *matter.RULES,
    *appearance.BECOMING,
    *places.TO_A_PLACE,
)
