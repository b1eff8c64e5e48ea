"""How maps and pictures are brought to the size of a network: squashed, or in one of the released ways."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from semsyn.cli.options import MAX_PIXELS, count_up_to
from semsyn.data.io.pictures import open_image
from semsyn.data.io.transforms import SCALES, Placement, Transform
from semsyn.errors import InputError

__all__ = ["Preprocess", "add_preprocess"]

Size = tuple[int, int]
MAX_SIDE = 8192


def add_preprocess(group: argparse._ActionsContainer) -> None:
    """Add the options of `Preprocess`."""
    group.add_argument(
        "--preprocess",
        metavar="MODE",
        choices=SCALES,
        help="bring maps to size as released (scale_shortside_and_crop, none, …); default: squash them",
    )
    group.add_argument(
        "--load-size", metavar="N", type=count_up_to(MAX_SIDE), help="pixels before a crop; default: as trained"
    )
    group.add_argument(
        "--crop-size", metavar="N", type=count_up_to(MAX_SIDE), help="side of the crop; default: as trained"
    )


@dataclass(frozen=True)
class Preprocess:
    """One of the released modes, without what is random in training: crops are from the middle, nothing is mirrored."""

    transform: Transform

    @classmethod
    def of(cls, args: argparse.Namespace, image_size: Size) -> "Preprocess | None":
        """As the options say; None: maps are squashed.

        Raises:
            InputError: if they contradict each other.
        """
        if args.preprocess is None:
            if args.load_size or args.crop_size:
                raise InputError("--load-size and --crop-size need --preprocess.")
            return None
        if args.size is not None:
            raise InputError("--preprocess decides about the size; leave --size out.")
        h, w = image_size
        load, crop = args.load_size or max(h, w), args.crop_size or w
        return cls(Transform(mode=args.preprocess, load_size=load, crop_size=crop, aspect_ratio=w / h, flip=False))

    def ids(self, id_map: Tensor) -> Tensor:
        """A label or instance map, h w, at the network's size."""
        return self.transform.ids(id_map, self._place((id_map.shape[0], id_map.shape[1])))

    def picture(self, path: Path) -> Tensor:
        """A picture, 3 h w in [-1, 1]."""
        image = open_image(path)
        return self.transform.image(image, self._place((image.height, image.width)))

    def _place(self, size: Size) -> Placement:
        h, w = self.transform.scaled_size(size)
        if h * w > MAX_PIXELS:
            raise InputError(f"--preprocess would make {h}x{w} of {size[0]}x{size[1]}: lower --load-size.")
        if not self.transform.crops:
            return Placement()
        x, y = (max(0, side - self.transform.crop_size) // 2 for side in (w, h))
        return Placement(x, y)
