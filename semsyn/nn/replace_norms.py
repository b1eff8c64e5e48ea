"""Put a conditional norm into an existing network."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from torch import Tensor, nn

from semsyn.errors import InputError, InputTypeError
from semsyn.nn.checkpointing import checkpointed
from semsyn.nn.conditional import Conditional, MakeNorm
from semsyn.nn.norms import BatchNorm, InstanceNorm, SyncBatchNorm
from semsyn.nn.prepared_condition import Levels, PreparedCondition
from semsyn.nn.replicate import replicate
from semsyn.nn.untouched import is_untouched
from semsyn.ops.modes import is_traced
from semsyn.records.condition import Condition
from semsyn.signature import checked

REPLACED: tuple[type[nn.Module], ...] = (
    nn.BatchNorm2d,
    nn.SyncBatchNorm,
    nn.InstanceNorm2d,
    nn.GroupNorm,
    BatchNorm,
    SyncBatchNorm,
    InstanceNorm,
)


class NormSlot(nn.Module):
    """Stands where a norm stood and hands its features, with the condition of the call, to a conditional layer.

    Args:
        name: where it stood, for messages.
        layer: the conditional layer.
        after: what of the norm follows it; None: nothing.

    Shape: n c h w, or n c (h w) as attention has its tokens, where the features before tell h and w.
    """

    levels: Levels | None = None
    checkpoints: bool = False

    def __init__(self, name: str, layer: Conditional, after: nn.Module | None = None) -> None:
        super().__init__()
        self.name = name
        self.layer = layer
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        if self.levels is None:
            raise InputError(
                f"{self.name} of this network was modulated by replace_norms, but reached without a condition: call "
                "the ModulatedNetwork it returned, with cond=. What a network keeps outside of its modules, or a "
                "function that replaced a forward, does not belong to that call."
            )
        size = (x.shape[-2], x.shape[-1]) if x.ndim == 4 else self.levels.find_size(x.shape[2]) if x.ndim == 3 else None
        if size is None:
            raise InputError(
                f"{self.name} was given features of shape {tuple(x.shape)}; which pixels they show is not known. Leave "
                f"it as it is: replace_norms(…, where=lambda name: name != {self.name!r})."
            )
        given = x.unflatten(2, size) if x.ndim == 3 else x
        y = checkpointed(self.levels.run, self.layer, given) if self.checkpoints else self.levels.run(self.layer, given)
        y = y.flatten(2) if x.ndim == 3 else y
        return y if self.after is None else self.after(y)


class ModulatedNetwork(nn.Module):
    """A network whose norms were replaced: ``network(x, cond=condition)``.

    Args:
        network: the network, with a `NormSlot` in place of each norm.

    The condition is given at full size; each slot reads it at the size of its features. A bare tensor is taken as
    class_ids. It belongs to the call alone: threads may call at once, with conditions of their own, and activation
    checkpointing inside of the network finds the one that its part was first run with. For that, a call runs a replica
    (see `semsyn.nn.replicate`); compiled, the network itself.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def slots(self) -> Iterator[NormSlot]:
        """The replaced norms, in the order of the network's modules; not those of modulated networks inside of it."""
        modules = list(self.network.named_modules())
        others = tuple(f"{name}." for name, m in modules if isinstance(m, ModulatedNetwork))
        return (m for name, m in modules if isinstance(m, NormSlot) and not name.startswith(others))

    def prepare(self, cond: Condition | Tensor) -> PreparedCondition:
        """The condition for many calls with the same weights, such as the steps of a denoising, to be given as
        ``cond=``: without gradients and in evaluation, what layers make of the condition alone is made once."""
        return PreparedCondition(cond)

    def forward(self, *args: Any, cond: Condition | Tensor | PreparedCondition, **kwargs: Any) -> Any:
        if not isinstance(cond, Condition | Tensor | PreparedCondition):
            raise InputTypeError(
                f"cond must be a Condition, or class_ids (n h w), found {type(cond).__name__}. See Condition.of(...)."
            )
        levels = cond.levels() if isinstance(cond, PreparedCondition) else PreparedCondition.of_one_call(cond)
        if is_traced():
            return self._run_in_place(levels, *args, **kwargs)
        replica = replicate(self.network, _is_slot, enters=_holds_own_slots)
        for _, copy, before in replica.copies:
            if isinstance(copy, NormSlot):
                copy.levels = before["levels"] = levels
        try:
            return replica.network(*args, **kwargs)
        finally:
            replica.hand_back()

    def _run_in_place(self, levels: Levels, *args: Any, **kwargs: Any) -> Any:
        """As a compiler can follow it."""
        for slot in self.slots():
            slot.levels = levels
        try:
            return self.network(*args, **kwargs)
        finally:
            for slot in self.slots():
                slot.levels = None


@checked()
def replace_norms(
    model: nn.Module,
    factory: MakeNorm,
    *,
    kinds: type[nn.Module] | Iterable[type[nn.Module]] = REPLACED,
    where: Callable[[str], bool] = lambda name: True,
    after: Callable[[nn.Module], nn.Module | None] | None = None,
) -> ModulatedNetwork:
    """Replace the norms of a network by a conditional layer, in place.

    Args:
        model: any network of 2-d features.
        factory: makes the layer for c channels: ``partial(CLADE, num_classes=19)``.
        kinds: module types that count as norms: these exactly. Types derived from them may do more, so they are to be
            named here, too, or left out by ``where``.
        where: told the dotted name of a norm, says whether to replace it.
        after: given a norm, what of it runs behind the new layer, or None; for norms that hold more, such as timm's
            ``BatchNormAct2d``: ``after=lambda norm: nn.Sequential(norm.drop, norm.act)``.

    Returns:
        The network behind a call that takes the condition: ``replace_norms(unet, factory)(x, cond=class_ids)``. The new
        layers have mode, device and dtype of the old ones; a norm that was used in several places is one layer there.

    Raises:
        InputError: if nothing matches, a norm is of a type derived from the kinds, holds more or has hooks, or the
            layer changes the number of channels. Then the network is as it was.
        InputTypeError: if the factory makes no conditional layer.
    """
    exact: tuple[type[nn.Module], ...] = (kinds,) if isinstance(kinds, type) else tuple(kinds)
    inner = model.network if isinstance(model, ModulatedNetwork) else model
    names: dict[nn.Module, list[str]] = {}
    for name, norm in _find_norms(inner, exact):
        if where(name):
            names.setdefault(norm, []).append(name)
    if not names:
        raise InputError(f"the network has no {', '.join(dict.fromkeys(k.__name__ for k in exact))} to replace.")
    slots = {norm: _make_slot(inner, places[0], norm, factory, exact, after) for norm, places in names.items()}
    for norm, places in names.items():
        for name in places:
            if not name:  # the network is a norm
                return ModulatedNetwork(slots[norm])
            parent, _, last = name.rpartition(".")
            inner.get_submodule(parent)._modules[last] = slots[norm]
    return model if isinstance(model, ModulatedNetwork) else ModulatedNetwork(model)


def _is_slot(module: nn.Module) -> bool:
    return isinstance(module, NormSlot)


def _holds_own_slots(module: nn.Module) -> bool:
    """Whether slots inside belong to this network's call: not those of a modulated network inside of it."""
    return not isinstance(module, ModulatedNetwork | NormSlot)


def _find_norms(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[tuple[str, nn.Module]]:
    """Under every name they have, but for those inside of conditional layers, which are ours."""
    modules = list(model.named_modules(remove_duplicate=False))
    conditional = tuple(f"{name}." for name, m in modules if isinstance(m, Conditional))
    return ((name, m) for name, m in modules if isinstance(m, kinds) and not name.startswith(conditional))


def _make_slot(
    model: nn.Module,
    name: str,
    norm: nn.Module,
    factory: MakeNorm,
    kinds: tuple[type[nn.Module], ...],
    after: Callable[[nn.Module], nn.Module | None] | None,
) -> NormSlot:
    kind = type(norm)
    if kind not in kinds:
        base = next(k for k in kinds if isinstance(norm, k))
        raise InputError(
            f"{name} is a {kind.__name__}, which may do more than the {base.__name__} it derives from. Name it, "
            f"kinds=({kind.__name__}, …), and what of it stays, after=lambda norm: …; or leave it out with where=."
        )
    if after is None and norm._modules:
        raise InputError(
            f"{name}, a {kind.__name__}, holds more than a norm: {', '.join(norm._modules)}. Say what of it stays: "
            f"after=lambda norm: norm.{next(iter(norm._modules))}, or None for nothing."
        )
    if not is_untouched(norm):
        raise InputError(
            f"{name} has hooks, or a forward that somebody replaced, which would be lost with it. Take them off first "
            "(offload, shard and hook the network afterwards), or leave it out with where=."
        )
    channels = _count_channels(name, norm)
    layer = factory(channels)
    if not isinstance(layer, Conditional):
        raise InputTypeError(f"the factory must make a conditional layer, such as CLADE; found {type(layer).__name__}.")
    if layer.out_channels != channels:
        raise InputError(
            f"{name} has {channels} channels, but the new layer returns {layer.out_channels}. Leave out edges."
        )
    near = model.get_submodule(name.rpartition(".")[0])
    tensors = chain(*((*m.parameters(), *m.buffers()) for m in (norm, near, model)))
    if (like := next((t for t in tensors if t.is_floating_point()), None)) is not None:
        layer.to(like.device, like.dtype)
    return NormSlot(name, layer.train(norm.training), None if after is None else after(norm)).train(norm.training)


def _count_channels(name: str, norm: nn.Module) -> int:
    for attribute in ("num_features", "num_channels", "channels", "normalized_shape"):
        match getattr(norm, attribute, None):
            case int(channels) | (int(channels),):
                return channels
    raise InputError(f"{name}, a {type(norm).__name__}, does not say how many channels it has; leave it out: where=.")
