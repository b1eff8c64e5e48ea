"""Sky, sun and clouds."""

import numpy as np

from semsyn.data.toyscenes.canvas import Canvas, Sprite
from semsyn.data.toyscenes.composition import Placed, Plan
from semsyn.data.toyscenes.light import Light
from semsyn.data.toyscenes.noise import F32, Dice, clip

_SUN_COLORS = ((1.0, 0.97, 0.82), (1.0, 0.82, 0.45), (1.0, 0.58, 0.40), (0.97, 0.97, 0.92))  # one per mood
_SUN_CHANCE = (0.5, 0.65, 0.65, 0.15)


def paint_sky(canvas: Canvas, dice: Dice, light: Light, plan: Plan) -> tuple[float, float] | None:
    """Paint sky and sun; return where the sun is, if it is in the picture."""
    layer = canvas.add_layer("sky", tuple(light.zenith.tolist()), tuple(light.horizon.tolist()), 30.0)
    bottom = min(canvas.height, int((plan.horizon + 0.06) * canvas.height) + 2)
    y, x = canvas.y[:bottom], canvas.x
    t = clip(y / plan.horizon, 0, 1)[None] ** np.float32(dice.uniform(0.9, 1.6))
    low, high = light.horizon.reshape(3, 1, 1), light.zenith.reshape(3, 1, 1)
    sky = high + (low - high) * t
    shown, along, height, radius = (
        dice.chance(_SUN_CHANCE[light.mood]),
        dice.uniform(0.05, 0.42),
        dice.uniform(),
        dice.uniform(0.032, 0.055),
    )
    sun_x = plan.aspect * (0.5 + (along if light.direction[0] > 0 else -along))
    sun_y = plan.horizon * (0.2 + 0.3 * height + (0.3 if light.mood in (1, 2) else 0.0))
    color = dice.jitter(_SUN_COLORS[light.mood], 0.03)
    r2 = (x - sun_x) ** 2 + (y - sun_y) ** 2
    glow = np.asarray(color, np.float32).reshape(3, 1, 1)
    sky = sky + (glow - sky) * ((0.55 if shown else 0.25) / (1 + r2 * np.float32(18.0)))[None]
    if shown:
        sky += (glow - sky) * (0.5 / (1 + r2 * np.float32(1 / (2.2 * radius * radius))))[None]
    canvas.fill(layer, np.ones((bottom, canvas.width), np.float32), sky)
    if not shown:
        return None
    disc = canvas.add_layer("sun", color, distance=30.0)
    cover = clip((radius - np.sqrt(r2)) * canvas.height + 0.5, 0, 1)
    canvas.fill(disc, cover, np.minimum(glow * 1.05, 1.0))
    return sun_x, sun_y


def paint_cloud(canvas: Canvas, dice: Dice, light: Light, plan: Plan, thing: Placed) -> None:
    """A heap of soft blobs on a flat base; lit from the light's side, darker below."""
    wide, puffs = dice.uniform(1.2, 2.6), dice.integer(5, 8)
    white = dice.uniform(0.78, 1.0)
    color = dice.jitter((white, white, white), 0.02)
    sprite = Sprite(
        canvas, dice, light, at=(thing.x, thing.y), scale=thing.scale, reach=(wide + 0.9, 1.5, 0.5), distance=1.0
    )
    blobs = [_puff(dice, wide, (k + 0.5) / puffs * 2 - 1) for k in range(puffs)]
    if not sprite.visible:
        return
    sprite.layer = canvas.add_layer("cloud", color, distance=20.0)
    field = blob_field(sprite, blobs)
    noise = sprite.noise("soft")
    field = np.minimum(field, (sprite.v + 0.22) * 1.6) + 0.09 * noise
    cover = clip(field * 4.5 + 0.5, 0, 1)
    shade = 0.55 + 0.38 * sprite.v + 0.13 * light.direction[0] * sprite.u + 0.12 * noise
    sprite.paint(cover * np.float32(0.96), color, clip(shade, 0.05, 1.15))


def _puff(dice: Dice, wide: float, place: float) -> tuple[float, float, float]:
    radius = dice.uniform(0.4, 0.75) * (1.15 - 0.55 * abs(place))
    return place * wide * 0.9, dice.uniform(0.0, 0.35) * (1 - abs(place)), radius


def blob_field(sprite: Sprite, blobs: list[tuple[float, float, float]]) -> F32:
    """Metres to the edge of a union of discs (u, v, radius), positive inside."""
    table = np.array(blobs, np.float32).T[:, :, None, None]
    return np.asarray((table[2] - np.sqrt((sprite.u - table[0]) ** 2 + (sprite.v - table[1]) ** 2)).max(0), np.float32)
