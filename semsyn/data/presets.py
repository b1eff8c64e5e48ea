"""How each data set's pictures and maps were prepared for the released networks."""

from dataclasses import dataclass

from semsyn.data.transforms import Transform


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One data set.

    Attributes:
        space: name of its label space (`semsyn.data.label_space`).
        train: the transform in training.
        test: the transform that networks are evaluated with.
        has_instances: whether it comes with instance maps.
    """

    space: str
    train: Transform
    test: Transform
    has_instances: bool = False


JITTERED = Transform(load_size=286, crop_size=256)
SQUARE = Transform(load_size=256, crop_size=256, flip=False)
WIDE = Transform(mode="fixed", load_size=512, crop_size=512, aspect_ratio=2.0)
WIDE_TEST = Transform(mode="fixed", load_size=512, crop_size=512, aspect_ratio=2.0, flip=False)

COCO = Preset(space="coco-stuff", train=JITTERED, test=SQUARE, has_instances=True)
ADE20K = Preset(space="ade20k-raw", train=JITTERED, test=SQUARE)
CITYSCAPES = Preset(space="cityscapes", train=WIDE, test=WIDE_TEST, has_instances=True)
FACADES = Preset(space="facades", train=JITTERED, test=SQUARE)
CELEBA = Preset(space="celeba", train=JITTERED, test=SQUARE)
DEEPFASHION = Preset(space="deepfashion-8", train=Transform(load_size=256, crop_size=256), test=SQUARE)
