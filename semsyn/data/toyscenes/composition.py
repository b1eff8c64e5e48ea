"""What stands where in a scene, before anything is painted.

One unit is the height of the picture: y runs from 0 (top) to 1, x from 0 to the aspect ratio. The ground is seen from
``camera`` metres above it, so that at row y one metre measures (y - horizon) / camera units; everything follows
that one rule.
"""

import math
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from semsyn.data.toyscenes.noise import F32, Dice

KINDS = ("country", "town", "coast", "lake")
Number = TypeVar("Number", float, F32)


@dataclass(frozen=True)
class Curve:
    """y = level + slope (x - middle) + two sines; boundaries of ground regions."""

    level: float
    slope: float = 0.0
    middle: float = 0.5
    waves: tuple[tuple[float, float, float], ...] = ()  # amplitude, angular frequency, phase

    def __call__(self, x: float) -> float:
        return (
            self.level + self.slope * (x - self.middle) + sum(a * math.sin(f * x + phase) for a, f, phase in self.waves)
        )

    def row(self, x: F32) -> F32:
        y = self.level + self.slope * (x - self.middle)
        for amplitude, frequency, phase in self.waves:
            y = y + amplitude * np.sin(frequency * x + phase)
        return np.asarray(y, np.float32)


@dataclass(frozen=True)
class Road:
    """A road across the picture, between two curves, or away from the viewer, narrowing to the horizon."""

    direction: Literal["across", "away"]
    far: Curve  # across: upper edge. away: unused
    depth: float = 0.0  # across: height of the band
    start: float = 0.0  # away: x at the lower edge, at the horizon, sideways bend, half width at the lower edge
    end: float = 0.0
    bend: float = 0.0
    half_width: float = 0.0
    paved: bool = True

    def center(self, t: Number) -> Number:
        """x of the middle of a road that leads away, t being 0 at the horizon and 1 at the lower edge."""
        return self.end + (self.start - self.end) * t + self.bend * t * (1 - t)


@dataclass(frozen=True)
class Placed:
    """An object on the ground (or a cloud in the sky)."""

    kind: str
    x: float
    y: float
    scale: float  # units per metre
    distance: float  # 1 at the lower edge, more further away


@dataclass
class Plan:
    kind: int
    aspect: float
    horizon: float
    camera: float
    autumn: float  # 0 to 1; turns leaves yellow and red
    dryness: float  # 0 to 1; turns grass to straw
    ridges: list[tuple[float, float]]  # height and roughness, far to near
    meadow: Curve
    shore: Curve | None = None
    beach: Curve | None = None  # lower edge; the beach starts at the shore
    road: Road | None = None
    objects: list[Placed] = field(default_factory=list)

    def scale(self, y: float) -> float:
        return (y - self.horizon) / self.camera

    def distance(self, y: float) -> float:
        return (1 - self.horizon) / max(0.02, y - self.horizon)

    def ground(self, x: float, y: float) -> str:
        """Class of the bare ground at a place."""
        if self.road is not None:
            if self.road.direction == "across":
                far = self.road.far(x)
                if far - 0.005 < y < far + self.road.depth + 0.005:
                    return "road"
            else:
                t = (y - self.horizon) / (1 - self.horizon)
                if abs(x - self.road.center(t)) < 1.15 * self.road.half_width * t:
                    return "road"
        if self.shore is not None and y < self.shore(x) + 0.006:
            return "sea" if y < self.shore(x) - 0.01 else "shore"
        if self.beach is not None and y < self.beach(x):
            return "beach"
        return "meadow"


def draw_plan(dice: Dice, aspect: float) -> Plan:
    """Draw the layout of one scene."""
    kind = dice.integer(0, 3)
    name = KINDS[kind]
    horizon = dice.uniform(0.36, 0.52)
    plan = Plan(
        kind=kind,
        aspect=aspect,
        horizon=horizon,
        camera=dice.uniform(3.0, 4.6),
        autumn=max(0.0, dice.uniform(-1.2, 1.0)),
        dryness=dice.uniform() ** 1.7,
        ridges=_draw_ridges(dice, name),
        meadow=Curve(
            horizon + 0.02 if name == "coast" else horizon - dice.uniform(0.012, 0.04), waves=_waves(dice, 0.012)
        ),
    )
    if name in ("coast", "lake"):
        wide = dice.uniform(0.06, 0.2) if name == "lake" else dice.uniform(0.1, 0.34)
        plan.shore = Curve(horizon + wide, dice.uniform(-0.14, 0.14), aspect / 2, _waves(dice, 0.012))
        if name == "coast" or dice.chance(0.3):
            sand = dice.uniform(0.08, 0.26) if name == "coast" else dice.uniform(0.02, 0.06)
            plan.beach = Curve(
                plan.shore.level + sand, plan.shore.slope + dice.uniform(-0.1, 0.1), aspect / 2, _waves(dice, 0.015)
            )
    if dice.chance({"country": 0.6, "town": 1.0, "coast": 0.25, "lake": 0.3}[name]):
        plan.road = _draw_road(dice, plan, name)
    _fill(dice, plan, name)
    return plan


def _waves(dice: Dice, amplitude: float) -> tuple[tuple[float, float, float], ...]:
    return tuple(
        (amplitude * dice.uniform(0.3, 1) / k, dice.uniform(3, 6) * k, dice.uniform(0, 2 * math.pi)) for k in (1, 2)
    )


def _draw_ridges(dice: Dice, name: str) -> list[tuple[float, float]]:
    chance = {"country": 0.65, "town": 0.4, "coast": 0.35, "lake": 0.95}[name]
    tall = {"country": 0.2, "town": 0.16, "coast": 0.12, "lake": 0.3}[name]
    ridges = []
    if dice.chance(chance):
        ridges.append((dice.uniform(0.4, 1.0) * tall, dice.uniform(0.5, 1.0)))
        if dice.chance(0.5):
            ridges.append((dice.uniform(0.3, 0.5) * tall, dice.uniform(0.2, 0.6)))
    return ridges


def _draw_road(dice: Dice, plan: Plan, name: str) -> Road | None:
    ground = 1 - plan.horizon
    start = plan.horizon + 0.1
    if plan.shore is not None:
        start = max(c.level + abs(c.slope) * plan.aspect / 2 for c in (plan.shore, plan.beach) if c is not None) + 0.03
    if plan.shore is None and dice.chance(0.3 if name == "town" else 0.5):
        middle = plan.aspect / 2
        return Road(
            "away",
            plan.meadow,
            start=middle + dice.uniform(-0.5, 0.5) * plan.aspect,
            end=middle + dice.uniform(-0.3, 0.3) * plan.aspect,
            bend=dice.uniform(-0.5, 0.5),
            half_width=dice.uniform(2.2, 3.2) * ground / plan.camera,
            paved=name == "town" or dice.chance(0.6),
        )
    if start > 0.84:
        return None
    near = dice.uniform(max(0.74, start + 0.1), 0.97)
    width = dice.uniform(4.5, 7.0) / (1.1 * plan.camera)  # metres over metres; 1.1 units is the focal length
    far = plan.horizon + 1 / (1 / (near - plan.horizon) + width)
    slope = dice.uniform(-0.05, 0.05)
    return Road(
        "across",
        Curve(far, slope, plan.aspect / 2, _waves(dice, 0.008)),
        depth=near - far,
        paved=name == "town" or dice.chance(0.7),
    )


# kind of object: how many at most per kind of scene, and the classes of ground it stands on
_COUNTS = {
    "country": {"house": 2, "tree": 9, "bush": 6, "fence": 2, "person": 3},
    "town": {"house": 6, "tree": 5, "bush": 5, "fence": 2, "person": 5},
    "coast": {"house": 1, "tree": 3, "bush": 4, "fence": 1, "person": 4, "boat": 4},
    "lake": {"house": 2, "tree": 9, "bush": 5, "fence": 1, "person": 2, "boat": 2},
}
_GROUND = {
    "house": ("meadow",),
    "tree": ("meadow",),
    "bush": ("meadow",),
    "fence": ("meadow",),
    "person": ("meadow", "beach", "road"),
    "boat": ("sea",),
}
# metres to either side kept free of other ground
_HALF_WIDTH = {"house": 4.5, "tree": 1.2, "bush": 1.0, "fence": 3.5, "person": 0.4, "boat": 2.0}
# nearest and furthest place: 1 is the lower edge, 0 the horizon
_RANGE = {
    "house": (0.24, 0.09),
    "tree": (0.85, 0.08),
    "bush": (1.0, 0.14),
    "fence": (1.0, 0.14),
    "person": (0.97, 0.2),
    "boat": (0.3, 0.03),
}


def _fill(dice: Dice, plan: Plan, name: str) -> None:
    for _ in range(dice.integer(0, 5)):
        y = plan.horizon * dice.uniform(0.05, 0.75)
        size = dice.uniform(0.05, 0.13) * (0.5 + (plan.horizon - y) / plan.horizon)
        plan.objects.append(Placed("cloud", dice.uniform(-0.05, 1.05) * plan.aspect, y, size, 1.0))
    crowd = min(3.0, max(0.6, plan.aspect))
    placed: list[Placed] = []
    for kind, most in _COUNTS[name].items():
        least = 1 if kind in ("house", "tree", "boat") or (kind == "person" and name == "town") else 0
        for _ in range(round(dice.integer(least, most) * crowd)):
            spot = _find_spot(dice, plan, kind, placed)
            if spot is not None:
                placed.append(spot)
    placed.extend(_draw_cars(dice, plan, name))
    plan.objects.extend(sorted(placed, key=lambda p: p.y))


def _find_spot(dice: Dice, plan: Plan, kind: str, placed: list[Placed]) -> Placed | None:
    near, far = _RANGE[kind]
    ground = 1 - plan.horizon
    for _ in range(6):
        x = dice.uniform(-0.03, 1.03) * plan.aspect
        y = plan.horizon + ground * (far + (near - far) * dice.uniform() ** 1.5)
        if kind == "house" and plan.road is not None and plan.road.direction == "across":
            y = plan.road.far(x) - dice.uniform(0.01, 0.06)
        if kind == "boat" and plan.shore is not None:
            y = plan.horizon + 0.022 + dice.uniform() * max(0.0, plan.shore(x) - plan.horizon - 0.037)
        scale = plan.scale(y)
        reach = _HALF_WIDTH[kind] * scale
        if scale <= 0 or any(plan.ground(x + dx, y) not in _GROUND[kind] for dx in (-reach, 0.0, reach)):
            continue
        if kind == "house" and any(
            p.kind == "house" and abs(p.x - x) < 0.9 * _HALF_WIDTH[kind] * (scale + p.scale) for p in placed
        ):
            continue
        return Placed(kind, x, y, scale, plan.distance(y))
    return None


def _draw_cars(dice: Dice, plan: Plan, name: str) -> list[Placed]:
    road = plan.road
    if road is None:
        return []
    cars: list[Placed] = []
    for _ in range(dice.integer(1 if name == "town" else 0, 3)):
        if road.direction == "across":
            x, lane = dice.uniform(0.02, 0.98) * plan.aspect, 0.42 if dice.chance(0.5) else 0.86
            y = road.far(x) + lane * road.depth
        else:
            t = 0.18 + 0.54 * dice.uniform() ** 1.4
            x = road.center(t) + (0.45 if dice.chance(0.5) else -0.45) * road.half_width * t
            y = plan.horizon + (1 - plan.horizon) * t
        scale = plan.scale(y)
        reach = 4.6 if road.direction == "across" else 2.2
        if all(abs(c.x - x) > reach * scale or abs(c.y - y) > 0.06 for c in cars):
            cars.append(Placed("car", x, y, scale, plan.distance(y)))
    return cars
