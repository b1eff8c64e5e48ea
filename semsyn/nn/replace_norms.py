"""Put a conditional norm into an existing network."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn.conditional import Conditional, ConditionalNorm, MakeNorm
from semsyn.records.condition import Condition

REPLACED: tuple[type[nn.Module], ...] = (nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm)


class NormSlot(nn.Module):
    """Stands where a norm stood and hands its features, with the condition of the call, to a conditional layer."""

    def __init__(self, layer: ConditionalNorm) -> None:
        super().__init__()
        self.layer = layer
        self.levels: dict[tuple[int, int], Condition] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.levels:
            raise InputError(
                "this network was modulated by replace_norms: call the ModulatedNetwork it returned, with cond=."
            )
        size = (x.shape[2], x.shape[3])
        if size not in self.levels:
            self.levels[size] = next(iter(self.levels.values())).resized(size)
        return self.layer(x, self.levels[size])


class ModulatedNetwork(nn.Module):
    """A network whose norms were replaced: ``network(x, cond=condition)``.

    Args:
        network: the network, with a `NormSlot` in place of each norm.

    The condition is given at full size; each slot reads it at the size of its features (nearest, floor rule; each size
    made once a call). A bare tensor is taken as class_ids.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def slots(self) -> Iterable[NormSlot]:
        """The replaced norms, in the order of the network's modules."""
        return (m for m in self.network.modules() if isinstance(m, NormSlot))

    def forward(self, *args: Any, cond: Condition | Tensor, **kwargs: Any) -> Any:
        cond = Condition(class_ids=cond) if isinstance(cond, Tensor) else cond
        levels = {cond.size: cond}
        for slot in self.slots():
            slot.levels = levels
        try:
            return self.network(*args, **kwargs)
        finally:
            for slot in self.slots():
                slot.levels = None


def replace_norms(
    model: nn.Module,
    factory: MakeNorm,
    *,
    kinds: tuple[type[nn.Module], ...] = REPLACED,
    where: Callable[[str], bool] = lambda name: True,
) -> ModulatedNetwork:
    """Replace the norms of a network by a conditional layer, in place.

    Args:
        model: any network of 2-d features.
        factory: makes the layer for c channels: ``partial(CLADE, num_classes=19)``.
        kinds: module types that count as norms.
        where: told the dotted name of a norm, says whether to replace it.

    Returns:
        The network, its new layers on its device and in its dtype, behind a call that takes the condition:
        ``replace_norms(unet, factory)(x, cond=class_ids)``.

    Raises:
        InputError: if nothing matches, or the layer changes the number of channels.
    """
    conditional = tuple(f"{name}." for name, m in model.named_modules() if isinstance(m, Conditional))  # norms of ours
    found = [
        (name, m)
        for name, m in model.named_modules()
        if isinstance(m, kinds) and not name.startswith(conditional) and where(name)
    ]
    if not found:
        raise InputError(f"the network has no {', '.join(k.__name__ for k in kinds)} to replace.")
    for name, norm in found:
        channels = norm.num_channels if isinstance(norm, nn.GroupNorm) else norm.num_features
        layer = factory(int(channels))  # type: ignore[arg-type]
        if layer.out_channels != channels:
            raise InputError(
                f"{name} has {channels} channels, but the new layer returns {layer.out_channels}. Leave out edges."
            )
        like = next(model.parameters(), None)
        parent, _, last = name.rpartition(".")
        setattr(
            model.get_submodule(parent), last, NormSlot(layer if like is None else layer.to(like.device, like.dtype))
        )
    return ModulatedNetwork(model)
