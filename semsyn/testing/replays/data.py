"""Replays of data functions that several families' files have."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from semsyn.data.io.transforms import Placement, Transform
from semsyn.data.spaces.colors import draw_labels, label_colors, to_uint8
from semsyn.testing.golden.case import Case, Results

OPTIONS = {
    "preprocess_mode": "mode",
    "load_size": "load_size",
    "crop_size": "crop_size",
    "aspect_ratio": "aspect_ratio",
}


def colormaps(case: Case) -> Results:
    """Kind ``colormaps``: for every N, the colours of N labels and the label map drawn with them; 8-bit pictures.

    OASIS' files hold colours alone, and each N in their name.
    """
    inputs = case.inputs
    counts = case.config.get("N", [int(key.removeprefix("cmap_")) for key in case.expected if key.startswith("cmap_")])
    results: dict[str, Tensor] = {}
    for n in counts:
        results |= {f"colormap_{n}": label_colors(n), f"cmap_{n}": label_colors(n)}
        if "label" in inputs:
            label_map = inputs["label"].long()
            results[f"tensor2label_{n}"] = draw_labels(label_map[0] if label_map.ndim == 3 else label_map, n)
    return {**results, **({"tensor2im": to_uint8(inputs["img"])} if "img" in inputs else {})}


def from_options(variant: Mapping[str, Any]) -> tuple[Transform, Placement]:
    """The transform and placement that a variant's original options and parameters describe."""
    options, params = variant["opt"], variant.get("params", {})
    transform = Transform(**{OPTIONS[k]: v for k, v in options.items() if k in OPTIONS}, as_released=True)
    may_flip = options.get("isTrain", True) and not options.get("no_flip", False)
    x, y = params.get("crop_pos", (0, 0))
    return transform, Placement(int(x), int(y), flip=bool(params.get("flip", False) and may_flip))
