"""Light of a scene: time of day, direction, tint and haze."""

from dataclasses import dataclass

import numpy as np

from semsyn.data.toyscenes.noise import F32, Dice

MOODS = ("noon", "golden", "dusk", "overcast")
# per mood: zenith, sky at the horizon, key light, ambient light
_MOODS = np.array(
    [
        [[0.20, 0.43, 0.82], [0.70, 0.83, 0.95], [0.78, 0.74, 0.64], [0.40, 0.45, 0.54]],
        [[0.33, 0.47, 0.72], [0.99, 0.80, 0.56], [0.86, 0.62, 0.36], [0.40, 0.38, 0.44]],
        [[0.24, 0.24, 0.47], [0.90, 0.60, 0.54], [0.55, 0.37, 0.34], [0.38, 0.34, 0.45]],
        [[0.58, 0.63, 0.69], [0.80, 0.82, 0.84], [0.28, 0.28, 0.28], [0.58, 0.60, 0.62]],
    ],
    np.float32,
)


@dataclass(frozen=True)
class Light:
    """What every painter needs to light and haze a surface. Colours are float32 RGB in [0, 1]."""

    mood: int  # index in MOODS of the stronger of two mixed moods
    direction: tuple[float, float]  # towards the light: x to the right, y up; unit length
    zenith: F32
    horizon: F32
    key: F32
    ambient: F32
    haze: float  # per unit of relative distance
    night: float  # 0 by day to 1 at dusk; windows light up

    def veil(self, distance: float) -> float:
        """Share of haze in the colour seen at a relative distance (1 is the lower edge of the picture)."""
        return 0.85 * (1.0 - float(np.exp(-self.haze * max(0.0, distance - 1.0))))

    def tones(self, albedo: tuple[float, ...] | F32, distance: float) -> tuple[F32, F32]:
        """(base, gain), 3 1 1 each: a surface shaded by s is seen as base + gain * s."""
        albedo = np.asarray(albedo, np.float32)
        veil = self.veil(distance)
        base = albedo * self.ambient * (1 - veil) + self.horizon * veil
        return base.reshape(3, 1, 1).astype(np.float32), (albedo * self.key * (1 - veil)).reshape(3, 1, 1).astype(
            np.float32
        )


def draw_light(dice: Dice) -> Light:
    first, second = dice.integer(0, 3), dice.integer(0, 3)
    if dice.chance(0.35):
        first = 0
    mix = dice.uniform(0.0, 0.45)
    zenith, horizon, key, ambient = _MOODS[first] * (1 - mix) + _MOODS[second] * mix
    tint = np.array([dice.uniform(0.94, 1.06) for _ in range(3)], np.float32)
    strength = dice.uniform(0.9, 1.12)
    side = dice.uniform(0.35, 0.95) * (1 if dice.chance(0.5) else -1)
    return Light(
        mood=first,
        direction=(side, float(np.sqrt(1 - side * side))),
        zenith=np.clip(zenith * tint, 0, 1),
        horizon=np.clip(horizon * tint, 0, 1),
        key=key * tint * np.float32(strength),
        ambient=ambient * tint,
        haze=0.008 + 0.07 * dice.uniform() ** 2,
        night=(first == 2) * (1 - mix) + (second == 2) * mix,
    )
