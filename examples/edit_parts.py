"""Edit the parts of one object with iPOSE: ``python examples/edit_parts.py`` writes a sheet, out/edit_parts.png.

The parts of every object are inferred from its silhouette. Here the map of one house is changed by hand, to a roof that
reaches down to its middle, and given back as known. It then stands for one of the examples that parts are inferred
from, so the inferred parts follow it, and the picture of the house with them.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

import semsyn
from semsyn import read_layout
from semsyn.data import draw_labels, to_uint8

MAPS = Path(__file__).parent / "maps"
HOUSE = 11  # instance id in maps/instances/street.png
ROOF = 2  # part of a house
PARTS = 8


def raise_roof(part_map: Tensor, silhouette: Tensor) -> Tensor:
    """Everything of the object above the middle of its silhouette becomes roof: s s."""
    rows = silhouette.any(dim=1).nonzero()[:, 0]
    upper = torch.arange(len(part_map))[:, None] < (rows[0] + rows[-1]) / 2
    return torch.where(silhouette & upper, ROOF, torch.where(silhouette, part_map.clamp(min=1), 0))


def agreement(found: Tensor, wanted: Tensor) -> float:
    """Share of the object's pixels that have the part they should have."""
    return float((found == wanted)[wanted > 0].float().mean())


def save_sheet(panels: dict[str, Tensor], path: Path) -> None:
    """Panels h w 3 (8 bits) side by side, each under its caption."""
    h, w, _ = next(iter(panels.values())).shape
    sheet = Image.new("RGB", (len(panels) * (w + 8), h + 16), "white")
    for i, (caption, picture) in enumerate(panels.items()):
        sheet.paste(Image.fromarray(picture.numpy()), (i * (w + 8) + 4, 14))
        ImageDraw.Draw(sheet).text((i * (w + 8) + 4, 1), caption, fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST).save(path)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description="Edit the parts of one object with iPOSE.")
    parser.add_argument("--weights", default="ipose/toyscenes", help="a generator for toyscenes")
    parser.add_argument("--supports", help="folder of support maps, where the weights come without")
    parser.add_argument("--out", type=Path, default=Path("out/edit_parts.png"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    generator = semsyn.load_pretrained(args.weights)
    if args.supports is not None:
        generator.attach("supports", args.supports)
    layout = read_layout(generator, MAPS / "street.png", MAPS / "instances" / "street.png")
    style = generator.sample_style(layout, seeds=[args.seed])
    first = generator.synthesize(layout, style)

    house = layout.objects.find(HOUSE)
    wanted = raise_roof(first["parts"].part_ids[house], layout.objects.silhouettes[house])
    edited = replace(layout, objects=layout.objects.with_part_maps({house: wanted}))
    second = generator.synthesize(edited, style)

    before, after = (agreement(s["parts"].part_ids[house], wanted) for s in (first, second))
    change = (second.image - first.image).abs().sum(1)
    inside = first["parts"].owners == house
    print(f"parts as drawn: {before:.0%} of the house before the edit, {after:.0%} after it")
    print(
        f"mean change of the picture: {change[inside].mean():.3f} in the house, {change[~inside].mean():.3f} elsewhere"
    )
    panels = {
        "label map": generator.label_space.to_colors(layout.class_ids)[0],
        "inferred parts": draw_labels(first["parts"].part_map - 1, PARTS)[0],  # 0, no part, is black
        "picture": to_uint8(first.image)[0],
        "edited parts": draw_labels(second["parts"].part_map - 1, PARTS)[0],
        "its picture": to_uint8(second.image)[0],
    }
    save_sheet(panels, args.out)
    print(args.out)


if __name__ == "__main__":
    main()
