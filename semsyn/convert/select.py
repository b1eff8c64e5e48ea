"""Which of the networks in a file is wanted, and its names without what training has put around them."""

from collections.abc import Callable, Iterable, Mapping

from torch import Tensor

from semsyn.convert.checkpoint import list_states
from semsyn.convert.spectral import rename_spectral_norm
from semsyn.errors import CheckpointError

__all__ = ["select_state", "unwrap_names"]

State = Mapping[str, Tensor]
Fits = Callable[[State], bool]

# Parts of names that torch.compile, FSDP and activation checkpointing add, wherever they wrap a module.
WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
PARALLEL = "module."  # what DataParallel adds, to all names
MAX_DEPTH = 3  # of the names that networks stand under in the state of a larger module


def unwrap_names(state: State) -> dict[str, Tensor]:
    """A state by the names that its network has without wrappers, and with spectral norm of the older kind.

    Undone are ``_orig_mod`` (torch.compile) and its like anywhere in a name, ``module.`` where every name has it, and
    the names that ``torch.nn.utils.parametrizations.spectral_norm`` gives.

    Raises:
        CheckpointError: if two names become one.
    """
    unwrapped: dict[str, Tensor] = {}
    for key, tensor in state.items():
        name = ".".join(part for part in key.split(".") if part not in WRAPPERS)
        if name in unwrapped:
            raise CheckpointError(f"the state holds {name!r} twice, once within a wrapper ({key!r}).")
        unwrapped[name] = tensor
    while unwrapped and all(name.startswith(PARALLEL) for name in unwrapped):
        unwrapped = {name.removeprefix(PARALLEL): tensor for name, tensor in unwrapped.items()}
    return rename_spectral_norm(unwrapped)


def select_state(
    states: Mapping[str, State], fits: Fits, *, key: str | None = None, what: str = "the file"
) -> tuple[str, dict[str, Tensor]]:
    """The state of one network among all that a file holds.

    A network may be a state dict of its own, or stand in the state of a larger module under a name, such as ``netG.``.
    The first are asked first.

    Args:
        states: as of `semsyn.convert.checkpoint.read_states`.
        fits: tells the wanted kind of network by its names.
        key: where it stands: the name of a state dict, of a part of one (``netG``), or both (``state_dict.netG``).
            None: the only one that fits, or the only one that there is.
        what: what messages call the file.

    Returns:
        where it stands, and its state as of `unwrap_names`.

    Raises:
        CheckpointError: if there is nothing under the key, or without one several fit, or none of several; the message
            lists what there is, with the number of tensors.
    """
    whole = {name: unwrap_names(state) for name, state in states.items()}
    if key is not None:
        whole = _take(whole, key, what)
    for depth in range(MAX_DEPTH + 1):
        found = _list_parts(whole, depth) if depth else whole
        fitting = {name: state for name, state in found.items() if fits(state)}
        if len(fitting) > 1:
            raise CheckpointError(f"{what} holds several networks that fit: {list_states(fitting)}. {_advise(fitting)}")
        if fitting:
            return next(iter(fitting.items()))
    if len(whole) > 1:
        raise CheckpointError(f"{what} holds several state dicts, none of a known network: {list_states(whole)}.")
    return next(iter(whole.items()))


def _take(whole: Mapping[str, dict[str, Tensor]], key: str, what: str) -> dict[str, dict[str, Tensor]]:
    """What stands under a key: state dicts, or a part of one."""
    inside = {name: state for name, state in whole.items() if name == key or name.startswith(f"{key}.")}
    parts: dict[str, dict[str, Tensor]] = {}
    for depth in range(1, MAX_DEPTH + 1):
        parts |= _list_parts(whole, depth)
    if inside or key in parts:
        return inside or {key: parts[key]}
    there = _list_parts(whole, 1) if "" in whole else whole
    raise CheckpointError(f"{what} holds nothing under the key {key!r}; it holds {list_states(there)}.")


def _list_parts(whole: Mapping[str, State], depth: int) -> dict[str, dict[str, Tensor]]:
    """The states under the first parts of the names in each state, by where they stand."""
    parts: dict[str, dict[str, Tensor]] = {}
    for at, state in whole.items():
        for key, tensor in state.items():
            pieces = key.split(".", depth)
            if len(pieces) > depth:
                name = ".".join([*([at] if at else []), *pieces[:depth]])
                parts.setdefault(name, {})[pieces[depth]] = tensor
    return {name: unwrap_names(part) for name, part in parts.items()}


def _advise(names: Iterable[str]) -> str:
    return f"Choose one by its key: key={next(iter(names))!r} (on the command line --key)."
