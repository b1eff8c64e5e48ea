"""A critic that looks through a trained network: for people with hundreds of pictures, not thousands."""

from collections.abc import Sequence
from typing import Literal, cast

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.critics.pyramid import CELL, class_shares
from semsyn.critics.verdict import Critic, Verdict, check_pictures
from semsyn.errors import InputError, UnknownNameError
from semsyn.functional.checks import check_ids
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.nn.towers.tower import Tower
from semsyn.records.arguments import check_is
from semsyn.records.layout import Layout
from semsyn.signature import checked

SLOPE = 0.2


def _conv(c_in: int, c_out: int, kernel_size: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(c_in, c_out, kernel_size, padding=kernel_size // 2))


class _Refine(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_1, self.conv_2 = _conv(width, width, 3), _conv(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_1(F.leaky_relu(x, SLOPE))
        return x + cast(Tensor, self.conv_2(F.leaky_relu(y, SLOPE)))


class TowerCritic(Critic):
    """Heads that learn, on the maps of a trained network that does not.

    The maps are brought to mean 0 and deviation 1 picture by picture, for they differ by orders of magnitude, and
    projected to a common width. With ``judges="classes"`` they are put together from the deepest to the pixels of the
    picture, whose classes or "fake" are judged: the head of OASIS. With ``judges="patches"`` each of the maps from a
    quarter of the picture's size down says what is real, and whether it shows the classes that it should.

    Args:
        num_classes: k.
        tower: the trained network, see `semsyn.hub.load_tower`. It stays as it is, and is saved with the critic.
        judges: ``classes`` for the losses of OASIS (`semsyn.train.SegmentationObjective`), ``patches`` for those of
            SPADE and its kin (`semsyn.train.PatchObjective`).
        width: channels of the heads; at the size of the picture half of them.
        maps: names of the tower's maps that are looked at; None: the first of each size.

    Shape: image is (s n) 3 h w in [-1, 1], see `Critic`; any size that the tower takes.

    Raises:
        UnknownNameError: for a map that the tower does not give.
        InputError: if no map is coarse enough for patches.

    References: Sauer et al., "Projected GANs Converge Faster", arXiv:2111.01007; Berrada et al., "Unlocking Pre-trained
    Image Backbones for Semantic Image Synthesis", arXiv:2312.13314.
    """

    @checked(num_classes=1, width=1)
    def __init__(
        self,
        num_classes: int,
        tower: Tower,
        *,
        judges: Literal["classes", "patches"] = "classes",
        width: int = 64,
        maps: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        if judges not in ("classes", "patches"):
            raise UnknownNameError("kind of judgement", judges, ["classes", "patches"])
        check_is(tower, Tower, "tower", "semsyn.hub.load_tower loads one.")
        self.num_classes, self.judges = num_classes, judges
        self.levels = _choose(tower, maps, least=CELL if judges == "patches" else 1)
        self.tower = tower
        self.laterals = nn.ModuleList(_conv(tower.channels[level], width, 1) for level in self.levels)
        self.refine = nn.ModuleList(_Refine(width) for _ in self.levels)
        if judges == "classes":
            fine = max(1, width // 2)  # most of the work would be here
            self.to_fine, self.to_pixels = _conv(width, fine, 1), _conv(3, fine, 3)
            self.refine_pixels = _Refine(fine)
            self.to_classes = nn.Conv2d(fine, num_classes + 1, 1)
        else:
            self.to_realness = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in self.levels)
            self.to_semantics = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in self.levels)
            self.embedding = nn.Conv2d(num_classes, width, 1)

    def forward(self, layout: Layout, image: Tensor) -> Verdict:
        """As OASIS' it reads no layout where it judges classes: what a picture shows is for it to find."""
        check_pictures(layout, image, self)
        maps = self.tower(image)
        features = [
            lateral(F.group_norm(maps[level], 1)) for lateral, level in zip(self.laterals, self.levels, strict=True)
        ]
        return (
            self._judge_classes(image, features) if self.judges == "classes" else self._judge_patches(layout, features)
        )

    def _judge_classes(self, image: Tensor, features: Sequence[Tensor]) -> Verdict:
        x = None
        for feature, refine in zip(features[::-1], list(self.refine)[::-1], strict=True):
            x = refine(feature if x is None else feature + F.interpolate(x, feature.shape[2:]))
        assert x is not None
        x = self.refine_pixels(self.to_pixels(image) + F.interpolate(self.to_fine(x), image.shape[2:]))
        return Verdict(classes=self.to_classes(F.leaky_relu(x, SLOPE)))

    def _judge_patches(self, layout: Layout, features: Sequence[Tensor]) -> Verdict:
        check_ids(layout.class_ids, self.num_classes, name="class_ids")
        shares = class_shares(layout.class_ids, self.num_classes, CELL).to(features[0])
        embedding, logits, seen = self.embedding(shares), [], []
        heads = zip(features, self.refine, self.to_realness, self.to_semantics, strict=True)
        for feature, refine, to_realness, to_semantics in heads:
            x = refine(feature)
            seen.append(x)
            x = F.leaky_relu(x, SLOPE)
            wanted = F.adaptive_avg_pool2d(embedding, (x.shape[2], x.shape[3]))
            agreement = rearrange(to_semantics(x), "(s n) c h w -> s n c h w", n=len(layout)) * wanted
            logits.append(to_realness(x) + rearrange(agreement, "s n c h w -> (s n) c h w").mean(1, keepdim=True))
        return Verdict(logits=tuple(logits), features=tuple((x,) for x in seen))


def _choose(tower: Tower, maps: Sequence[str] | None, *, least: int) -> tuple[int, ...]:
    """Which of a tower's maps, in its order."""
    for name in maps or ():
        if name not in tower.maps:
            raise UnknownNameError("map of the tower", name, list(tower.maps))
    chosen = [
        level
        for level, (name, stride) in enumerate(zip(tower.maps, tower.strides, strict=True))
        if stride >= least and (name in maps if maps is not None else stride not in tower.strides[:level])
    ]
    if not chosen:
        raise InputError(f"a critic needs maps of 1/{least} of a picture's size or less, found none: choose others.")
    return tuple(chosen)
