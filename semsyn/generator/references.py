"""What a picture says of the codes of a scene, its own or another one."""

from typing import Protocol

from torch import Tensor

from semsyn.data.scenes.match import match_instances
from semsyn.errors import InputError
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior


class Encoding(Protocol):
    """What it takes to encode."""

    def encode(self, image: Tensor, layout: Layout | None = None) -> Posterior: ...


def encode_reference(generator: Encoding, picture: Tensor, layout: Layout, own: Layout | None = None) -> Posterior:
    """The posterior of a scene's codes, as a picture shows them.

    Codes of instances go to the instances of the scene that match those of the picture; codes of classes and of whole
    pictures need no matching.

    Args:
        generator: encodes.
        picture: n 3 h w in [-1, 1].
        layout: of the scene.
        own: the picture's own layout, of one scene where codes are per instance; None: it shows the scene itself.
    """
    posterior = generator.encode(picture, layout if own is None else own)
    if own is None or all(gaussian.per != "instance" for gaussian in posterior.values()):
        return posterior
    if len(layout) != 1:
        raise InputError(f"instances are matched scene by scene, but the layout holds {len(layout)}.")
    return posterior.transfer(match_instances(layout, own), layout.num_instances)
