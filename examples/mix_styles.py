"""Mix the styles of pictures class by class with clVAE: ``python examples/mix_styles.py`` writes out/mix_styles.png.

Every class of a picture has a code of its own at each of five levels. So the sky can be that of a photograph and the
meadow that of another draw, coarse levels can change without fine ones, and one style can turn into another in steps.
"""

import argparse
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

import semsyn
from semsyn import Layout
from semsyn.data import read_image, read_label_map, to_uint8

MAPS = Path(__file__).parent / "maps"
COARSE = (2, 3, 4)  # levels: 0 is the finest
STEPS = 4


def read_layout(name: str, generator: semsyn.Generator) -> Layout:
    return Layout.of(read_label_map(MAPS / f"{name}.png"), space=generator.label_space, size=generator.image_size)


def save_sheet(rows: list[dict[str, Tensor]], path: Path) -> None:
    """Rows of panels 1 3 h w, each under its caption."""
    h, w = next(iter(rows[0].values())).shape[2:]
    columns = max(map(len, rows))
    sheet = Image.new("RGB", (columns * (w + 8), len(rows) * (h + 16)), "white")
    for y, row in enumerate(rows):
        for x, (caption, picture) in enumerate(row.items()):
            left, top = x * (w + 8) + 4, y * (h + 16)
            sheet.paste(Image.fromarray(to_uint8(picture)[0].numpy()), (left, top + 14))
            ImageDraw.Draw(sheet).text((left, top + 1), caption, fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST).save(path)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description="Mix styles class by class and level by level with clVAE.")
    parser.add_argument("--out", type=Path, default=Path("out/mix_styles.png"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    generator = semsyn.load_pretrained("clvae/toyscenes")
    find = generator.label_space.classes.index
    layout, street = read_layout("village", generator), read_layout("street", generator)
    photo = read_image(MAPS / "pictures" / "street.png", size=generator.image_size)[None]

    first, second = (generator.sample_style(layout, seeds=[args.seed + i]) for i in range(2))
    posterior = generator.encode(photo, street)
    of_photo = posterior.apply(first, spread=0)  # its means; classes that the photograph lacks stay drawn
    sky = first.mix(of_photo, classes=[find("sky")])
    styles = {
        "drawn": first,
        "the photo's sky": sky,
        "and a drawn meadow": sky.mix(second, classes=[find("meadow")]),
        "the photo's coarse levels": first.mix(of_photo, levels=COARSE),
        "all of the photo": of_photo,
    }

    prepared = generator.prepare(layout, first)  # an edit takes over what shows none of the edited classes
    panels = {name: generator.run(generator.prepare(layout, style, earlier=prepared)) for name, style in styles.items()}
    between = {
        f"{i}/{STEPS} of the photo": generator.run(generator.prepare(layout, first.lerp(of_photo, i / STEPS)))
        for i in range(STEPS + 1)
    }
    save_sheet([{**panels, "photo": photo}, between], args.out)
    print(args.out)


if __name__ == "__main__":
    main()
