"""Houses and fences."""

import numpy as np

from semsyn.data.toyscenes.canvas import Canvas, Sprite
from semsyn.data.toyscenes.composition import Placed, Plan
from semsyn.data.toyscenes.light import Light
from semsyn.data.toyscenes.noise import F32, Dice, clip
from semsyn.data.toyscenes.plants import cast_shadow

_WALLS = (
    (0.92, 0.90, 0.85),
    (0.90, 0.80, 0.58),
    (0.84, 0.62, 0.36),
    (0.66, 0.32, 0.25),
    (0.88, 0.62, 0.55),
    (0.58, 0.70, 0.80),
    (0.64, 0.72, 0.56),
    (0.62, 0.62, 0.62),
    (0.45, 0.30, 0.22),
)
_ROOFS = ((0.62, 0.27, 0.17), (0.30, 0.31, 0.36), (0.40, 0.27, 0.20), (0.25, 0.34, 0.29), (0.52, 0.36, 0.30))
_DOORS = ((0.35, 0.20, 0.12), (0.20, 0.35, 0.25), (0.55, 0.15, 0.12), (0.18, 0.25, 0.42), (0.85, 0.83, 0.78))


def _openings(sprite: Sprite, centers_u: list[float], centers_v: list[float], half_u: float, half_v: float) -> F32:
    """Cover of a grid of equal boxes."""
    u = sum((sprite.soften(half_u - np.abs(sprite.u - c)) for c in centers_u), np.zeros_like(sprite.u))
    v = sum((sprite.soften(half_v - np.abs(sprite.v - c)) for c in centers_v), np.zeros_like(sprite.v))
    return np.minimum(u, 1) * np.minimum(v, 1)


def paint_house(canvas: Canvas, dice: Dice, light: Light, plan: Plan, thing: Placed) -> None:
    gabled, floors = dice.chance(0.5), 2 if dice.chance(0.4) else 1
    front = dice.uniform(3.2, 4.4) if gabled else dice.uniform(5.0, 7.5)
    depth = dice.uniform(2.0, 4.0) if gabled else dice.uniform(0.9, 1.8)
    eaves = dice.uniform(2.5, 2.9) * floors * 0.95
    ridge = eaves + dice.uniform(1.4, 2.3)
    wall, roof = dice.jitter(_WALLS[dice.integer(0, 8)], 0.06), dice.jitter(_ROOFS[dice.integer(0, 4)], 0.05)
    door = dice.jitter(_DOORS[dice.integer(0, 4)], 0.04)
    mirrored, columns, entrance = dice.chance(0.5), dice.integer(2, 3) if gabled else dice.integer(3, 4), dice.uniform()
    chimney, glow = dice.chance(0.55), dice.chance(light.night)
    wide = (front + depth) / 2
    sprite = Sprite(
        canvas,
        dice,
        light,
        at=(thing.x, thing.y),
        scale=thing.scale,
        reach=(wide + 0.8, ridge + 0.9, 0.8),
        distance=thing.distance,
        mirrored=mirrored,
    )
    if not sprite.visible:
        return
    sprite.layer = canvas.add_layer("house", wall, roof, thing.distance)
    cast_shadow(sprite, wide * 1.02, eaves)
    u, v = sprite.u, sprite.v
    a, b, c = -wide, -wide + front, wide  # front wall from a to b, side wall from b to c
    front_lit, side_lit = 0.72 - 0.12 * sprite.light_u, 0.42 + 0.42 * sprite.light_u
    soft, fine = sprite.noise("soft"), sprite.noise("fine")
    plaster = 0.045 * soft + 0.035 * fine + 0.04 * clip(v / eaves, 0, 1) - 0.03
    tiles = 0.06 * soft + 0.07 * fine - 0.07 * ((v * 2.6) % 1) + 0.035
    if chimney:
        sprite.paint(
            sprite.box_cover(0.35 * c, 0.35 * c + 0.6, eaves, ridge + 0.55),
            (0.45, 0.30, 0.26),
            0.6 + 0.1 * fine,
            "house/chimney",
        )
    sprite.paint(sprite.box_cover(b, c, 0, eaves), wall, side_lit + plaster, "house/wall")
    sprite.paint(sprite.box_cover(a, b, 0, eaves), wall, front_lit + plaster, "house/wall")
    t = clip((v - eaves) / (ridge - eaves), -0.2, 1)
    if gabled:
        run = front / 2
        sprite.paint(
            sprite.span(a + run * t, b - run * t, eaves - 0.05, ridge), wall, front_lit + plaster, "house/wall"
        )
        side = sprite.span(b + 0.15 - (run + 0.15) * t, c + 0.3 - run * t, eaves - 0.2, ridge + 0.1)
        sprite.paint(side, roof, clip(side_lit + 0.18 + tiles, 0.1, 1.3), "house/roof")
        for edge in (np.abs(u - (a + run * t)), np.abs(u - (b - run * t))):  # barge boards
            sprite.paint(
                sprite.soften(np.minimum(0.2 - edge, np.minimum(v - eaves + 0.25, ridge + 0.15 - v))),
                roof,
                0.75,
                "house/roof",
            )
    else:
        inset = 0.25 * depth
        sprite.paint(
            sprite.span(a - 0.3 + inset * t, c + 0.3 - inset * 2 * t, eaves - 0.12, ridge),
            roof,
            clip(front_lit + tiles, 0.1, 1.3),
            "house/roof",
        )
        sprite.darken(sprite.box_cover(a, b, eaves - 0.5, eaves - 0.12) * np.float32(0.3))
    _paint_openings(sprite, wall, door, front_lit, (a, b, c), (eaves, floors), columns, entrance, glow, gabled)


def _paint_openings(
    sprite: Sprite,
    wall: tuple[float, float, float],
    door: tuple[float, float, float],
    lit: float,
    corners: tuple[float, float, float],
    height: tuple[float, int],
    columns: int,
    entrance: float,
    glow: bool,
    gabled: bool,
) -> None:
    (a, b, c), (eaves, floors) = corners, height
    storey = eaves / floors
    places = [a + (k + 0.5) * (b - a) / columns for k in range(columns)]
    gate = places[min(columns - 1, int(entrance * columns))]
    rows = [(f + 0.56) * storey for f in range(floors)]
    half_u, half_v = min(0.5, 0.3 * (b - a) / columns), 0.27 * storey
    frame = (0.93, 0.92, 0.89) if min(wall) < 0.78 else (0.50, 0.42, 0.36)
    pane = (0.98, 0.80, 0.42) if glow else (0.24, 0.30, 0.38)
    bright = 1.3 if glow else 0.5 + 0.45 * clip((sprite.v % storey) / storey + 0.2 * sprite.u - 0.3, 0, 1)
    groups = [([p for p in places if p != gate], rows), ([gate], rows[1:])]
    if gabled:
        groups.append(([(b + c) / 2], rows))
    for us, vs in groups:
        if us and vs:
            sprite.paint(_openings(sprite, us, vs, half_u + 0.13, half_v + 0.13), frame, lit, "house/window")
            sprite.paint(_openings(sprite, us, vs, half_u, half_v), pane, bright, "house/window")
    sprite.paint(
        _openings(sprite, [gate], [0.4 * storey], 0.46, 0.4 * storey),
        door,
        lit + 0.1 * clip(sprite.v - 1, -0.5, 0.5),
        "house/door",
    )


def paint_fence(canvas: Canvas, dice: Dice, light: Light, plan: Plan, thing: Placed) -> None:
    half, tall, gap = dice.uniform(2.5, 5.5), dice.uniform(0.85, 1.2), dice.uniform(0.42, 0.6)
    wood = dice.jitter(
        ((0.90, 0.89, 0.86), (0.52, 0.36, 0.23), (0.60, 0.56, 0.50), (0.38, 0.45, 0.36))[dice.integer(0, 3)], 0.05
    )
    sprite = Sprite(
        canvas,
        dice,
        light,
        at=(thing.x, thing.y),
        scale=thing.scale,
        reach=(half + 0.3, tall + 0.2, 0.3),
        distance=thing.distance,
    )
    if not sprite.visible:
        return
    sprite.layer = canvas.add_layer("fence", wood, distance=thing.distance)
    cast_shadow(sprite, half, tall * 0.5)
    phase = np.abs(((sprite.u / gap) % 1) - 0.5) * 2  # 0 in the middle of a board, 1 in the slit
    top = tall - 0.22 * phase
    cover = sprite.soften(np.minimum(np.minimum(top - sprite.v, sprite.v + 0.02), half - np.abs(sprite.u)))
    slit = clip((phase - 0.72) * 4, 0, 1) * (
        0.45 + 0.2 * np.sign(np.abs(np.abs(sprite.v - 0.5 * tall) - 0.25 * tall) - 0.08)
    )
    sprite.paint(cover, wood, 0.72 - 0.1 * sprite.light_u * phase - slit * 0.9 + 0.09 * sprite.noise("fine"))
