"""VGG19, as the released training states name it."""

from collections.abc import Sequence

from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn.towers.tower import Tower
from semsyn.signature import checked

CONVOLUTIONS_PER_STAGE = (2, 2, 4, 4)  # of the fifth stage, those up to its map


class VGG19Features(Tower):
    """VGG19 up to relu5_1; gives relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1.

    Its parameters are frozen. Their names are ``slice{s}.{n}.*`` with n the index in torchvision's
    ``vgg19().features``, as in the released training states.

    Args:
        widths: channels of the stages 1, 2, 3 and 4 (the fifth has those of the fourth).
        convolution: number of the convolution whose map each stage gives: 1, or 2 for relu1_2 and so on.
        has_means: stages are pooled by means, which keep odd sides' last pixels, not by maxima.
        mean, deviation: of red, green and blue in [0, 1], which are taken out of pictures; as released, nothing is.

    Shape: x is n 3 h w in [-1, 1]. The maps have 1, 1/2,
    1/4, 1/8 and 1/16 of its size, rounded down; with means up.

    Reference: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    arXiv:1409.1556."""

    @checked(widths=1)
    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512),
        *,
        convolution: int = 1,
        has_means: bool = False,
        mean: Sequence[float] | None = None,
        deviation: Sequence[float] | None = None,
    ) -> None:
        super().__init__(mean, deviation)
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
        self.maps = tuple(f"relu{stage}_{convolution}" for stage in range(1, 6))
        self.channels, self.strides = (*widths, widths[-1]), (1, 2, 4, 8, 16)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        x, maps = self.read(x), []
        for part in (self.slice1, self.slice2, self.slice3, self.slice4, self.slice5):
            x = part(x)
            maps.append(x)
        return maps

    def their_name(self, key: str) -> str:
        return f"features.{key.split('.', 1)[1]}"
