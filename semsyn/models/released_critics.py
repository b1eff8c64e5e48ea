"""The authors' discriminators: how their files are told apart, read and written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from semsyn.convert.keymap import KeyMap
from semsyn.convert.spectral import complete_spectral_norm
from semsyn.critics.patch import MultiscaleDiscriminator
from semsyn.critics.pyramid import FeaturePyramidDiscriminator
from semsyn.critics.unet import SegmentationDiscriminator
from semsyn.critics.verdict import Critic
from semsyn.errors import CheckpointError
from semsyn.models.oasis.released import DISCRIMINATOR
from semsyn.models.pyramid.released import PATCHGAN
from semsyn.models.scgan.released import FEATURE_PYRAMID

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class ReleasedCritic:
    """One kind.

    Attributes:
        title: for people.
        kind: the class.
        keymap: original names to ours.
        key: an original name that the others have not.
        make: the critic of a state by our names.
    """

    title: str
    kind: type[Critic]
    keymap: KeyMap
    key: str
    make: Callable[..., Critic]


RELEASED_CRITICS: dict[str, ReleasedCritic] = {
    "patch": ReleasedCritic(
        "PatchGANs (SPADE, CLADE, INADE, clVAE, SCGAN for faces)",
        MultiscaleDiscriminator,
        PATCHGAN,
        "discriminator_0.model0.0.weight",
        MultiscaleDiscriminator.of,
    ),
    "pyramid": ReleasedCritic(
        "feature pyramid (SCGAN)",
        FeaturePyramidDiscriminator,
        FEATURE_PYRAMID,
        "tf.weight",
        FeaturePyramidDiscriminator.of,
    ),
    "unet": ReleasedCritic(
        "U-Net (OASIS, iPOSE)",
        SegmentationDiscriminator,
        DISCRIMINATOR,
        "layer_up_last.weight",
        SegmentationDiscriminator.of,
    ),
}


def find_kind(state: State) -> str | None:
    """The kind of an original state, by its names; None if it is no discriminator."""
    return next((kind for kind, released in RELEASED_CRITICS.items() if released.key in state), None)


def critic_from_released(state: State, *, has_edges: bool = False, what: str = "the state") -> Critic:
    """The critic with the weights of an original state.

    Args:
        state: with original names.
        has_edges: the last plane of what it reads is the map of borders.
        what: what messages call the state.

    Raises:
        CheckpointError: if it is no discriminator, or one that is not whole.
    """
    if (kind := find_kind(state)) is None:
        raise CheckpointError(
            f"{what} holds no discriminator: its first names are {', '.join(list(state)[:3])}. Known are "
            f"{'; '.join(released.title for released in RELEASED_CRITICS.values())}."
        )
    released = RELEASED_CRITICS[kind]
    return make_critic(kind, released.keymap.convert(complete_spectral_norm(state)), has_edges=has_edges, what=what)


def make_critic(kind: str, state: State, *, has_edges: bool, what: str) -> Critic:
    """The critic of a kind with a state by our names.

    Raises:
        CheckpointError: if the state is not whole.
    """
    try:
        return RELEASED_CRITICS[kind].make(state, has_edges=has_edges)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{what} holds no whole discriminator of the kind {kind!r}: {reason}") from error


def kind_of(critic: Critic) -> str | None:
    """What its files call it; None for a critic that nobody has released."""
    return next((kind for kind, released in RELEASED_CRITICS.items() if type(critic) is released.kind), None)


def to_released(critic: Critic) -> dict[str, Tensor]:
    """The state of a critic with original names, for the authors' code.

    Raises:
        CheckpointError: for a critic that nobody has released.
    """
    if (kind := kind_of(critic)) is None:
        raise CheckpointError(f"{type(critic).__name__} is none of the released critics, and has no original names.")
    return RELEASED_CRITICS[kind].keymap.invert(critic.state_dict())
