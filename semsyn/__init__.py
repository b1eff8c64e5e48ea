"""semsyn: semantic image synthesis. A label map goes in, a photo-like picture comes out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsyn.errors import SemsynError
    from semsyn.exporter import describe_inputs, export
    from semsyn.generator.generator import Generator
    from semsyn.hub import create, info, list_pretrained, load_pretrained, push_to_hub, save_pretrained
    from semsyn.labels import LabelSpace
    from semsyn.records.codes import Codes, CodeSpec
    from semsyn.records.condition import Condition
    from semsyn.records.layout import Layout
    from semsyn.records.objects import Objects
    from semsyn.records.style import Posterior, Style

__all__ = [
    "CodeSpec",
    "Codes",
    "Condition",
    "Generator",
    "LabelSpace",
    "Layout",
    "Objects",
    "Posterior",
    "SemsynError",
    "Style",
    "create",
    "describe_inputs",
    "export",
    "info",
    "list_pretrained",
    "load_pretrained",
    "push_to_hub",
    "save_pretrained",
]

# Loaded when first asked for, so that `semsyn --help` does not wait for torch.
_HOMES = {
    "records.codes": ("CodeSpec", "Codes"),
    "records.condition": ("Condition",),
    "errors": ("SemsynError",),
    "exporter": ("describe_inputs", "export"),
    "hub": ("create", "info", "list_pretrained", "load_pretrained", "push_to_hub", "save_pretrained"),
    "labels": ("LabelSpace",),
    "records.layout": ("Layout",),
    "generator.generator": ("Generator",),
    "records.objects": ("Objects",),
    "records.style": ("Posterior", "Style"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"semsyn.{home}"), name)
    raise AttributeError(f"module 'semsyn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
