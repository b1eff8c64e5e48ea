"""semsyn: semantic image synthesis. A label map goes in, a photo-like picture comes out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsyn.errors import SemsynError
    from semsyn.exporter import describe_inputs, export
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


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("semsyn")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"semsyn.{home}"), name)
    raise AttributeError(f"module 'semsyn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
