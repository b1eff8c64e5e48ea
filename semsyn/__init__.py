"""semsyn: semantic image synthesis. A label map goes in, a photo-like picture comes out."""

from semsyn.condition import Condition
from semsyn.errors import SemsynError
from semsyn.hub import create, info, list_pretrained, load_pretrained
from semsyn.labels import LabelSpace
from semsyn.layout import Layout
from semsyn.models import Generator
from semsyn.style import Posterior, Style

__all__ = [
    "Condition",
    "Generator",
    "LabelSpace",
    "Layout",
    "Posterior",
    "SemsynError",
    "Style",
    "create",
    "info",
    "list_pretrained",
    "load_pretrained",
]
