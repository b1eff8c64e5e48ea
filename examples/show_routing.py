"""Look at the experts of an SCGAN generator: ``python examples/show_routing.py`` writes a sheet, out/show_routing.png.

Each row is a scene: its label map, its picture, the preview that the semantic vectors alone give, and at some levels
the routing: the strongest expert of each pixel in colour, then the weight of every expert, black where it is the lowest
of the level and white where it is the highest. With ``--experts`` it also shows what each expert draws alone.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

import semsyn
from semsyn import Generator, Layout, Style, read_layout
from semsyn.data import draw_labels, to_uint8
from semsyn.data.toyscenes import CLASSES, ToyScenes
from semsyn.functional import resize_ids
from semsyn.models import SCGANConfig
from semsyn.nn import activate_routing

Panel = tuple[str, Tensor]  # a caption, and a picture h w 3, 8 bits


def read_scenes(generator: Generator, maps: Sequence[Path], count: int) -> list[Layout]:
    """A layout for each label map, or for unseen toyscenes where no maps are given."""
    if maps:
        return [read_layout(generator, path) for path in maps]
    if (space := generator.label_space) is not None and space.classes != CLASSES:
        raise SystemExit(f"toyscenes do not fit the label space {space.name!r}: give label maps.")
    scenes = ToyScenes(count, size=generator.image_size, split="val")
    samples = [scenes[i] for i in range(count)]
    return [
        Layout.of(s["class_ids"], s["instance_ids"], space=len(CLASSES), requires=generator.requires) for s in samples
    ]


def routing_weights(generator: Generator, logits: Tensor) -> Tensor:
    """Logits to the weights by which layers mix the experts, n e h w."""
    return activate_routing(logits, generator.config.temperature, generator.config.routing_activation)


def draw_alone(generator: Generator, layout: Layout, style: Style, expert: int, kinds: Sequence[str]) -> Tensor:
    """The picture, n 3 h w, where every pixel takes a single expert of these kinds (``conv``, ``norm``)."""
    # As `Generator.forward` prepares a layout: without modulations, which would have the routing in them already.
    prepared = generator.conditioner.prepare(layout, generator.sizes(layout.size))
    conditions = []
    for cond in prepared.conditions:
        alone = {kind: take_only(getattr(cond.routing, kind), expert) for kind in kinds}
        conditions.append(replace(cond, routing=replace(cond.routing, **alone)))
    return generator.run(replace(prepared, conditions=tuple(conditions)), style)


def take_only(weights: Tensor, expert: int) -> Tensor:
    """n e h w: 1 for that expert, 0 for the others."""
    alone = torch.zeros_like(weights)
    alone[:, expert] = 1
    return alone


def draw_level(weights: Tensor, level: int, size: tuple[int, int]) -> list[Panel]:
    """The strongest expert and the weight of each, 1 e h w, enlarged."""
    enlarged = resize_ids(weights, size)[0]
    lowest, highest = weights.aminmax()
    greys = ((enlarged - lowest) / (highest - lowest).clamp(min=1e-12) * 255).byte()
    panels = [(f"level {level}: strongest", draw_labels(enlarged.argmax(0), len(greys)))]
    return panels + [(f"{level}: expert {e}", g[..., None].expand(-1, -1, 3)) for e, g in enumerate(greys, start=1)]


def describe_level(weights: Tensor, level: int) -> str:
    """How often each expert is the strongest, and how the weights spread."""
    shares = weights.argmax(1).flatten().bincount(minlength=weights.shape[1]) / weights[:, 0].numel()
    lowest, highest = weights.aminmax()
    return (
        f"level {level}: weights from {lowest:.3f} to {highest:.3f}; "
        f"the experts are strongest in {', '.join(f'{share:.0%}' for share in shares.tolist())} of the pixels"
    )


def color_labels(generator: Generator, class_ids: Tensor) -> Tensor:
    """A label map in the colours of its space."""
    space = generator.label_space
    if space is not None and space.palette:
        return space.to_colors(class_ids)
    return draw_labels(class_ids, generator.config.num_classes + 2)


def save_sheet(rows: Sequence[Sequence[Panel]], path: Path) -> None:
    """A row of panels per scene, each under its caption."""
    h, w, _ = rows[0][0][1].shape
    h, w = h + 16, w + 8
    sheet = Image.new("RGB", (w * len(rows[0]), h * len(rows)), "white")
    for i, row in enumerate(rows):
        for j, (caption, picture) in enumerate(row):
            sheet.paste(Image.fromarray(picture.numpy(force=True)), (j * w + 4, i * h + 14))
            ImageDraw.Draw(sheet).text((j * w + 4, i * h + 1), caption, fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description="Look at the experts of an SCGAN generator.")
    parser.add_argument("maps", nargs="*", type=Path, help="label maps (default: unseen toyscenes)")
    parser.add_argument("--weights", default="scgan/toyscenes", help="a name or a file")
    parser.add_argument("--scenes", type=int, default=6, help="how many toyscenes")
    parser.add_argument("--levels", type=int, nargs="+", help="1 is the coarsest (default: every other, to the finest)")
    parser.add_argument("--norms", action="store_true", help="the experts of norms, not those of convolutions")
    parser.add_argument(
        "--experts",
        action="store_true",
        help="also what each draws alone (both kinds at once where they are as many and so share their weights)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/show_routing.png"))
    args = parser.parse_args()

    generator = semsyn.load_pretrained(args.weights)
    if not isinstance(generator.config, SCGANConfig):
        raise SystemExit(f"{args.weights} has no experts: give an SCGAN generator.")
    rows: list[list[Panel]] = []
    seen: dict[int, list[Tensor]] = {}
    for layout in read_scenes(generator, args.maps, args.scenes):
        style = generator.sample_style(layout, seeds=[args.seed])
        synthesis = generator.synthesize(layout, style)
        row = [("label map", color_labels(generator, layout.class_ids)[0]), ("picture", to_uint8(synthesis.image)[0])]
        if "preview" in synthesis.extras:
            row.append(("preview", to_uint8(synthesis["preview"])[0]))
        found = synthesis["routing"]
        logits = found.norm if args.norms else found.conv
        for level in args.levels or range(2 - len(logits) % 2, len(logits) + 1, 2):
            weights = routing_weights(generator, logits[level - 1])
            seen.setdefault(level, []).append(weights)
            row += draw_level(weights, level, layout.size)
        for expert in range(logits[0].shape[1] if args.experts else 0):
            kinds = ("conv", "norm") if found.conv[0] is found.norm[0] else ("norm",) if args.norms else ("conv",)
            picture = draw_alone(generator, layout, style, expert, kinds)
            row.append((f"expert {expert + 1} alone", to_uint8(picture)[0]))
        rows.append(row)
    for level, scenes in seen.items():
        print(describe_level(torch.cat(scenes), level))
    save_sheet(rows, args.out)
    print(args.out)


if __name__ == "__main__":
    main()
