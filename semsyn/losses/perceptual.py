"""The VGG19 perceptual loss. Its weights are not part of semsyn: the user brings them."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import CheckpointError, InputError
from semsyn.nn.features import check_features
from semsyn.signature import checked

WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
CONVOLUTIONS_PER_STAGE = (2, 2, 4, 4)  # of the fifth stage, those up to its map


class VGG19Features(nn.Module):
    """VGG19 up to relu5_1; gives relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1.

    Its parameters are frozen. Their names are ``slice{s}.{n}.*`` with n the index in torchvision's
    ``vgg19().features``, as in the released training states.

    Args:
        widths: channels of the stages 1, 2, 3 and 4 (the fifth has those of the fourth).
        convolution: number of the convolution whose map each stage gives: 1, or 2 for relu1_2 and so on.
        has_means: stages are pooled by means, which keep odd sides' last pixels, not by maxima.

    Shape: x is n 3 h w in [-1, 1]; as released, no ImageNet mean and deviation are applied. The maps have 1, 1/2,
    1/4, 1/8 and 1/16 of its size, rounded down; with means up.

    Reference: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    arXiv:1409.1556."""

    @checked(widths=1)
    def __init__(
        self, widths: Sequence[int] = (64, 128, 256, 512), *, convolution: int = 1, has_means: bool = False
    ) -> None:
        super().__init__()
        if len(widths) != 4:
            raise InputError(f"widths must give four stages, found {tuple(widths)}.")
        if convolution not in (1, 2):
            raise InputError(f"every stage has convolutions 1 and 2, found {convolution}.")
        counts = (*CONVOLUTIONS_PER_STAGE, convolution)
        index, c_in = 0, 3
        slices: list[nn.Sequential] = [nn.Sequential() for _ in counts]
        for stage, (width, count) in enumerate(zip([*widths, widths[-1]], counts, strict=True)):
            for i in range(count):
                target = slices[stage if i < convolution else stage + 1]  # a slice ends with the map of its stage
                target.add_module(str(index), nn.Conv2d(c_in, width, 3, padding=1))
                target.add_module(str(index + 1), nn.ReLU())
                index, c_in = index + 2, width
            if stage + 1 < len(slices):
                pool = nn.AvgPool2d(2, ceil_mode=True) if has_means else nn.MaxPool2d(2)
                slices[stage + 1].add_module(str(index), pool)
                index += 1
        self.slice1, self.slice2, self.slice3, self.slice4, self.slice5 = slices
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        check_features(x, channels=3, reader=self, least=16)
        maps = []
        for part in (self.slice1, self.slice2, self.slice3, self.slice4, self.slice5):
            x = part(x)
            maps.append(x)
        return maps

    def load_torchvision(self, state: Mapping[str, Tensor]) -> "VGG19Features":
        """Fill the weights from the state dict of torchvision's ``vgg19``, or of its ``features``; return the module.

        Args:
            state: keys ``features.{n}.weight`` or ``{n}.weight``; layers past relu5_1 and the classifier are not
                needed.

        Raises:
            CheckpointError: if a convolution is missing.
        """
        ours = {key.split(".", 1)[1]: key for key in self.state_dict()}
        theirs = {key.removeprefix("features."): value for key, value in state.items()}
        missing = sorted(ours.keys() - theirs.keys())
        if missing:
            raise CheckpointError(
                f"not a VGG19 state dict: features.{missing[0]} and {len(missing) - 1} more are missing."
            )
        self.load_state_dict({key: theirs[name] for name, key in ours.items()})
        return self


class PerceptualLoss(nn.Module):
    r"""Weighted distance of VGG19 maps.

    .. math:: \sum_i w_i \operatorname{mean} |\phi_i(\text{fake}) - \phi_i(\text{real})|

    Gradients reach the fake picture alone. The released factor in front is 10.

    Args:
        vgg: the network, with weights that you loaded.
        weights: w, one per map; the default is what all released recipes have but one.

    With a mask (clVAE on GTA5), both maps are multiplied with it before they are compared, brought to their size by the
    nearest rule; the mean stays one over all places.

    Shape: fake and real are n 3 h w in [-1, 1], h and w at least 16; mask n 1 h' w'; the result is a scalar.

    Reference: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", arXiv:1603.08155.
    """

    @checked()
    def __init__(self, vgg: VGG19Features, *, weights: Sequence[float] = WEIGHTS) -> None:
        super().__init__()
        if len(weights) != 5:
            raise InputError(f"weights must have one entry per map, 5 in all, found {len(weights)}.")
        self.vgg = vgg
        self.weights = tuple(weights)

    def forward(self, fake: Tensor, real: Tensor, *, mask: Tensor | None = None) -> Tensor:
        with torch.no_grad():
            real_maps = self.vgg(real)
        losses = zip(self.weights, self.vgg(fake), real_maps, strict=True)
        return torch.stack([w * _distance(f, r, mask) for w, f, r in losses if w]).sum()


def _distance(fake: Tensor, real: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return F.l1_loss(fake, real)
    own = F.interpolate(mask.to(fake), fake.shape[2:], mode="nearest")
    return F.l1_loss(fake * own, real * own)
