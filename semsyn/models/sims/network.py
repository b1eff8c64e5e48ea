"""SIMS: a composer of segments, and a U-Net over its canvas."""

from semsyn.generator.generator import Generator
from semsyn.generator.unet import UNet
from semsyn.models.sims.bank import BANK
from semsyn.models.sims.composer import Composer
from semsyn.models.sims.composition import Rules
from semsyn.models.sims.config import SIMSConfig
from semsyn.nn.compose.canvas_net import CanvasNet
from semsyn.nn.compose.order_net import OrderNet
from semsyn.nn.compose.transform_net import TransformNet


def build(config: SIMSConfig) -> Generator:
    """Build SIMS' generator, the networks that move and order segments inside.

    Raises:
        InputError: if a side is no multiple of 64 times the scale.

    Reference: Qi et al., "Semi-parametric Image Synthesis", arXiv:1804.10992.
    """
    k = config.num_classes
    transform, order = config.transform_width, config.order_width
    composer = Composer(
        Rules.of(config),
        transform_net=None if transform is None else TransformNet(k, transform, size=config.base_size),
        order_net=None if order is None else OrderNet(k, order),
    )
    return Generator(
        conditioner=composer,
        painter=UNet(CanvasNet(k, config.width, scale=config.scale)),
        image_size=config.image_size,
        config=config,
        resources=(BANK,),
    )
