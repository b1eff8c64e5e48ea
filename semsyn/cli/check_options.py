"""Whether a generator can do what the options of `semsyn generate` ask for."""

import argparse
import warnings
from collections.abc import Sequence

from semsyn.cli.show_canvas import check_canvas
from semsyn.errors import InputError
from semsyn.generator.generator import Generator

__all__ = ["check_options", "starts_from_picture"]


def check_options(generator: Generator, args: argparse.Namespace) -> None:
    """Refuse what it cannot do, and warn of what changes nothing.

    Raises:
        InputError: naming the option.
    """
    if args.planes is not None and "planes" not in generator.requires:
        raise InputError(f"{args.name} reads no planes; leave --planes out.")
    if args.size not in (None, generator.image_size) and not generator.has_free_size:
        h, w = generator.image_size
        raise InputError(f"{args.name} starts from a code, so it makes pictures of {h}x{w} only; leave --size out.")
    if args.reference is not None and generator.encoder is None and not starts_from_picture(generator):
        raise InputError(f"{args.name} has no encoder, which --reference needs; leave it out.")
    if args.reference is None and (args.reference_map or args.reference_instances or args.take_style):
        raise InputError("--reference-map, --reference-instances and --take-style need --reference.")
    _check_share(generator, args)
    if args.preprocess is not None and "objects" in generator.requires:
        raise InputError(f"{args.name} finds objects in maps of full size; leave --preprocess out.")
    if args.resample_class:
        _check_classes(args.resample_class, generator, args.name)
    if (args.resample_instance or args.take_style) and not any(spec.per == "instance" for spec in generator.codes):
        raise InputError(f"{args.name} has no codes per instance, which --resample-instance and --take-style need.")
    needed = {resource.name for resource in generator.resources if resource.is_needed}
    if args.show_canvas:
        check_canvas(generator, args.name)
    for name in generator.lacks():
        if name in needed:
            raise InputError(f"{args.name} makes no pictures without its {name}: give --{name}.")
        warnings.warn(f"{args.name} comes without {name} and does without them: give --{name}.", stacklevel=2)
    if args.samples > 1 and not generator.codes:
        warnings.warn(f"{args.name} draws no codes: all samples of a map are the same picture.", stacklevel=2)
    if args.vary_seed and not generator.codes:
        warnings.warn(f"{args.name} draws no codes, so --vary-seed changes nothing.", stacklevel=2)


def _check_share(generator: Generator, args: argparse.Namespace) -> None:
    """Whether a reference's style can be taken in part."""
    given = [name for name in ("classes", "levels", "interpolate") if getattr(args, name) is not None]
    if not given:
        return
    option = f"--{given[0]}"
    if args.reference is None or generator.encoder is None:
        raise InputError(f"{option} says what to take of a reference's style, so it needs --reference.")
    if args.interpolate is not None and (args.samples > 1 or args.resample_class or args.resample_instance):
        raise InputError(
            "--interpolate makes several pictures of each map itself; leave --samples and --resample-… out."
        )
    if args.take_style:
        raise InputError(f"--take-style says what to take, too; leave {option} out.")
    local = [spec for spec in generator.codes if spec.per in ("class", "instance")]
    if args.classes is not None:
        _check_names(args.classes, generator, args.name)
        if not local:
            raise InputError(f"{args.name} has codes of whole pictures alone, which --classes cannot tell apart.")
    if args.levels is not None:
        count = max((spec.shape[0] for spec in local if len(spec.shape) > 1), default=0)
        if wrong := [level for level in args.levels if level >= count]:
            there = f"levels 0 to {count - 1}" if count else "no codes with levels"
            raise InputError(f"{args.name} has {there}, which --levels {wrong[0]} is not among.")


def starts_from_picture(generator: Generator) -> bool:
    """Whether the look comes from a picture that is given as it is, not drawn or encoded."""
    return any(spec.law == "given" for spec in generator.codes)


def _check_classes(names: Sequence[str], generator: Generator, name: str) -> None:
    if not any(spec.is_local for spec in generator.codes):
        raise InputError(f"{name} draws nothing for each region, which --resample-class needs; leave it out.")
    _check_names(names, generator, name)


def _check_names(names: Sequence[str], generator: Generator, name: str) -> None:
    if generator.label_space is None:
        raise InputError(f"{name} has no label space, so classes have no names; give --space.")
    for class_name in names:
        generator.label_space.find_class(class_name)
