"""Critics in files: semsyn's own, and the authors' discriminators."""

import json
import os
from pathlib import Path

from semsyn.convert.checkpoint import read_metadata, read_state, read_states
from semsyn.convert.files import as_path
from semsyn.convert.select import select_state
from semsyn.critics.verdict import Critic
from semsyn.data.io.tensor_files import write_tensors
from semsyn.errors import CheckpointError, InputError
from semsyn.hub.save import check_free
from semsyn.models.released_critics import RELEASED_CRITICS, critic_from_released, find_kind, kind_of, make_critic

KEY = "semsyn-critic"
FORMAT = 1


def load_critic(source: str | os.PathLike[str], *, has_edges: bool | None = None, key: str | None = None) -> Critic:
    """A trained critic, to go on training a pair of networks with.

    Args:
        source: a file of `save_critic`, or the authors' own: ``latest_net_D.pth``, ``best_D.pth``.
        has_edges: whether the last plane that the authors' network reads is the map of borders: so it is with SPADE and
            CLADE on Cityscapes and COCO-Stuff, and with INADE. None: no, or what the file of semsyn says.
        key: where the network stands in a file of several, see `semsyn.convert.select.select_state`.

    Returns:
        the critic, in training mode.

    Raises:
        CheckpointError: if the file is unsafe, damaged, or holds no discriminator of a known kind.
        InputError: if ``has_edges`` says something else than semsyn's own file.
    """
    path = as_path(source)
    metadata = read_metadata(path)
    if KEY not in metadata:
        states = read_states(path)
        _, state = select_state(states, lambda found: find_kind(found) is not None, key=key, what=str(path))
        return critic_from_released(state, has_edges=bool(has_edges), what=str(path))
    kind, edges = _read_description(metadata[KEY], path)
    if has_edges is not None and has_edges != edges:
        raise InputError(f"{path} says has_edges={edges}: leave has_edges={has_edges} out.")
    return make_critic(kind, read_state(path), has_edges=edges, what=str(path))


def save_critic(critic: Critic, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Save a critic so that `load_critic` builds it again.

    Args:
        critic: one of those that were released.
        path: a file that ends in ``.safetensors``.
        overwrite: replace what is there.

    Raises:
        InputError: for another critic or ending, or if the file exists.
    """
    target, kind = as_path(path), kind_of(critic)
    if kind is None:
        raise InputError(f"a {type(critic).__name__} has no file of its own: save its state_dict().")
    if target.suffix != ".safetensors":
        raise InputError(f"{target} must end in .safetensors.")
    check_free([target], overwrite)
    description = {"format": FORMAT, "kind": kind, "has_edges": bool(getattr(critic, "has_edges", False))}
    state = {name: t.detach().cpu() for name, t in critic.state_dict().items()}
    write_tensors(state, target, {KEY: json.dumps(description)})
    return target


def _read_description(text: str, path: Path) -> tuple[str, bool]:
    try:
        said = json.loads(text)
        kind, has_edges, number = said["kind"], said["has_edges"], said["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"the metadata of {path} is damaged: {error}.") from error
    if number != FORMAT or kind not in RELEASED_CRITICS or not isinstance(has_edges, bool):
        raise CheckpointError(f"the metadata of {path} is damaged, or of a later semsyn: {text[:200]}")
    return kind, has_edges
