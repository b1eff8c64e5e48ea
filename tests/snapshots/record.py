"""What the snapshots hold, computed afresh: ``python -m tests.snapshots.record`` writes them anew.

Whoever writes them anew says in the change why they moved.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from semsyn import Generator
from semsyn.data.toyscenes import draw_scenes
from semsyn.hub import find_card, list_pretrained, load_pretrained
from tests.models.cases import CONFIGS

HERE = Path(__file__).parent
STATES = HERE / "states"
PICTURES = HERE / "bundled.safetensors"
STEP = 4  # every so manyth pixel of a picture is kept
SCENES = 4
SEED = 7


def bundled() -> list[str]:
    """Names of the weights that come with semsyn."""
    return [name for name in list_pretrained() if find_card(name).status == "bundled"]


def state_lines(config: object) -> Iterator[str]:
    """A line for each entry of a generator's state: key and shape."""
    with torch.device("meta"):
        generator = config.build()
    for key, tensor in generator.state_dict().items():
        yield f"{key} {'x'.join(map(str, tensor.shape))}".strip()


def draw_maps() -> dict[str, Tensor]:
    """The maps that pictures are made of."""
    scenes = draw_scenes(range(SCENES), split="val")
    return {name: torch.from_numpy(getattr(scenes, name)) for name in ("class_ids", "instance_ids")}


def render(generator: Generator, maps: dict[str, Tensor]) -> Tensor:
    """Every ``STEP``th pixel of the pictures of all maps, n 3 h w."""
    pictures = generator.render(
        list(maps["class_ids"].numpy()), instance_map=list(maps["instance_ids"].numpy()), seed=SEED, output="pt"
    )
    return pictures[..., ::STEP, ::STEP].contiguous()


def main() -> None:
    STATES.mkdir(exist_ok=True)
    for name, config in CONFIGS.items():
        (STATES / f"{name}.txt").write_text("\n".join(state_lines(config)) + "\n")
    maps = {name: t.to(torch.uint8) for name, t in draw_maps().items()}
    pictures = {name: render(load_pretrained(name), maps) for name in bundled()}
    save_file({**{f"maps/{name}": t for name, t in maps.items()}, **pictures}, PICTURES)


if __name__ == "__main__":
    main()
