"""Key maps of the released training states' discriminators."""

from semsyn.convert.keymap import KeyMap
from semsyn.convert.pyramid import SPECTRAL

PATCHGAN = KeyMap(
    rename={
        "discriminator_{s}.model{b}.0.{p}": "scales.{s}.blocks.{b}.conv.{p}",  # first and last block: no spectral norm
        **{
            f"discriminator_{{s}}.model{{b}}.0.0.{theirs}": f"scales.{{s}}.blocks.{{b}}.conv.{ours}"
            for theirs, ours in SPECTRAL.items()
        },
    },
)

FEATURE_PYRAMID = KeyMap(
    words={
        "encoder": {f"enc{i + 1}": f"encoder.{i}" for i in range(5)},
        "lateral": {f"lat{i + 2}": f"laterals.{i}" for i in range(4)},
        "head": {f"final{i + 2}": f"heads.{i}" for i in range(3)},
        "score": {"tf": "to_realness", "seg": "to_semantics", "embedding": "embedding"},
    },
    rename={
        **{
            f"{{{part}}}.0.0.{theirs}": f"{{{part}}}.conv.{ours}"
            for part in ("encoder", "lateral", "head")
            for theirs, ours in SPECTRAL.items()
        },
        "{score}.{p}": "{score}.{p}",
        "blur.weight": "blur",
    },
)
