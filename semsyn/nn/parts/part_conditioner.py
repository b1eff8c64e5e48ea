"""The conditioner of iPOSE: parts inferred from silhouettes, and noise where there are none."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.scene_parts import SceneInference, SceneParts
from semsyn.nn.parts.shifted_instance_norm import ShiftedInstanceNorm
from semsyn.nn.parts.support_memory import SupportMemory
from semsyn.nn.plain_child import dtype_of
from semsyn.records.codes import CodeSpec
from semsyn.records.condition import Condition, Parts
from semsyn.records.layout import Layout
from semsyn.records.style import Style

LABELLED_LEVELS = 3  # upsampling steps of the noise that see the label map


class PartConditioner(Conditioner):
    """What another conditioner writes, and ``parts``: part features with their mask, and noise per level.

    Part features are inferred once per layout and resized for each level. Noise starts at the lowest level, beside the
    class ids (as released: their numbers, as one channel), and a transposed convolution takes it to each next one.

    Args:
        base: writes everything else.
        part_net: infers the parts; frozen. Its support maps are ``self.supports``.
        num_classes: k; "no class" counts as class 0 here.
        num_levels: stages; the size doubles from each to the next.
        part_channels: p of features and noise.
        supports: support maps; None: none yet.
    """

    def __init__(
        self,
        base: Conditioner,
        part_net: PartNet,
        num_classes: int,
        *,
        num_levels: int = 6,
        part_channels: int = 32,
        supports: SupportMemory | None = None,
    ) -> None:
        super().__init__()
        p = part_channels
        self.part_conv = nn.Conv2d(part_net.num_parts * part_net.feature_channels, p, 3, padding=1)
        self.noise_conv = nn.Conv2d(p, p, 3, padding=1)
        self.noise_up = nn.ModuleList(
            nn.ConvTranspose2d(p + (i < LABELLED_LEVELS), p, 4, stride=2, padding=1) for i in range(num_levels - 1)
        )
        self.norm = ShiftedInstanceNorm(p)
        self.base = base
        self.scene = SceneInference(part_net, SupportMemory() if supports is None else supports)
        self.num_classes = num_classes
        self.requires = (*base.requires, "objects")
        self.writes = (*base.writes, "parts")
        self.drawn = (*base.drawn, "parts")
        self.finds = (*base.finds, "parts")
        self.noise = CodeSpec(name="parts", shape=(p - 1,), per="pixel", stream=4, stage=0)
        self.codes = (*base.codes, self.noise)

    @property
    def supports(self) -> SupportMemory:
        """PartNet's support maps."""
        return self.scene.supports

    def infer(self, layout: Layout) -> SceneParts:
        """The parts alone.

        Raises:
            InputError: if the layout lacks its objects.
        """
        self.check(layout)
        assert layout.objects is not None
        return self.scene(layout.objects, len(layout))[0]

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        self.check(layout)
        assert layout.objects is not None
        prepared = self.base.prepare(layout, sizes)
        scene, features = self.scene(layout.objects, len(layout), self.part_conv)
        whole, mask = Parts(), (scene.part_map > 0)[:, None]
        if bool(mask.any()) or torch.is_grad_enabled():  # else noise is everywhere, which is half of the work
            whole = Parts(features=self._finish(features), mask=mask)
        levels = {size: whole.resized(size) for size in set(sizes)}
        conditions = tuple(replace(cond, parts=levels[cond.size]) for cond in prepared.conditions)
        return replace(prepared, conditions=conditions, extras={**prepared.extras, "parts": scene})

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        """Conditions with all noise in them.

        Raises:
            InputError: if the style lacks a code, or one is of another size.
        """
        conditions = self.base.bind(prepared, style)
        noise = self._noise(prepared.conditions, style)
        return tuple(
            replace(cond, parts=replace(cond.parts or Parts(), noise=at))
            for cond, at in zip(conditions, noise, strict=True)
        )

    def _noise(self, conditions: Sequence[Condition], style: Style) -> list[Tensor]:
        codes = style.find("parts")
        self.noise.check(codes, images=conditions[0].batch)
        if codes.size != conditions[0].size:
            raise InputError(f"codes 'parts' must be maps of {conditions[0].size}, found {codes.size} (height, width).")
        code = codes.table.to(dtype_of(self.noise_conv))
        noise = [self._finish(self.noise_conv(torch.cat([code, self._labels(conditions[0], code)], dim=1)))]
        for i, up in enumerate(self.noise_up):
            x = noise[-1]
            if i < LABELLED_LEVELS:
                x = torch.cat([x, self._labels(conditions[i], x)], dim=1)
            noise.append(self._finish(up(x)))
        return noise

    def _labels(self, cond: Condition, like: Tensor) -> Tensor:
        """As released: class ids as numbers, n 1 h w."""
        assert cond.class_ids is not None
        return (cond.class_ids % self.num_classes)[:, None].to(like)

    def _finish(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(x), 0.2)
