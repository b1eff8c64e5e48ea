"""The released families side by side: which one wrote a file, with what config, and its weights in our names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from semsyn.convert import clade, inade, ipose, oasis, scgan, spade
from semsyn.convert.keymap import KeyMap, State
from semsyn.convert.pyramid import Facts, Options, check_stem_pixels
from semsyn.convert.spectral import complete_spectral_norm
from semsyn.errors import CheckpointError, InputError, UnknownNameError
from semsyn.models.registry import family_of, get_family

States = Mapping[str, State]  # by role: generator, encoder

# What a config needs and no file tells, as the arguments that say it.
ASKED = {
    "image_size": "image_size=(h, w)",
    "upsampling": "upsampling='normal', 'more' or 'most'",
    "temperature": "options= (opt.txt, the authors' yml file, or a mapping), which tell the position maps, too",
}


@dataclass(frozen=True, kw_only=True)
class Released:
    """How one family's original files are read.

    Attributes:
        from_options: original options to our config.
        recognise: a generator's state to what it tells of the config, None if another family wrote it.
        keymap: the generator's key map, which may depend on the config.
        encoder: key map of the encoder; None: the family has none.
        encoder_input: the key of the encoder's first convolution, whose outputs are the encoder's width.
        label_channels: what a config makes of the fact ``label_channels``, for families whose files have it.
        split_channels: facts with ``label_channels``, and what is known besides, to facts without.
        defaults: entries of our state that the files lack.
        unchecked: fields of the config for which the file decides, whatever a card or options say; what no original
            option tells is among them.
        has_yaml: whether the authors give options in yml files.
    """

    from_options: Callable[[Options], Any]
    recognise: Callable[[State], Facts | None]
    keymap: Callable[[Any], KeyMap]
    encoder: KeyMap | None = None
    encoder_input: str = ""
    label_channels: Callable[[Any], int] | None = None
    split_channels: Callable[[Facts, Mapping[str, Any]], Facts] | None = None
    defaults: Callable[[Any], dict[str, Tensor]] = lambda config: {}
    unchecked: tuple[str, ...] = ()
    has_yaml: bool = False


_SPADE_ENCODER: dict[str, Any] = {"encoder": spade.ENCODER, "encoder_input": "layer1.0.weight_orig"}

RELEASED = {
    "spade": Released(
        from_options=spade.from_released_options,
        recognise=spade.recognise,
        keymap=spade.generator_keymap,
        label_channels=spade.label_channels,
        split_channels=spade.split_channels,
        unchecked=("hidden",),
        **_SPADE_ENCODER,
    ),
    "clade": Released(
        from_options=clade.from_released_options,
        recognise=clade.recognise,
        keymap=clade.generator_keymap,
        **_SPADE_ENCODER,
    ),
    "inade": Released(
        from_options=inade.from_released_options,
        recognise=inade.recognise,
        keymap=inade.generator_keymap,
        encoder=inade.ENCODER,
        encoder_input="layer1.weight",
    ),
    "oasis": Released(
        from_options=oasis.from_released_options,
        recognise=oasis.recognise,
        keymap=oasis.generator_keymap,
        label_channels=oasis.label_channels,
        split_channels=oasis.split_channels,
        unchecked=("hidden",),
    ),
    "ipose": Released(
        from_options=ipose.from_released_options,
        recognise=ipose.recognise,
        keymap=ipose.generator_keymap,
        label_channels=oasis.label_channels,
        split_channels=oasis.split_channels,
        defaults=ipose.defaults,
        unchecked=("hidden", "part_channels", "part_widths", "part_layers", "num_parts"),
    ),
    "scgan": Released(
        from_options=scgan.from_released_options,
        recognise=scgan.recognise,
        keymap=scgan.generator_keymap,
        label_channels=scgan.label_channels,
        split_channels=scgan.split_channels,
        unchecked=("hidden", "has_edges", "has_preview"),
        has_yaml=True,
        **_SPADE_ENCODER,
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
        the family's name, and fields of its config; ``label_channels`` where classes cannot be told from edges or
        noise.

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
    if any(key.startswith(("discriminator_", "body_down.", "enc1.")) for key in state):
        advice = "it is a discriminator; pass the generator's file, which ends in _net_G.pth or _EMA.pth"
    elif "fc_mu.weight" in state or "scale_conv_mu.weight" in state:
        advice = "it is an encoder; pass {'generator': …, 'encoder': …}"
    elif any("parametrizations" in key for key in state):
        advice = "its names are semsyn's; save it with save_pretrained"
    else:
        advice = f"its first keys are {', '.join(list(state)[:3])}"
    titles = ", ".join(get_family(family).title for family in RELEASED)
    raise CheckpointError(f"{what} holds no generator of {titles}: {advice}.")


def merge_states(states: States) -> dict[str, State]:
    """States by role as one network has them: PartNet's file, where there is one, goes into the generator's.

    Raises:
        CheckpointError: if the generator holds another PartNet, or has no use for one.
    """
    merged = dict(states)
    part_net = merged.pop("part_net", None)
    if part_net is not None:
        if recognise({**states["generator"], **ipose.with_prefix(part_net)})[0] != "ipose":
            raise CheckpointError("only iPOSE's generators have a PartNet: leave the file of the role 'part_net' out.")
        merged["generator"] = ipose.merge_part_net(states["generator"], part_net)
    return merged


def infer_config(states: States, known: Mapping[str, Any], *, source: str = "the arguments") -> Any:
    """The config of original files.

    Args:
        states: original state dicts by role.
        known: fields of the config from elsewhere, for what the files do not tell (the picture's size, the depth,
            whether SPADE's last label channel is the edge map, how many of OASIS' are noise). Where the files do tell,
            both must agree; but no original option names a hidden width or says whether an encoder is there, so there
            the file decides. None says nothing.
        source: what messages call the origin of ``known``.

    Raises:
        CheckpointError: if the files and ``known`` disagree.
        InputError: if something is still missing; the message names the arguments.
    """
    family, facts = recognise(states["generator"])
    config_class = get_family(family).config_class
    names = {field.name for field in fields(config_class)}
    known = {name: value for name, value in known.items() if value is not None and name in names}
    released = get_released(family)
    told = facts if released.split_channels is None else released.split_channels(facts, known)
    checked = [name for name in told if name in known and name not in released.unchecked]
    if wrong := [name for name in checked if known[name] != told[name]]:
        differences = "; ".join(f"{name} is {told[name]} in the file, {known[name]} was expected" for name in wrong)
        raise CheckpointError(f"the file does not fit {source}: {differences}.")
    values = {**known, **told, **_encoder_facts(family, states, told["width"])}
    if missing := [name for name in ASKED if name in names and name not in values]:
        asked = " and ".join(ASKED[name] for name in missing)
        raise InputError(f"the file does not tell {' and '.join(missing)}: pass {asked}, or card=.")
    check_stem_pixels(states["generator"], values)
    return config_class(**values)


def _encoder_facts(family: str, states: States, width: int) -> Facts:
    released = get_released(family)
    if released.encoder is None:
        if "encoder" in states:
            raise CheckpointError(f"{get_family(family).title} has no encoder, but an encoder's file was given.")
        return {}
    if "encoder" not in states:
        return {"has_encoder": False, "encoder_width": None}
    first = states["encoder"].get(released.encoder_input)
    if first is None:
        raise CheckpointError(
            f"the encoder's file does not belong to {get_family(family).title}: it holds "
            f"{', '.join(list(states['encoder'])[:3])}, …"
        )
    return {"has_encoder": True, "encoder_width": None if first.shape[0] == width else first.shape[0]}


def convert_states(config: Any, states: States) -> dict[str, Tensor]:
    """Original state dicts by role to the one of our `Generator` (the encoder is inside).

    Counters of batch norms, which files of very old torch versions lack, start at 0.

    Args:
        config: what `infer_config` makes of them.
        states: original state dicts by role.

    Raises:
        CheckpointError: for keys that have no place in such a network.
    """
    released = get_released(family_of(config).name)
    converted = released.keymap(config).convert(complete_spectral_norm(states["generator"]))
    for key in [key for key in converted if key.endswith(".running_var")]:
        converted.setdefault(key.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    if "encoder" in states:
        assert released.encoder is not None
        encoder = released.encoder.convert(complete_spectral_norm(states["encoder"]))
        converted |= {f"encoder.{key}": tensor for key, tensor in encoder.items()}
    return converted | released.defaults(config)
