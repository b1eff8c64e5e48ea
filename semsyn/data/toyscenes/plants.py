"""Trees and bushes."""

import numpy as np

from semsyn.data.toyscenes.canvas import Canvas, Sprite
from semsyn.data.toyscenes.composition import Placed, Plan
from semsyn.data.toyscenes.light import Light
from semsyn.data.toyscenes.noise import Dice, clip
from semsyn.data.toyscenes.weather import blob_field

_LEAVES = ((0.20, 0.40, 0.13), (0.32, 0.48, 0.16), (0.16, 0.34, 0.20), (0.42, 0.50, 0.20))
_AUTUMN = ((0.72, 0.45, 0.12), (0.68, 0.24, 0.12), (0.78, 0.62, 0.18), (0.50, 0.30, 0.14))
_BLOOMS = ((0.93, 0.90, 0.90), (0.90, 0.45, 0.60), (0.95, 0.80, 0.25), (0.65, 0.45, 0.85))


def cast_shadow(sprite: Sprite, wide: float, tall: float) -> None:
    """Darken the ground at the foot and away from the light."""
    strength = 0.5 * min(1.0, float(sprite.light.key.mean()) * 1.4)
    reach = 0.35 * tall * -sprite.light_u
    center, half = reach * 0.5, wide + abs(reach) * 0.5
    depth = max(0.10 * half, 0.12)
    r = np.sqrt(((sprite.u - center) / half) ** 2 + ((sprite.v + 0.3 * depth) / depth) ** 2)
    sprite.darken(clip((1 - r) * 2.2, 0, 1) * np.float32(strength))


def paint_tree(canvas: Canvas, dice: Dice, light: Light, plan: Plan, thing: Placed) -> None:
    species = dice.integer(0, 4)  # 0, 1: broad; 2: tall and slim; 3, 4: conifer
    tall = dice.uniform(3.8, 6.4) if species < 2 else dice.uniform(4.5, 7.5)
    leaves = _LEAVES[dice.integer(0, 3)]
    if species < 3 and dice.chance(plan.autumn):
        leaves = _AUTUMN[dice.integer(0, 3)]
    elif species >= 3:
        leaves = ((0.12, 0.29, 0.17), (0.17, 0.33, 0.23))[species - 3]
    leaves, bark = (
        dice.jitter(leaves, 0.07),
        dice.jitter(((0.33, 0.24, 0.17), (0.62, 0.58, 0.54))[dice.chance(0.2)], 0.05),
    )
    half = tall * (0.34, 0.36, 0.15, 0.23, 0.2)[species] * dice.uniform(0.85, 1.15)
    low = tall * (0.3, 0.34, 0.16, 0.12, 0.14)[species]
    sprite = Sprite(
        canvas,
        dice,
        light,
        at=(thing.x, thing.y),
        scale=thing.scale,
        reach=(half * 1.35, tall * 1.05, 0.6),
        distance=thing.distance,
    )
    if not sprite.visible:
        return
    sprite.layer = canvas.add_layer("tree", leaves, bark, thing.distance)
    cast_shadow(sprite, half * 0.7, tall)
    u, v = sprite.u, sprite.v
    stem = tall * dice.uniform(0.028, 0.042)
    width = stem * (1.25 - 0.6 * v / tall)
    lit = 0.5 + 0.35 * sprite.light_u * u / stem
    sprite.paint(
        sprite.span(-width, width, 0.0, low + 0.3 * tall), bark, lit + 0.1 * sprite.noise("fine"), "tree/trunk"
    )
    soft, fine = sprite.noise("soft"), sprite.noise("fine")
    if species < 3:
        middle = (low + tall) / 2
        rise = (tall - low) / 2
        blobs = [(0.0, middle, 0.62 * half)]
        if species == 2:
            blobs = [
                (0.0, middle + rise * place, half * (1 - 0.55 * abs(place))) for place in (-0.8, -0.4, 0.0, 0.4, 0.8)
            ]
        for k in range(0 if species == 2 else 7):
            angle = (k + dice.uniform(0, 0.9)) * 0.9
            out = dice.uniform(0.45, 0.62)
            blobs.append(
                (
                    out * half * np.cos(angle),
                    middle + out * rise * np.sin(angle),
                    dice.uniform(0.34, 0.48) * min(half, rise * 1.2),
                )
            )
        inside = blob_field(sprite, blobs) + 0.05 * half * (soft + 0.8 * fine)
        shade = (
            0.52
            + 0.34 * (sprite.light_u * u / half + light.direction[1] * (v - middle) / rise)
            + 0.14 * soft
            + 0.15 * fine
        )
    else:
        t = clip((v - low) / (tall - low), 0, 1)
        tiers = (t * dice.integer(4, 6)) % 1
        width = half * (1 - t) * (1.12 - 0.34 * tiers)
        inside = np.minimum(width - np.abs(u), np.minimum(v - low, tall - v)) + 0.035 * half * (soft + 1.5 * fine)
        shade = 0.52 + 0.3 * sprite.light_u * u / half - 0.3 * (tiers - 0.45) + 0.1 * soft + 0.17 * fine
    sprite.paint(sprite.soften(inside), leaves, clip(shade, 0.03, 1.35), "tree/crown")


def paint_bush(canvas: Canvas, dice: Dice, light: Light, plan: Plan, thing: Placed) -> None:
    half, tall = dice.uniform(0.7, 1.4), dice.uniform(0.7, 1.3)
    leaves = _LEAVES[dice.integer(0, 3)] if not dice.chance(plan.autumn * 0.6) else _AUTUMN[dice.integer(0, 3)]
    leaves, bloom, rare = (
        dice.jitter(leaves, 0.06),
        dice.jitter(_BLOOMS[dice.integer(0, 3)], 0.04),
        dice.uniform(0.9, 2.4),
    )
    sprite = Sprite(
        canvas,
        dice,
        light,
        at=(thing.x, thing.y),
        scale=thing.scale,
        reach=(half * 1.4, tall * 1.25, 0.3),
        distance=thing.distance,
    )
    if not sprite.visible:
        return
    sprite.layer = canvas.add_layer("bush", leaves, bloom, thing.distance)
    cast_shadow(sprite, half, tall)
    blobs = [(0.0, 0.45 * tall, 0.5 * tall)]
    for k in range(4):
        radius = dice.uniform(0.3, 0.42) * tall
        blobs.append((half * (k / 1.5 - 1) * 0.75, radius * dice.uniform(0.8, 1.2), radius))
    soft, fine = sprite.noise("soft"), sprite.noise("fine")
    inside = np.minimum(blob_field(sprite, blobs) + 0.05 * (soft + fine), sprite.v + 0.04)
    shade = (
        0.45
        + 0.3 * (sprite.light_u * sprite.u / half + light.direction[1] * (2 * sprite.v / tall - 1))
        + 0.12 * soft
        + 0.15 * fine
    )
    cover = sprite.soften(inside)
    sprite.paint(cover, leaves, clip(shade, 0.03, 1.3))
    flowers = clip((fine + 0.3 * soft - rare) * 2.5, 0, 0.85) * cover
    base, gain = light.tones(bloom, thing.distance)
    sprite.glow(flowers, base + gain * clip(shade + 0.2, 0.1, 1.2))
