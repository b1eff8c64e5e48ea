"""Edit single objects with INADE: ``python examples/edit_instances.py`` writes a sheet, out/edit_instances.png.

Every object of a picture has a code of its own. So one house can be drawn anew, a car can look like the car of another
picture, and the trees can come from a second draw, while all else keeps its code.
"""

import argparse
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

import semsyn
from semsyn import Layout
from semsyn.data import read_image, read_instance_map, read_label_map, to_uint8

MAPS = Path(__file__).parent / "maps"
HOUSE, CAR = 16, 17  # instance ids in maps/instances/village.png
STREET_HOUSE, STREET_CAR = 11, 12  # in maps/instances/street.png


def read_layout(name: str, generator: semsyn.Generator) -> Layout:
    label_map = read_label_map(MAPS / f"{name}.png")
    instance_map = read_instance_map(MAPS / "instances" / f"{name}.png")
    return Layout.of(label_map, instance_map, space=generator.label_space, requires=generator.requires)


def save_sheet(panels: dict[str, Tensor], path: Path) -> None:
    """Panels n 3 h w side by side, each under its caption."""
    h, w = next(iter(panels.values())).shape[2:]
    sheet = Image.new("RGB", (len(panels) * (w + 8), h + 16), "white")
    for i, (caption, picture) in enumerate(panels.items()):
        sheet.paste(Image.fromarray(to_uint8(picture)[0].numpy()), (i * (w + 8) + 4, 14))
        ImageDraw.Draw(sheet).text((i * (w + 8) + 4, 1), caption, fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST).save(path)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description="Edit single objects of a picture with INADE.")
    parser.add_argument("--out", type=Path, default=Path("out/edit_instances.png"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    generator = semsyn.load_pretrained("inade/toyscenes")
    village, street = read_layout("village", generator), read_layout("street", generator)
    exemplar = read_image(MAPS / "pictures" / "street.png")[None]

    first = generator.sample_style(village, seeds=[args.seed])
    second = generator.sample_style(village, seeds=[args.seed + 1])
    redrawn = first.mix(second, instances=[HOUSE])
    posterior = generator.encode(exemplar, street)
    pairs = {HOUSE: STREET_HOUSE, CAR: STREET_CAR}
    transferred = posterior.transfer(pairs, village.num_instances).apply(first)
    tree = generator.label_space.classes.index("tree")
    mixed = first.mix(second, classes=[tree], layout=village)

    prepared = generator.prepare(village)  # all that depends on the maps alone, once for all styles
    panels = {
        "label map": generator.label_space.to_colors(village.class_ids).movedim(-1, 1) / 127.5 - 1,
        "first draw": generator.run(prepared, first),
        "one house anew": generator.run(prepared, redrawn),
        "exemplar": exemplar,
        "its house and car": generator.run(prepared, transferred),
        "trees of draw 2": generator.run(prepared, mixed),
        "second draw": generator.run(prepared, second),
    }
    save_sheet(panels, args.out)
    print(args.out)


if __name__ == "__main__":
    main()
