"""A painter that sees everything at once: a network over a label map and a canvas."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from semsyn.generator.painter import Painter, Size, stem_size
from semsyn.generator.synthesis import Synthesis
from semsyn.nn.compose.canvas_net import CanvasNet, Painted
from semsyn.records.condition import Condition
from semsyn.records.style import Style


class UNet(Painter):
    """Paints over a canvas, by a network that reads one condition at the size of the picture.

    Args:
        net: reads class ids, and the canvas with the map of where it is filled as planes.
    """

    reads = ("class_ids", "planes")

    def __init__(self, net: CanvasNet) -> None:
        super().__init__()
        self.net = net
        self.multiple = net.multiple

    def sizes(self, image_size: Size) -> tuple[Size, ...]:
        stem_size(image_size, (self.multiple,))
        return (image_size,)

    def prepare(self, conditions: Sequence[Condition], drawn: Sequence[str] = (), earlier: Any = None) -> Any:
        return None

    def forward(self, conditions: Sequence[Condition], style: Style, ready: Any = None) -> Tensor:
        class_ids, planes = _read(conditions)
        return self._finish(self.net(class_ids, planes))

    def paint(self, conditions: Sequence[Condition], style: Style, ready: Any = None) -> Synthesis:
        """The picture, and as ``logits`` what the network holds its pixels for."""
        painted: Painted = self.net.paint(*_read(conditions))
        return Synthesis(image=self._finish(painted.image), extras={"logits": painted.logits})

    def _finish(self, image: Tensor) -> Tensor:
        """In training what is overdrawn is kept, so that it is learnt from."""
        return image if self.training else image.clamp(-1, 1)


def _read(conditions: Sequence[Condition]) -> tuple[Tensor, Tensor]:
    (cond,) = conditions
    assert cond.class_ids is not None and cond.planes is not None
    return cond.class_ids, cond.planes
