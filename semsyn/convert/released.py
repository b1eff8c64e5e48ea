"""The released families side by side: which one wrote a file, with what config, and its weights in our names."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

import torch
from torch import Tensor

from semsyn.convert import clade, inade, spade
from semsyn.convert.keymap import KeyMap, State, check_state
from semsyn.convert.pyramid import Facts, Options, check_stem_pixels
from semsyn.convert.spectral import complete_spectral_norm
from semsyn.errors import CheckpointError, UnknownNameError
from semsyn.models import Generator, get_family

States = Mapping[str, State]  # by role: generator, encoder

FILE_DECIDES = ("hidden", "has_encoder", "encoder_width")  # no original option says these, so none can disagree


@dataclass(frozen=True)
class Released:
    """How one family's original files are read.

    Attributes:
        from_options: original options to our config.
        recognise: a generator's state to what it tells of the config, None if another family wrote it.
        generator, latent_generator: key maps of generators that start from the label map, or from a code.
        encoder: key map of the encoder.
    """

    from_options: Callable[[Options], Any]
    recognise: Callable[[State], Facts | None]
    generator: KeyMap | None
    latent_generator: KeyMap
    encoder: KeyMap

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
        spade.from_released_options, spade.recognise, spade.GENERATOR, spade.LATENT_GENERATOR, spade.ENCODER
    ),
    "clade": Released(
        clade.from_released_options, clade.recognise, clade.GENERATOR, clade.LATENT_GENERATOR, spade.ENCODER
    ),
    "inade": Released(inade.from_released_options, inade.recognise, None, inade.GENERATOR, inade.ENCODER),
}


def get_released(family: str) -> Released:
    """How a family's original files are read.

    Raises:
        UnknownNameError: for a family without a converter.
    """
    if family not in RELEASED:
        raise UnknownNameError("family", family, list(RELEASED))
    return RELEASED[family]


@dataclass(frozen=True)
class Recognised:
    """What original files tell by themselves.

    Attributes:
        family: as in ``family/dataset``.
        facts: fields of the config (and ``label_channels`` where classes and edges cannot be told apart).
    """

    family: str
    facts: Facts

    @property
    def verdict(self) -> str:
        """In words: "CLADE, 151 classes, ICPE, width 64"."""
        facts = self.facts
        counted = (
            f"{facts['num_classes']} classes" if "num_classes" in facts else f"{facts['label_channels']} label channels"
        )
        flags = {
            "edges": facts.get("has_edges"),
            "ICPE": facts.get("has_offsets"),
            "sketch": facts.get("has_sketch"),
            "VAE": self.family != "inade" and "code_dim" in facts,
            "encoder": facts.get("has_encoder"),
        }
        return ", ".join(
            [get_family(self.family).title, counted, *(n for n, on in flags.items() if on), f"width {facts['width']}"]
        )


def recognise(states: States) -> Recognised:
    """Tell family and config from the keys and shapes of original files.

    Raises:
        CheckpointError: if no family knows the generator's keys; the message shows some of them.
    """
    if "generator" not in states:
        raise CheckpointError(
            f"there is no generator among the files ({sorted(states)}): name it {{'generator': path}}."
        )
    state = states["generator"]
    for family, released in RELEASED.items():
        facts = released.recognise(state)
        if facts is not None:
            if "encoder" in states:
                first = states["encoder"].get("layer1.0.weight_orig", states["encoder"].get("layer1.weight"))
                if first is None:
                    raise CheckpointError(
                        f"the encoder file is not one of {family}: it holds {sorted(states['encoder'])[:4]}, …"
                    )
                facts |= {"has_encoder": True, "encoder_width": first.shape[0]}
            return Recognised(family, facts)
    raise CheckpointError(
        f"this is no generator of {', '.join(RELEASED)}: it holds {len(state)} entries such as {sorted(state)[:4]}. "
        "Is it a discriminator (net_D), an optimiser state, or a checkpoint of another project?"
    )


def infer_config(states: States, known: Mapping[str, Any]) -> Any:
    """The config of original files.

    Args:
        states: original state dicts by role.
        known: config fields from a card, an ``opt.txt`` or the user, for what the files do not tell (the picture's
            size, the depth, SPADE's edges). What the files do tell must agree.

    Raises:
        CheckpointError: if both disagree, or something is still missing; the message names it.
    """
    recognised = recognise(states)
    facts, family = dict(recognised.facts), get_family(recognised.family)
    label_channels = facts.pop("label_channels", None)
    names = {f.name for f in fields(family.config_class)}
    known = {name: value for name, value in known.items() if name in names and value is not None}
    if label_channels is not None:
        if "has_edges" not in known and "num_classes" in known:
            facts["has_edges"] = known["num_classes"] != label_channels
        elif "has_edges" in known:
            facts["num_classes"] = label_channels - known["has_edges"]
    for name, value in facts.items():
        if name in known and known[name] != value and name not in FILE_DECIDES:
            raise CheckpointError(
                f"the file is {recognised.verdict}, but {name} was said to be {known[name]}, and the file has {value}. "
                "Is it the checkpoint of another data set or variant?"
            )
    merged = {**known, **facts}
    merged.setdefault("has_encoder", False)
    if "encoder" not in states:
        merged["has_encoder"] = False
    required = [f.name for f in fields(family.config_class) if f.default is MISSING and f.default_factory is MISSING]
    required += ["upsampling"] + (["has_edges"] if label_channels is not None else [])
    if missing := [name for name in dict.fromkeys(required) if name not in merged]:
        raise CheckpointError(
            f"the file is {recognised.verdict}, but it does not tell {', '.join(missing)}. Name the card (semsyn list), "
            f"or give {', '.join(f'{name}=…' for name in missing)}."
        )
    check_stem_pixels(states["generator"], merged)
    return family.config_class(**merged)


def convert_states(family: str, states: States) -> dict[str, Tensor]:
    """Original state dicts by role to the one of our `Generator` (the encoder is inside)."""
    released = get_released(family)
    generator = complete_spectral_norm(states["generator"])
    converted = released.generator_keymap(generator).convert(generator)
    if "encoder" in states:
        encoder = released.encoder.convert(complete_spectral_norm(states["encoder"]))
        converted |= {f"encoder.{key}": tensor for key, tensor in encoder.items()}
    return converted


def load_converted(generator: Generator, state: State) -> Generator:
    """Load a state in our names; counters that old files lack start at 0.

    Raises:
        CheckpointError: listing what is missing, too much, or of another shape.
    """
    expected = generator.state_dict()
    counters = {k: torch.zeros_like(t, device="cpu") for k, t in expected.items() if k.endswith("num_batches_tracked")}
    state = {**counters, **state}
    check_state(state, expected, what="this network")
    generator.load_state_dict(dict(state))
    return generator
