"""semsyn: semantic image synthesis. A label map goes in, a photo-like picture comes out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsyn import critics as critics
    from semsyn import data as data
    from semsyn import errors as errors
    from semsyn import evaluate as evaluate
    from semsyn import functional as functional
    from semsyn import hub as hub
    from semsyn import losses as losses
    from semsyn import metrics as metrics
    from semsyn import models as models
    from semsyn import nn as nn
    from semsyn import train as train
    from semsyn.errors import SemsynError
    from semsyn.exporter import describe_inputs, export
    from semsyn.functional.checks import checks
    from semsyn.generator.generator import Generator
    from semsyn.generator.read_layout import read_layout
    from semsyn.hub.info import info, list_pretrained
    from semsyn.hub.load import create, load_pretrained
    from semsyn.hub.save import push_to_hub, save_pretrained
    from semsyn.labels import LabelSpace
    from semsyn.records.codes import Codes, CodeSpec
    from semsyn.records.condition import Condition, Parts, Routing
    from semsyn.records.layout import Layout
    from semsyn.records.objects import Objects
    from semsyn.records.regions import Regions
    from semsyn.records.style import Posterior, Style

    __version__: str

__all__ = [
    "CodeSpec",
    "Codes",
    "Condition",
    "Generator",
    "LabelSpace",
    "Layout",
    "Objects",
    "Parts",
    "Posterior",
    "Regions",
    "Routing",
    "SemsynError",
    "Style",
    "__version__",
    "checks",
    "create",
    "describe_inputs",
    "export",
    "info",
    "list_pretrained",
    "load_pretrained",
    "push_to_hub",
    "read_layout",
    "save_pretrained",
]

# Loaded when first asked for, so that `semsyn --help` does not wait for torch.
_HOMES = {
    "errors": ("SemsynError",),
    "exporter": ("describe_inputs", "export"),
    "functional.checks": ("checks",),
    "generator.generator": ("Generator",),
    "generator.read_layout": ("read_layout",),
    "hub.info": ("info", "list_pretrained"),
    "hub.load": ("create", "load_pretrained"),
    "hub.save": ("push_to_hub", "save_pretrained"),
    "labels": ("LabelSpace",),
    "records.codes": ("CodeSpec", "Codes"),
    "records.condition": ("Condition", "Parts", "Routing"),
    "records.layout": ("Layout",),
    "records.objects": ("Objects",),
    "records.regions": ("Regions",),
    "records.style": ("Posterior", "Style"),
}
_FACES = ("critics", "data", "errors", "evaluate", "functional", "hub", "losses", "metrics", "models", "nn", "train")

# What other libraries call things.
_OURS = {
    "create_model": "create(name, num_classes=…) builds an untrained generator, load_pretrained(name) a trained one",
    "from_pretrained": "load_pretrained(name) or Generator.from_pretrained(name)",
    "list_models": "list_pretrained() lists weights, list_pretrained(everything=True) also presets without any",
    "load_model": "load_pretrained(name)",
}

if not TYPE_CHECKING:  # type checkers are to find slips

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            return import_module("importlib.metadata").version("semsyn")
        if name in _FACES:
            return import_module(f"semsyn.{name}")
        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(f"semsyn.{home}"), name)
        hint = _OURS.get(name) or " or ".join(import_module("difflib").get_close_matches(name, (*__all__, *_FACES)))
        raise AttributeError(f"module 'semsyn' has no attribute {name!r}{f'; there is {hint}' if hint else ''}")


def __dir__() -> list[str]:
    return [*__all__, *_FACES]
