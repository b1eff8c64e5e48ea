"""Persons."""

import colorsys

import numpy as np

from semsyn.data.toyscenes.canvas import Canvas, Sprite
from semsyn.data.toyscenes.composition import Placed, Plan
from semsyn.data.toyscenes.light import Light
from semsyn.data.toyscenes.noise import Dice, clip
from semsyn.data.toyscenes.plants import cast_shadow

_SKINS = ((0.93, 0.75, 0.62), (0.80, 0.60, 0.45), (0.55, 0.37, 0.26), (0.36, 0.24, 0.17))
_HAIRS = ((0.12, 0.09, 0.08), (0.35, 0.22, 0.12), (0.72, 0.55, 0.28), (0.55, 0.53, 0.50))
_TROUSERS = ((0.16, 0.20, 0.36), (0.22, 0.22, 0.23), (0.55, 0.47, 0.36), (0.35, 0.42, 0.55), (0.80, 0.78, 0.74))


def paint_person(canvas: Canvas, dice: Dice, light: Light, plan: Plan, thing: Placed) -> None:
    shirt = dice.jitter(colorsys.hsv_to_rgb(dice.uniform(), dice.uniform(0.15, 0.85), dice.uniform(0.4, 0.95)), 0.02)
    trousers, skin = dice.jitter(_TROUSERS[dice.integer(0, 4)], 0.04), dice.jitter(_SKINS[dice.integer(0, 3)], 0.03)
    hair, long_hair, skirt = dice.jitter(_HAIRS[dice.integer(0, 3)], 0.03), dice.chance(0.4), dice.chance(0.25)
    size, stride, swing = dice.uniform(0.9, 1.12), dice.uniform(0.04, 0.24), dice.uniform(0.05, 0.22)
    sprite = Sprite(
        canvas,
        dice,
        light,
        at=(thing.x, thing.y),
        scale=thing.scale * size,
        reach=(1.1, 1.95, 0.2),
        distance=thing.distance,
    )
    if not sprite.visible:
        return
    sprite.layer = canvas.add_layer("person", shirt, trousers, thing.distance)
    cast_shadow(sprite, 0.32, 1.7)
    u, v = sprite.u, sprite.v
    lit = 0.62 + 1.1 * sprite.light_u * clip(u, -0.3, 0.3) + 0.05 * sprite.noise("fine")
    down = clip((0.85 - v) / 0.85, 0, 1)  # 0 at the hip, 1 at the foot
    for side in (-1, 1):
        middle = side * (0.09 + stride * down)
        sprite.paint(
            sprite.span(middle - 0.1, middle + 0.1, 0.0, 0.88), skin if skirt else trousers, lit - 0.08, "person/legs"
        )
    if skirt:
        sprite.paint(sprite.span(-0.17 - 0.2 * down, 0.17 + 0.2 * down, 0.45, 0.9), trousers, lit, "person/legs")
    else:
        sprite.paint(
            sprite.span(0.09 + stride * down - 0.1, 0.09 + stride * down + 0.14, 0.0, 0.09),
            (0.15, 0.12, 0.11),
            0.4,
            "person/legs",
        )
    bent = clip((1.4 - v) / 0.6, 0, 1)
    for side in (-1, 1):
        middle = side * (0.25 + swing * bent)
        sprite.paint(sprite.span(middle - 0.07, middle + 0.07, 0.95, 1.4), shirt, lit - 0.14, "person/arms")
        sprite.paint(sprite.disc(side * (0.25 + swing * 0.75), 0.9, 0.08), skin, lit, "person/arms")
    shoulders = 0.2 + 0.05 * clip((v - 0.85) / 0.6, 0, 1)
    sprite.paint(sprite.span(-shoulders, shoulders, 0.83, 1.45), shirt, lit + 0.06, "person/torso")
    if long_hair:
        sprite.paint(sprite.disc(0.0, 1.56, 0.17, 0.21), hair, lit, "person/head")
    sprite.paint(sprite.disc(0.0, 1.6, 0.14, 0.17), skin, lit + 0.08, "person/head")
    crown = sprite.soften(np.minimum(0.155 - np.sqrt(u**2 + (v - 1.63) ** 2), v - 1.65 - 0.15 * u))
    sprite.paint(crown, hair, lit, "person/head")
