"""The ``opt.txt`` that the original training scripts write beside their weights."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from semsyn.errors import CheckpointError

__all__ = ["Option", "parse_options", "read_options"]

Option = bool | int | float | str | None

_LINE = re.compile(r"^\s*(?P<name>[A-Za-z_]\w*):(?P<value>.*?)(?:\s*\[default: (?P<default>.*)\])?\s*$")
_RULE = re.compile(r"^\s*-{3,}.*-{3,}\s*$")


def _flag(text: str) -> bool:
    if text not in ("True", "False"):
        raise ValueError(text)
    return text == "True"


# What the options that shape a network are; every other option stays text.
_KINDS: Mapping[str, Callable[[str], Option]] = {
    **dict.fromkeys(
        (
            "label_nc",
            "output_nc",
            "ngf",
            "ndf",
            "nef",
            "z_dim",
            "noise_nc",
            "num_D",
            "n_layers_D",
            "crop_size",
            "load_size",
            "channels_G",
            "semantic_nc",
            "spade_ks",
        ),
        int,
    ),
    **dict.fromkeys(("aspect_ratio", "lambda_kld", "lambda_feat", "lambda_vgg"), float),
    **dict.fromkeys(
        (
            "contain_dontcare_label",
            "no_instance",
            "use_vae",
            "add_dist",
            "add_sketch",
            "no_3dnoise",
            "no_spectral_norm",
        ),
        _flag,
    ),
    **dict.fromkeys(
        (
            "norm_G",
            "norm_D",
            "norm_E",
            "norm_mode",
            "netG",
            "dataset_mode",
            "preprocess_mode",
            "num_upsampling_layers",
            "param_free_norm",
        ),
        str,
    ),
}


def parse_options(text: str) -> dict[str, Option]:
    """Parse the text of an ``opt.txt``: lines ``name: value   [default: x]`` between two ruled lines.

    Args:
        text: the file's content.

    Returns:
        the options by their original names. Those that decide about a network have their type; the others are text.

    Raises:
        CheckpointError: if a line is no option, an option's value has the wrong type, or there is none at all.
    """
    options: dict[str, Option] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or _RULE.match(line):
            continue
        found = _LINE.match(line)
        if found is None:
            raise CheckpointError(f"line {number} of the options file is not 'name: value': {line.strip()[:80]!r}.")
        name, value = found["name"], found["value"].strip()
        try:
            options[name] = _KINDS.get(name, str)(value)
        except ValueError:
            kind = _KINDS[name].__name__.strip("_")
            raise CheckpointError(
                f"line {number} of the options file: {name} must be of kind {kind}, found {value!r}."
            ) from None
    if not options:
        raise CheckpointError("the options file holds no 'name: value' line.")
    return options


def read_options(path: str | Path) -> dict[str, Option]:
    """Read an ``opt.txt``; see `parse_options`.

    Raises:
        CheckpointError: if the file cannot be read as text or parsed; the message names it.
    """
    try:
        return parse_options(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read as an options file: {error}.") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
