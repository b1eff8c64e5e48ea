"""Original files of one model, read in one pass: recognised once, then asked for the config and the weights."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from semsyn.convert.data_set import DataSet
from semsyn.convert.keymap import KeyMap, State
from semsyn.convert.lone_network import LoneNetwork
from semsyn.convert.options import Kinds
from semsyn.convert.spectral import complete_spectral_norm
from semsyn.errors import CheckpointError, InputError
from semsyn.generator.config import Config

States = Mapping[str, State]  # by role: generator, encoder
Options = Mapping[str, Any]
Facts = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Released:
    """How one family's original files are read: its half of the conversion, in ``released.py`` of its folder.

    Attributes:
        config: the family's.
        options: the original options that shape a network, and what kind of value each has.
        data_sets: what its code sets by the name of a data set, which options leave out, and what the ids mean.
        from_options: original options to our config; KeyError if they lack one without which there is no network.
        recognise: a generator's state to what it tells of the config, None if another family wrote it.
        keymap: the generator's key map, which may depend on the config.
        encoder: key map of the encoder; None: the family has none.
        encoder_input: the key of the encoder's first convolution, whose outputs are the encoder's width.
        others: what keys of its other networks begin with, and what such a file is (``a discriminator``).
        companions: what becomes of the generator's state with a further file, by the role of that file.
        lone: networks whose files are of use without the generator's.
        label_channels: what a config makes of the fact ``label_channels``, for families whose files have it.
        split_channels: facts with ``label_channels``, and what is known besides, to facts without.
        check: refuses states that do not fit the facts about them.
        defaults: entries of our state that the files lack.
        unchecked: fields of the config for which the file decides, whatever a card or options say; what no original
            option tells is among them.
        asked: fields of the config that no file tells, and the arguments that say them.
        has_yaml: whether the authors give options in yml files.
    """

    config: type[Config]
    options: Kinds
    from_options: Callable[[Options], Config]
    recognise: Callable[[State], Facts | None]
    keymap: Callable[[Any], KeyMap]
    data_sets: Mapping[str, DataSet] = field(default_factory=dict)
    encoder: KeyMap | None = None
    encoder_input: str = ""
    others: Mapping[str, str] = field(default_factory=dict)
    companions: Mapping[str, Callable[[State, State], dict[str, Tensor]]] = field(default_factory=dict)
    lone: tuple[LoneNetwork, ...] = ()
    label_channels: Callable[[Any], int] | None = None
    split_channels: Callable[[Facts, Mapping[str, Any]], Facts] | None = None
    check: Callable[[State, Facts], None] = lambda state, facts: None
    defaults: Callable[[Any], dict[str, Tensor]] = lambda config: {}
    unchecked: tuple[str, ...] = ()
    asked: Mapping[str, str] = field(default_factory=lambda: {"image_size": "image_size=(h, w)"})
    has_yaml: bool = False

    def known(self, config: Config) -> dict[str, Any]:
        """The fields of a config in the words of the facts that files tell."""
        channels = {} if self.label_channels is None else {"label_channels": self.label_channels(config)}
        return {**vars(config), **channels}

    def invert(self, config: Config, state: State) -> dict[str, dict[str, Tensor]]:
        """Entries of our `Generator`'s state (or gradients by the same names), by role and original key.

        Raises:
            CheckpointError: for keys that have no place in the original.
        """
        encoded = {key.removeprefix("encoder."): t for key, t in state.items() if key.startswith("encoder.")}
        others = {key: t for key, t in state.items() if not key.startswith("encoder.")}
        found = {"generator": self.keymap(config).invert(others)}
        return found if self.encoder is None or not encoded else {**found, "encoder": self.encoder.invert(encoded)}


@dataclass(frozen=True)
class OriginalModel:
    """The files of one model.

    Attributes:
        released: how its family is read.
        states: state dicts by role, further files merged into the generator's.
        facts: what the generator's keys and shapes tell of the config; ``label_channels`` where classes cannot be told
            from edges or noise.
    """

    released: Released
    states: States
    facts: Facts

    @classmethod
    def of(cls, states: States, families: Sequence[Released], *, what: str = "the file") -> "OriginalModel":
        """Recognise the family that wrote some files.

        Args:
            states: original state dicts by role: ``generator``, ``encoder``, and roles of `Released.companions`.
            families: those there are.
            what: what messages call the generator's file.

        Raises:
            CheckpointError: if no family knows the keys (the message says what the file seems to be), or a further file
                has no place.
        """
        mains = {role: state for role, state in states.items() if role in ("generator", "encoder")}
        further = {role: state for role, state in states.items() if role not in mains}
        for role, state in further.items():
            taking = [released for released in families if role in released.companions]
            merged = [(r, r.companions[role](mains["generator"], state)) for r in taking]
            found = [(r, whole) for r, whole in merged if r.recognise(whole) is not None]
            if not found:
                titles = " and ".join(released.config.title for released in taking) or "no family"
                raise CheckpointError(f"only {titles} takes a file of the role {role!r}: leave it out.")
            mains["generator"] = found[0][1]
        released, facts = recognise(mains["generator"], families, what=what)
        return cls(released, mains, facts)

    def fits(self, config: Config) -> bool:
        """Whether a config of the same family has all that the generator's file tells."""
        known = self.released.known(config)
        return all(known.get(name) == value for name, value in self.facts.items())

    def infer_config(self, known: Mapping[str, Any], *, source: str = "the arguments") -> Config:
        """The config of the files.

        Args:
            known: fields of the config from elsewhere, for what the files do not tell (the picture's size, the depth,
                whether the last label channel is the edge map, how many channels are noise). Where the files do tell,
                both must agree, but for `Released.unchecked`. None says nothing.
            source: what messages call the origin of ``known``.

        Raises:
            CheckpointError: if the files and ``known`` disagree.
            InputError: if something is still missing; the message names the arguments.
        """
        released = self.released
        names = {f.name for f in fields(released.config)}
        known = {name: value for name, value in known.items() if value is not None and name in names}
        told = self.facts if released.split_channels is None else released.split_channels(self.facts, known)
        checked = [name for name in told if name in known and name not in released.unchecked]
        if wrong := [name for name in checked if known[name] != told[name]]:
            differences = "; ".join(f"{name} is {told[name]} in the file, {known[name]} was expected" for name in wrong)
            raise CheckpointError(f"the file does not fit {source}: {differences}.")
        values = {**known, **told, **self._encoder_facts(told["width"])}
        if missing := [name for name in released.asked if name not in values]:
            asked = " and ".join(released.asked[name] for name in missing)
            raise InputError(f"the file does not tell {' and '.join(missing)}: pass {asked}, or card=.")
        released.check(self.states["generator"], values)
        return released.config(**values)

    def _encoder_facts(self, width: int) -> Facts:
        released = self.released
        if released.encoder is None:
            if "encoder" in self.states:
                raise CheckpointError(f"{released.config.title} has no encoder, but an encoder's file was given.")
            return {}
        if "encoder" not in self.states:
            return {"has_encoder": False, "encoder_width": None}
        first = self.states["encoder"].get(released.encoder_input)
        if first is None:
            raise CheckpointError(
                f"the encoder's file does not belong to {released.config.title}: it holds "
                f"{', '.join(list(self.states['encoder'])[:3])}, …"
            )
        return {"has_encoder": True, "encoder_width": None if first.shape[0] == width else first.shape[0]}

    def convert(self, config: Config) -> dict[str, Tensor]:
        """The state of our `Generator` (the encoder is inside).

        Counters of batch norms, which files of very old torch versions lack, start at 0.

        Args:
            config: what `infer_config` made of the files.

        Raises:
            CheckpointError: for keys that have no place in such a network.
        """
        released = self.released
        converted = released.keymap(config).convert(complete_spectral_norm(self.states["generator"]))
        for key in [key for key in converted if key.endswith(".running_var")]:
            converted.setdefault(key.replace("running_var", "num_batches_tracked"), torch.tensor(0))
        if "encoder" in self.states:
            assert released.encoder is not None
            encoder = released.encoder.convert(complete_spectral_norm(self.states["encoder"]))
            converted |= {f"encoder.{key}": tensor for key, tensor in encoder.items()}
        return converted | released.defaults(config)


def recognise(state: State, families: Iterable[Released], *, what: str = "the file") -> tuple[Released, Facts]:
    """Tell the family, and what there is to tell of the config, from the keys and shapes of a generator.

    Raises:
        CheckpointError: if no family knows the keys; the message says what the file seems to be.
    """
    families = tuple(families)
    for released in families:
        try:
            facts = released.recognise(state)
        except (KeyError, IndexError) as error:
            title = released.config.title
            raise CheckpointError(f"{what} looks like {title}, but its first layers do not: {error}.") from error
        if facts is not None:
            return released, facts
    titles = ", ".join(released.config.title for released in families)
    raise CheckpointError(f"{what} holds no generator of {titles}: {_describe_stranger(state, families)}.")


def tell_role(role: str, families: Sequence[Released]) -> Callable[[State], bool]:
    """What tells by its keys whether a state is the network of a role."""
    if role == "generator":
        return lambda state: any(_may_be(state, released) for released in families)
    inputs = {released.encoder_input for released in families if released.encoder_input and role == "encoder"}
    return lambda state: not inputs.isdisjoint(state)


def _may_be(state: State, released: Released) -> bool:
    try:
        return released.recognise(state) is not None
    except (KeyError, IndexError, CheckpointError):  # it looks like one, and is broken
        return True


def _describe_stranger(state: State, families: Iterable[Released]) -> str:
    for prefix, other in {prefix: name for released in families for prefix, name in released.others.items()}.items():
        if any(key.startswith(prefix) for key in state):
            return f"it is {other}; pass the generator's file, which ends in _net_G.pth or _EMA.pth, or --critic"
    if any(released.encoder_input and released.encoder_input in state for released in families):
        return "it is an encoder; pass {'generator': …, 'encoder': …}"
    if any(key.startswith("painter.") for key in state):
        return "its names are semsyn's; save it with save_pretrained"
    if any("parametrizations" in key for key in state):
        return (
            "it has parametrizations other than spectral normalisation; fold them before saving, with "
            "torch.nn.utils.parametrize.remove_parametrizations"
        )
    return f"its first keys are {', '.join(list(state)[:3])}"
