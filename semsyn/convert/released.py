"""The released families side by side: which one wrote a file, with what config, and its weights in our names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from semsyn.convert import clade, inade, spade
from semsyn.convert.keymap import KeyMap, State
from semsyn.convert.pyramid import Facts, Options, check_stem_pixels
from semsyn.convert.spectral import complete_spectral_norm
from semsyn.errors import CheckpointError, InputError, UnknownNameError
from semsyn.models import get_family

States = Mapping[str, State]  # by role: generator, encoder

# What a config needs and no file tells, as the arguments that say it.
ASKED = {"image_size": "image_size=(h, w)", "upsampling": "upsampling='normal', 'more' or 'most'"}


@dataclass(frozen=True)
class Released:
    """How one family's original files are read.

    Attributes:
        from_options: original options to our config.
        recognise: a generator's state to what it tells of the config, None if another family wrote it.
        generator, latent_generator: key maps of generators that start from the label map, or from a code.
        encoder: key map of the encoder.
        encoder_input: the key of the encoder's first convolution, whose outputs are the encoder's width.
    """

    from_options: Callable[[Options], Any]
    recognise: Callable[[State], Facts | None]
    generator: KeyMap | None
    latent_generator: KeyMap
    encoder: KeyMap
    encoder_input: str

    def generator_keymap(self, state: State) -> KeyMap:
        """The key map for this generator's stem.

        Raises:
            CheckpointError: if the family has no generators with such a stem.
        """
        keymap = self.latent_generator if state["fc.weight"].ndim == 2 else self.generator
        if keymap is None:
            raise CheckpointError("generators of this family start from a code, but fc.weight here is a convolution.")
        return keymap


RELEASED = {
    "spade": Released(
        spade.from_released_options,
        spade.recognise,
        spade.GENERATOR,
        spade.LATENT_GENERATOR,
        spade.ENCODER,
        "layer1.0.weight_orig",
    ),
    "clade": Released(
        clade.from_released_options,
        clade.recognise,
        clade.GENERATOR,
        clade.LATENT_GENERATOR,
        spade.ENCODER,
        "layer1.0.weight_orig",
    ),
    "inade": Released(
        inade.from_released_options, inade.recognise, None, inade.GENERATOR, inade.ENCODER, "layer1.weight"
    ),
}


def get_released(family: str) -> Released:
    """How a family's original files are read.

    Raises:
        UnknownNameError: for a family without a converter.
    """
    if family not in RELEASED:
        raise UnknownNameError("family", family, list(RELEASED))
    return RELEASED[family]


def recognise(state: State, *, what: str = "the file") -> tuple[str, Facts]:
    """Tell the family, and what there is to tell of the config, from the keys and shapes of a generator.

    Args:
        state: original state dict.
        what: what messages call it.

    Returns:
        the family's name, and fields of its config; ``label_channels`` where classes and edges cannot be told apart.

    Raises:
        CheckpointError: if no family knows the keys; the message says what the file seems to be.
    """
    for family, released in RELEASED.items():
        try:
            facts = released.recognise(state)
        except (KeyError, IndexError) as error:
            title = get_family(family).title
            raise CheckpointError(f"{what} looks like {title}, but its first layers do not: {error}.") from error
        if facts is not None:
            return family, facts
    if any(key.startswith("discriminator_") for key in state):
        advice = "it is a discriminator; pass the file that ends in _net_G.pth"
    elif "fc_mu.weight" in state or "scale_conv_mu.weight" in state:
        advice = "it is an encoder; pass {'generator': …, 'encoder': …}"
    elif any("parametrizations" in key for key in state):
        advice = "its names are semsyn's; save it with save_pretrained"
    else:
        advice = f"its first keys are {', '.join(list(state)[:3])}"
    titles = ", ".join(get_family(family).title for family in RELEASED)
    raise CheckpointError(f"{what} holds no generator of {titles}: {advice}.")


def infer_config(states: States, known: Mapping[str, Any], *, source: str = "the arguments") -> Any:
    """The config of original files.

    Args:
        states: original state dicts by role.
        known: fields of the config from elsewhere, for what the files do not tell (the picture's size, the depth,
            whether SPADE's last label channel is the edge map). Where the files do tell, both must agree; but no
            original option names a hidden width or says whether an encoder is there, so there the file decides. None
            says nothing.
        source: what messages call the origin of ``known``.

    Raises:
        CheckpointError: if the files and ``known`` disagree.
        InputError: if something is still missing; the message names the arguments.
    """
    family, facts = recognise(states["generator"])
    config_class = get_family(family).config_class
    names = {field.name for field in fields(config_class)}
    known = {name: value for name, value in known.items() if value is not None and name in names}
    told = _split_channels(facts, known)
    checked = [name for name in told if name in known and name != "hidden"]
    if wrong := [name for name in checked if known[name] != told[name]]:
        differences = "; ".join(f"{name} is {told[name]} in the file, {known[name]} was expected" for name in wrong)
        raise CheckpointError(f"the file does not fit {source}: {differences}.")
    values = {**known, **told, **_encoder_facts(family, states, told["width"])}
    if missing := [name for name in ASKED if name not in values]:
        asked = " and ".join(ASKED[name] for name in missing)
        raise InputError(f"the file does not tell {' and '.join(missing)}: pass {asked}, or card=.")
    check_stem_pixels(states["generator"], values)
    return config_class(**values)


def _split_channels(facts: Facts, known: Mapping[str, Any]) -> Facts:
    """SPADE's files count classes and the edge map together; the other families' tell them apart."""
    told = dict(facts)
    channels = told.pop("label_channels", None)
    if channels is None:
        return told
    if "has_edges" in known:
        has_edges = bool(known["has_edges"])
    elif 0 <= channels - known.get("num_classes", -1) <= 1:
        has_edges = channels > known["num_classes"]
    else:
        raise InputError(
            f"the file has {channels} label channels and does not tell whether the last is the edge map: pass "
            "has_edges=True or False, or card=."
        )
    return {**told, "has_edges": has_edges, "num_classes": channels - has_edges}


def _encoder_facts(family: str, states: States, width: int) -> Facts:
    if "encoder" not in states:
        return {"has_encoder": False, "encoder_width": None}
    first = states["encoder"].get(get_released(family).encoder_input)
    if first is None:
        raise CheckpointError(
            f"the encoder's file does not belong to {get_family(family).title}: it holds "
            f"{', '.join(list(states['encoder'])[:3])}, …"
        )
    return {"has_encoder": True, "encoder_width": None if first.shape[0] == width else first.shape[0]}


def convert_states(family: str, states: States) -> dict[str, Tensor]:
    """Original state dicts by role to the one of our `Generator` (the encoder is inside).

    Counters of batch norms, which files of very old torch versions lack, start at 0.
    """
    released = get_released(family)
    generator = complete_spectral_norm(states["generator"])
    converted = released.generator_keymap(generator).convert(generator)
    for key in [key for key in converted if key.endswith(".running_var")]:
        converted.setdefault(key.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    if "encoder" in states:
        encoder = released.encoder.convert(complete_spectral_norm(states["encoder"]))
        converted |= {f"encoder.{key}": tensor for key, tensor in encoder.items()}
    return converted
