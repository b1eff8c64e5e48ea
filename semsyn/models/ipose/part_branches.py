"""Training of PartNet: its two branches."""

from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.losses.parts import part_losses
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.part_supports import PartSupports


@dataclass(frozen=True)
class Branch:
    """One way to the parts of m objects.

    Attributes:
        logits: m p h w.
        binary, multiclass: its two losses, scalars.
    """

    logits: Tensor
    binary: Tensor
    multiclass: Tensor

    @classmethod
    def of(cls, logits: Tensor, part_ids: Tensor) -> "Branch":
        """Logits m p h w against true parts m h w."""
        return cls(logits, *part_losses(logits, part_ids))


def part_net_branches(
    network: PartNet,
    silhouettes: Tensor,
    part_ids: Tensor,
    categories: Tensor,
    supports: PartSupports,
    *,
    replaced: int,
) -> tuple[Branch, Branch]:
    """The synthesis branch, which infers parts from the supports alone, and the reconstruction branch, in which one
    support of each object is its own silhouette and true part map.

    The released recipe permutes the part channels of supports and truth from step to step. Here that would be without
    effect: every channel is computed by the same weights, apart from the others, so permuted channels give permuted
    logits, and neither the losses nor their gradients change.

    Args:
        network: trained by the sum of all four losses (Adam, rate 1e-4, betas 0 and 0.999, 6 objects a step).
        silhouettes: m 1 h w in {0, 1}.
        part_ids: m h w, int64 in [0, p), the true parts.
        categories: m.
        supports: of these categories at least, such as `semsyn.data.parts.part_shapes.SupportPool.draw` gives.
        replaced: see `draw_replaced`.

    Reference: Wei et al., arXiv:2305.19547.
    """
    encoding = network.encode_supports(supports.select(categories.unique().tolist()))
    synthesis = network(silhouettes, encoding, categories)
    reconstruction = network(silhouettes, encoding, categories, edited=part_ids, replaced=replaced)
    return Branch.of(synthesis.logits, part_ids), Branch.of(reconstruction.logits, part_ids)


def draw_replaced(count: int, rng: torch.Generator) -> int:
    """Which of n supports the reconstruction branch replaces. As released: any but the last one."""
    return int(torch.randint(max(1, count - 1), (), generator=rng))
