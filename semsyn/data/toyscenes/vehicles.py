"""Cars and boats."""

import numpy as np

from semsyn.data.toyscenes.canvas import Canvas, Sprite
from semsyn.data.toyscenes.composition import Placed, Plan
from semsyn.data.toyscenes.light import Light
from semsyn.data.toyscenes.noise import Dice, clip
from semsyn.data.toyscenes.plants import cast_shadow

_PAINTS = (
    (0.75, 0.10, 0.10),
    (0.12, 0.25, 0.65),
    (0.90, 0.90, 0.90),
    (0.14, 0.14, 0.16),
    (0.60, 0.62, 0.66),
    (0.92, 0.72, 0.12),
    (0.12, 0.45, 0.28),
    (0.85, 0.42, 0.10),
    (0.30, 0.62, 0.75),
)
# outlines (u, top) of saloon, hatchback and van; the cabin's glass as (u0 low, u0 high, u1 high, u1 low, top)
_OUTLINES = (
    ((-2.15, -2.1, -1.5, -0.85, 0.55, 1.15, 2.05, 2.15), (0.5, 0.92, 0.98, 1.45, 1.45, 0.95, 0.8, 0.5)),
    ((-1.95, -1.9, -1.55, -1.3, 0.45, 1.05, 1.85, 1.95), (0.5, 1.0, 1.45, 1.52, 1.5, 0.98, 0.82, 0.5)),
    ((-2.25, -2.2, -2.0, -1.7, 1.05, 1.6, 2.15, 2.25), (0.5, 1.2, 1.85, 1.95, 1.95, 1.15, 0.95, 0.5)),
)
_GLASS = ((-1.3, -0.75, 0.5, 0.95, 1.34), (-1.5, -1.25, 0.4, 0.85, 1.4), (-1.95, -1.8, 0.95, 1.35, 1.78))


def paint_car(canvas: Canvas, dice: Dice, light: Light, plan: Plan, thing: Placed) -> None:
    color, model, mirrored = dice.jitter(_PAINTS[dice.integer(0, 8)], 0.05), dice.integer(0, 2), dice.chance(0.5)
    away = plan.road is not None and plan.road.direction == "away"
    sprite = Sprite(
        canvas,
        dice,
        light,
        at=(thing.x, thing.y),
        scale=thing.scale,
        reach=(2.8, 2.1, 0.4),
        distance=thing.distance,
        mirrored=mirrored and not away,
    )
    if not sprite.visible:
        return
    sprite.layer = canvas.add_layer("car", color, (0.2, 0.25, 0.3), thing.distance)
    cast_shadow(sprite, 1.0 if away else 2.15, 0.9)
    (_paint_end if away else _paint_side)(sprite, color, model, mirrored)


def _paint_side(sprite: Sprite, color: tuple[float, float, float], model: int, _: bool) -> None:
    u, v = sprite.u, sprite.v
    knots, heights = _OUTLINES[model]
    top = np.interp(u[0], knots, heights, left=-1, right=-1).astype(np.float32)[None, :]
    body = sprite.soften(np.minimum(np.minimum(top - v, v - 0.28), knots[-1] - np.abs(u)))
    shine = 0.42 + 0.3 * clip((v - 0.3) / (top - 0.25), 0, 1) + 0.25 * clip(1 - np.abs(v - 0.82) * 7, 0, 1)
    sprite.paint(body, color, shine + 0.02 * sprite.noise("soft"), "car/body")
    low_left, high_left, high_right, low_right, roof = _GLASS[model]
    t = (v - 0.95) / (roof - 0.95)
    glass = sprite.span(low_left + (high_left - low_left) * t, low_right + (high_right - low_right) * t, 0.95, roof)
    glass = glass * (1 - sprite.soften(0.06 - np.abs(u + 0.1)))
    sprite.paint(glass, (0.22, 0.28, 0.34), 0.45 + 0.5 * clip(t + 0.25 * u, 0, 1), "car/window")
    sprite.paint(sprite.box_cover(knots[-1] - 0.2, knots[-1], 0.58, 0.78), (0.98, 0.95, 0.80), 1.0, "car/light")
    sprite.paint(sprite.box_cover(knots[0], knots[0] + 0.16, 0.62, 0.84), (0.80, 0.12, 0.10), 0.9, "car/light")
    for place in (knots[0] + 0.8, knots[-1] - 0.8):
        sprite.paint(sprite.disc(place, 0.33, 0.36), (0.09, 0.09, 0.10), 0.5, "car/wheel")
        sprite.paint(sprite.disc(place, 0.33, 0.18), (0.62, 0.63, 0.65), 0.6, "car/wheel")


def _paint_end(sprite: Sprite, color: tuple[float, float, float], model: int, front: bool) -> None:
    tall = (1.42, 1.5, 1.92)[model]
    u, v = sprite.u, sprite.v
    for place in (-0.68, 0.68):
        sprite.paint(sprite.box_cover(place - 0.14, place + 0.14, 0.0, 0.45), (0.09, 0.09, 0.10), 0.4, "car/wheel")
    sprite.paint(sprite.box_cover(-0.88, 0.88, 0.28, 0.95), color, 0.42 + 0.4 * clip(v, 0, 1), "car/body")
    slant = clip((v - 0.9) / (tall - 0.9), 0, 1)
    half = 0.84 - 0.2 * slant
    sprite.paint(sprite.span(-half, half, 0.9, tall), color, 0.62 + 0.2 * slant + 0.1 * sprite.light_u * u, "car/body")
    pane = half - 0.1
    sprite.paint(sprite.span(-pane, pane, 0.96, tall - 0.12), (0.22, 0.28, 0.34), 0.4 + 0.5 * slant, "car/window")
    lamp = (0.98, 0.95, 0.80) if front else (0.80, 0.12, 0.10)
    for place in (-0.68, 0.68):
        sprite.paint(sprite.box_cover(place - 0.15, place + 0.15, 0.62, 0.8), lamp, 1.0, "car/light")
    sprite.paint(sprite.box_cover(-0.25, 0.25, 0.42, 0.55), (0.85, 0.85, 0.82), 0.7, "car/body")


def paint_boat(canvas: Canvas, dice: Dice, light: Light, plan: Plan, thing: Placed) -> None:
    half, tall, mirrored = dice.uniform(1.4, 2.1), dice.uniform(3.6, 5.2), dice.chance(0.5)
    sail = dice.jitter(
        ((0.95, 0.93, 0.88), (0.85, 0.30, 0.22), (0.95, 0.78, 0.35), (0.35, 0.50, 0.72))[dice.integer(0, 3)], 0.05
    )
    hull = dice.jitter(
        ((0.92, 0.92, 0.92), (0.60, 0.14, 0.12), (0.14, 0.22, 0.42), (0.42, 0.27, 0.16))[dice.integer(0, 3)], 0.04
    )
    sprite = Sprite(
        canvas,
        dice,
        light,
        at=(thing.x, thing.y),
        scale=thing.scale,
        reach=(half + 0.7, tall + 0.4, tall * 0.5),
        distance=thing.distance,
        mirrored=mirrored,
    )
    if not sprite.visible:
        return
    sprite.layer = canvas.add_layer("boat", sail, hull, thing.distance)
    u, v = sprite.u, sprite.v
    ripple = (
        clip(1 + v / (0.45 * tall), 0, 1) * (v < 0) * clip(1 - np.abs(u) / (half * clip(1 + v / tall, 0.2, 1)), 0, 1)
    )
    base, gain = light.tones(hull, thing.distance)
    sprite.glow(np.asarray(ripple * (0.45 + 0.15 * sprite.noise("fine")), np.float32).clip(0, 1), base + gain * 0.3)
    sprite.paint(sprite.box_cover(-0.06, 0.06, 0.4, tall), (0.45, 0.34, 0.24), 0.6, "boat/mast")
    t = clip((v - 0.95) / (tall - 0.95), 0, 1)
    lit = 0.68 + 0.16 * sprite.light_u * u / half
    sprite.paint(
        sprite.span(-half * 0.95 * (1 - t), np.float32(-0.1), 0.95, tall - 0.05),
        sail,
        lit + 0.12 * clip(1 + u / half, 0, 1),
        "boat/sail",
    )
    sprite.paint(
        sprite.span(np.float32(0.12), 0.12 + half * 0.85 * (1 - t * 1.15), 0.85, tall * 0.87),
        sail,
        lit - 0.08,
        "boat/sail",
    )
    flare = half * (0.72 + 0.28 * clip(v / 0.75, 0, 1))
    sprite.paint(sprite.span(-flare, flare * 1.06, -0.05, 0.75), hull, 0.45 + 0.3 * clip(v / 0.7, 0, 1), "boat/hull")
