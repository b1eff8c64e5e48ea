"""Everything that is not an object: sky, mountains, meadow, beach, sea and road."""

import numpy as np

from semsyn.data.toyscenes.canvas import Canvas
from semsyn.data.toyscenes.composition import Curve, Plan, Road
from semsyn.data.toyscenes.light import Light
from semsyn.data.toyscenes.noise import F32, Dice, Floats, Grain, clip, noise_at, noise_bank, noise_crop
from semsyn.data.toyscenes.weather import paint_cloud, paint_sky

RGB = tuple[float, float, float]


def paint_backdrop(canvas: Canvas, dice: Dice, light: Light, plan: Plan) -> None:
    sun = paint_sky(canvas, dice.fork(), light, plan)
    for thing in plan.objects:
        if thing.kind == "cloud":
            paint_cloud(canvas, dice.fork(), light, plan, thing)
    for place, (tall, rough) in enumerate(plan.ridges):
        _paint_ridge(canvas, dice.fork(), light, plan, tall, rough, distance=22.0 - 9.0 * place)
    ground = _Ground(canvas, dice.fork(), light, plan)
    ground.paint_meadow(dice.fork())
    if plan.beach is not None:
        ground.paint_beach(dice.fork(), plan.beach)
    if plan.shore is not None:
        ground.paint_sea(dice.fork(), plan.shore, sun)
    if plan.road is not None:
        ground.paint_road(dice.fork(), plan.road)


def _paint_ridge(
    canvas: Canvas, dice: Dice, light: Light, plan: Plan, tall: float, rough: float, distance: float
) -> None:
    rock = dice.jitter(((0.44, 0.40, 0.38), (0.36, 0.42, 0.36), (0.46, 0.38, 0.40))[dice.integer(0, 2)], 0.06)
    snow = dice.jitter((0.93, 0.94, 0.97), 0.02)
    snow_line = dice.uniform(0.05, 0.5) if tall > 0.14 and dice.chance(0.75) else -1.0
    row, start = dice.integer(0, 511), dice.uniform(0, 512)
    steps = start + canvas.x[0] * (60 + 70 * rough)
    outline = np.interp(steps, np.arange(1200), np.resize(noise_bank("soft")[row], 1200))
    top = (plan.horizon - tall * clip(0.55 + 0.3 * outline, 0.06, 1.15)).astype(np.float32)[None, :]
    first = max(0, int(float(top.min()) * canvas.height) - 1)
    last = min(canvas.height, int((plan.horizon + 0.05) * canvas.height) + 1)
    if last <= first:
        return
    layer = canvas.add_layer("mountain", rock, snow, distance)
    noise = noise_crop(dice, last - first, canvas.width + 2, "soft")
    relief = (noise[:, 2:] - noise[:, :-2]) * np.float32(-1.1 * light.direction[0])
    slope = np.gradient(top[0]) * np.float32(canvas.height * 0.16 * light.direction[0])
    below = canvas.y[first:last] - top
    shade = clip(0.62 + relief + slope[None, :] * clip(1 - below / (0.4 * tall), 0, 1), 0.05, 1.3)
    base, gain = light.tones(rock, distance)
    color = base + gain * shade
    if snow_line > 0:
        white = clip(
            (snow_line * tall - below - (top - (plan.horizon - tall)) * 0.6 + 0.02 * noise[:, 1:-1]) * 40, 0, 1
        )
        base, gain = light.tones(snow, distance)
        color += white * (base + gain * shade - color)
    canvas.fill(layer, clip(below * canvas.height + 0.5, 0, 1), color, first)


class _Ground:
    """The plane under the horizon with its perspective texture."""

    def __init__(self, canvas: Canvas, dice: Dice, light: Light, plan: Plan) -> None:
        self.canvas, self.light, self.plan = canvas, light, plan
        self.first = max(0, min(canvas.height - 1, int((plan.horizon - 0.08) * canvas.height)))
        self.y, self.x = canvas.y[self.first :], canvas.x
        self.t = clip((self.y - plan.horizon) / (1 - plan.horizon), 0.02, 1)  # 0 at the horizon, 1 at the lower edge
        self.veil = 0.85 * (1 - np.exp(-light.haze * (1 / self.t - 1)))
        self.near = clip(self.t * 1.6, 0.15, 1)  # fades fine texture where it would alias
        pixels = canvas.height / 128
        behind = np.maximum(plan.horizon - self.y, 0)  # slopes that rise over the horizon
        rows, cols = 48 / self.t + 300 * behind, (self.x - plan.aspect / 2) / self.t
        self.offset = dice.integer(0, 511), dice.integer(0, 511)
        self.soft = self._texture(rows, cols * 44, "soft") * clip(self.t * 8, 0.3, 1)
        self.fine = self._texture(rows * pixels * 1.6, cols * 90 * pixels, "fine") * self.near

    def _texture(self, rows: Floats, cols: Floats, grain: Grain) -> F32:
        return noise_at(rows.astype(np.int64) + self.offset[0], np.floor(cols).astype(np.int64) + self.offset[1], grain)

    def lit(self, albedo: RGB | F32, shade: Floats | float) -> F32:
        """Colours 3 h w of a surface in the light and haze of each row."""
        albedo = np.asarray(albedo, np.float32)
        albedo = albedo.reshape(3, 1, 1) if albedo.ndim == 1 else albedo
        clear = 1 - self.veil
        base, gain = self.light.ambient.reshape(3, 1, 1) * clear, self.light.key.reshape(3, 1, 1) * clear
        haze = self.light.horizon.reshape(3, 1, 1) * self.veil
        return np.asarray(albedo * (base + gain * shade) + haze, np.float32)

    def above(self, curve: Curve) -> F32:
        return clip((curve.row(self.x) - self.y) * self.canvas.height + 0.5, 0, 1)

    def paint_meadow(self, dice: Dice) -> None:
        dry = self.plan.dryness
        green = dice.jitter((0.30 + 0.30 * dry, 0.50 + 0.03 * dry, 0.17 + 0.07 * dry), 0.06)
        other = dice.jitter((green[0] + dice.uniform(-0.06, 0.14), green[1] + 0.05, green[2]), 0.04)
        bloom = ((0.95, 0.93, 0.9), (0.95, 0.85, 0.2), (0.85, 0.25, 0.25), (0.7, 0.5, 0.85))[dice.integer(0, 3)]
        rare = dice.uniform(1.7, 3.4)
        layer = self.canvas.add_layer("meadow", green, other, 3.0)
        patch = clip(0.4 + 0.4 * self.soft, 0, 1)
        albedo = (
            np.asarray(green, np.float32).reshape(3, 1, 1)
            + np.subtract(other, green, dtype=np.float32).reshape(3, 1, 1) * patch
        )
        flowers = clip((self.fine * self.near - rare + 0.25 * self.soft) * 2, 0, 0.9)
        albedo += flowers * (np.asarray(bloom, np.float32).reshape(3, 1, 1) - albedo)
        color = self.lit(albedo, clip(0.66 + 0.08 * self.soft + 0.15 * self.fine, 0.1, 1.3))
        self.canvas.fill(layer, 1 - self.above(self.plan.meadow), color, self.first)

    def paint_beach(self, dice: Dice, edge: Curve) -> None:
        sand = dice.jitter(((0.86, 0.76, 0.55), (0.90, 0.84, 0.70), (0.72, 0.62, 0.48))[dice.integer(0, 2)], 0.05)
        layer = self.canvas.add_layer("beach", sand, distance=3.0)
        ragged = clip((edge.row(self.x) + 0.012 * self.soft * self.t - self.y) * self.canvas.height + 0.5, 0, 1)
        shade = 0.72 + 0.07 * self.soft + 0.10 * self.fine
        if self.plan.shore is not None:  # wet sand is darker
            shade = shade - 0.3 * clip(1 - (self.y - self.plan.shore.row(self.x)) * 28, 0, 1)
        cover = ragged * (1 - clip((self.plan.horizon - self.y) * self.canvas.height + 0.5, 0, 1))
        self.canvas.fill(layer, cover, self.lit(sand, shade), self.first)

    def paint_sea(self, dice: Dice, shore: Curve, sun: tuple[float, float] | None) -> None:
        deep = dice.jitter(
            ((0.08, 0.27, 0.45), (0.10, 0.40, 0.46), (0.22, 0.33, 0.38), (0.12, 0.33, 0.30))[dice.integer(0, 3)], 0.05
        )
        calm = dice.uniform(0.1, 0.5)
        layer = self.canvas.add_layer("sea", deep, distance=6.0)
        light, height = self.light, self.canvas.height
        waves = self._texture(70 / self.t, (self.x * 26 * np.sqrt(1 / self.t)), "fine") * clip(self.t * 3, 0.3, 1)
        shore_row = shore.row(self.x)
        shallow = clip(1 - (shore_row - self.y) * 9, 0, 1)
        albedo = np.asarray(deep, np.float32).reshape(3, 1, 1) * (1 + shallow * np.float32(0.75))
        water = self.lit(albedo, 0.75 + 0.22 * waves)
        rows = np.arange(self.first, height)
        level = self.plan.horizon * height
        mirror = clip(2 * level - rows - 1 + (waves[:, 0] * 1.5), 0, max(0.0, level - 1)).astype(np.int64)
        water += (self.canvas.image[:, mirror] - water) * (calm * (1 - 0.75 * clip(self.t * 2.5, 0, 1)) + 0.12)
        if sun is not None:
            lane = clip(waves + 0.4, 0, 1.6) / (1 + ((self.x - sun[0]) / (0.03 + 0.12 * self.t)) ** 2)
            water += light.key.reshape(3, 1, 1) * lane * np.float32(0.6)
        foam = clip(1 - np.abs((shore_row - self.y) * (1 / (0.004 + 0.010 * self.t)) - 0.7 + 0.5 * self.soft), 0, 1)
        water += (self.lit((0.93, 0.95, 0.96), 0.75) - water) * foam * np.float32(0.8)
        cover = self.above(shore) * clip((self.y - self.plan.horizon) * height + 0.5, 0, 1)
        self.canvas.fill(layer, cover, water, self.first)

    def paint_road(self, dice: Dice, road: Road) -> None:
        tar = dice.uniform(0.26, 0.46)
        color = dice.jitter((tar, tar, tar + 0.02) if road.paved else (0.55, 0.44, 0.31), 0.04)
        line = dice.jitter((0.88, 0.87, 0.82), 0.04)
        layer = self.canvas.add_layer("road", color, line, 2.0)
        scale = np.maximum(self.y - self.plan.horizon, 0.004) / self.plan.camera  # units per metre
        if road.direction == "across":
            place = (self.y - road.far.row(self.x)) / road.depth  # 0 to 1 over the road
            cover = clip(place * road.depth * self.canvas.height + 0.5, 0, 1) * clip(
                (1 - place) * road.depth * self.canvas.height + 0.5, 0, 1
            )
            middle, verge = np.abs(place - 0.46) * road.depth / (0.11 * scale), np.minimum(place, 1 - place) * 2
            along = (self.x - self.plan.aspect / 2) / scale
        else:
            half = road.half_width * self.t
            aside = np.abs(self.x - road.center(self.t))
            cover = clip((half - aside) * self.canvas.height + 0.5, 0, 1) * clip(
                (self.y - self.plan.horizon) * self.canvas.height + 0.5, 0, 1
            )
            middle, verge = aside / (0.11 * scale), 1 - aside / half
            along = np.broadcast_to(1.1 / scale, aside.shape)
        shade = 0.68 + 0.06 * self.soft + 0.09 * self.fine
        if road.paved:
            surface = self.lit(color, shade)
            marks = clip(1.5 - middle, 0, 1) * ((along % 7) < 3.5) * np.float32(0.85)
            marks = np.maximum(marks, clip(1 - np.abs(verge - 0.12) * 14, 0, 1) * np.float32(0.55))
            surface += marks * (self.lit(line, 0.7) - surface)
        else:
            surface = self.lit(color, shade - 0.14 * clip(1 - np.abs(verge - 0.5) * 5, 0, 1))
        self.canvas.fill(layer, np.asarray(cover, np.float32), surface, self.first)
