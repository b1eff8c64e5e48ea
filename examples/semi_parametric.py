"""Pictures out of pieces of others: ``python examples/semi_parametric.py`` writes a sheet, out/semi_parametric.png.

A row per scene: the layout as the canvas shows it, the canvas and the picture of the best segments, pictures with
segments drawn by chance, and the scene as it was drawn. ``semsyn prepare bank`` builds larger banks, of which the
pieces fit better: give one as ``--bank``.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

import semsyn
from semsyn.data import read_label_map, to_uint8
from semsyn.data.toyscenes import draw_scene

DRAWS = 2  # pictures of each scene whose segments are drawn


def main() -> None:
    parser = argparse.ArgumentParser(description="Compose pictures out of segments of a bank with SIMS.")
    parser.add_argument("maps", metavar="MAP", nargs="*", type=Path, help="label maps; default: toyscenes")
    parser.add_argument("--weights", default="sims/toyscenes", help="a generator that composes")
    parser.add_argument("--bank", type=Path, help="folder of a bank; default: the one that the weights come with")
    parser.add_argument("--scenes", metavar="N", type=int, default=3, help="of toyscenes")
    parser.add_argument("--out", type=Path, default=Path("out/semi_parametric.png"))
    args = parser.parse_args()

    generator = semsyn.load_pretrained(args.weights, bank=args.bank)
    if "canvas" not in generator.finds:
        raise SystemExit(f"{args.weights} composes no canvas; give weights of SIMS.")
    rows = [draw_row(generator, read_label_map(path, space=generator.label_space)) for path in args.maps]
    for index in range(0 if args.maps else args.scenes):
        scene = draw_scene(index, size=generator.image_size, split="val")
        row = draw_row(generator, torch.from_numpy(scene.class_ids))
        rows.append(torch.cat([row, torch.from_numpy(scene.image)], dim=1))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(torch.cat(rows).numpy()).save(args.out)
    print(f"{args.out}: layout | canvas | picture | {DRAWS} drawn ones{'' if args.maps else ' | the scene itself'}")


@torch.no_grad()
def draw_row(generator: semsyn.Generator, label_map: Tensor) -> Tensor:
    """Layout, canvas, the picture of the best segments, and some of drawn ones: h (columns w) 3, uint8."""
    layout = semsyn.read_layout(generator, label_map)
    best = generator.synthesize(layout, generator.sample_style(layout, seeds=[0], truncation=0))
    print(describe(generator, best))
    space = generator.label_space
    assert space is not None
    cells = [space.to_colors(best["layout"]), to_uint8(best["canvas"] * 2 - 1), to_uint8(best.image)]
    prepared = generator.prepare(layout)  # retrieval is done once for all draws
    for seed in range(1, DRAWS + 1):
        cells.append(to_uint8(generator.run(prepared, generator.sample_style(layout, seeds=[seed]))))
    return torch.cat([cell[0] for cell in cells], dim=1)


def describe(generator: semsyn.Generator, made: Mapping[str, Any]) -> str:
    """How many segments were found, how well they fit, and what else was decided."""
    proposals, verdicts, warps = made["segments"][0], made["order"][0], made["warps"][0]
    found = proposals.is_found
    overlap = float(proposals.overlaps[found].mean()) if bool(found.any()) else 0.0
    moved = int((warps[:, :, 2] != 0).any(dim=1).sum())
    return (
        f"{int(found.sum())} of {len(found)} segments found, mean overlap {overlap:.2f}; {moved} moved; "
        f"{len(verdicts.pairs)} pairs compared; {float((made['canvas'].sum(1) > 0).float().mean()):.0%} covered"
    )


if __name__ == "__main__":
    main()
