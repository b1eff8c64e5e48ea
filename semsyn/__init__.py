"""semsyn: semantic image synthesis. A label map goes in, a photo-like picture comes out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsyn.errors import SemsynError
    from semsyn.hub import create, export, info, list_pretrained, load_pretrained, push_to_hub, save_pretrained
    from semsyn.labels import LabelSpace
    from semsyn.models import Generator
    from semsyn.records.codes import RegionCodes
    from semsyn.records.condition import Condition
    from semsyn.records.layout import Layout
    from semsyn.records.objects import Objects
    from semsyn.records.style import Posterior, Style

__all__ = [
    "Condition",
    "Generator",
    "LabelSpace",
    "Layout",
    "Objects",
    "Posterior",
    "RegionCodes",
    "SemsynError",
    "Style",
    "create",
    "export",
    "info",
    "list_pretrained",
    "load_pretrained",
    "push_to_hub",
    "save_pretrained",
]

# Loaded when first asked for, so that `semsyn --help` does not wait for torch.
_HOMES = {
    "codes": ("RegionCodes",),
    "condition": ("Condition",),
    "errors": ("SemsynError",),
    "hub": ("create", "export", "info", "list_pretrained", "load_pretrained", "push_to_hub", "save_pretrained"),
    "labels": ("LabelSpace",),
    "layout": ("Layout",),
    "models": ("Generator",),
    "objects": ("Objects",),
    "style": ("Posterior", "Style"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"semsyn.{home}"), name)
    raise AttributeError(f"module 'semsyn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
