"""Measure the bundled weights: ``python examples/evaluate_toyscenes.py clade/toyscenes inade/toyscenes --out DIR``.

On unseen scenes: the mIoU of a small segmenter, trained on true pictures, on generated ones; for INADE also how well
the colours of instances follow those of an exemplar, and how far two seeds lie apart. Names may also be weights files.
Results: ``results.json`` and a contact sheet per generator. The segmenter is trained once (minutes) and kept.
"""

import argparse
import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from toyscenes_cache import Scenes, load_scenes

from semsyn.data.spaces import label_space
from semsyn.functional import region_pool
from semsyn.hub import load_pretrained
from semsyn.layout import Layout
from semsyn.metrics import class_iou, confusion_matrix, mean_iou
from semsyn.models import Generator

SPACE = label_space("toyscenes")
MIN_PIXELS = 24  # instances smaller than that say little about colour
BATCH = 20


class Segmenter(nn.Module):
    """A small U-Net: pictures n 3 h w to logits n k h w."""

    def __init__(self, num_classes: int, widths: tuple[int, ...] = (16, 32, 64, 96)) -> None:
        super().__init__()

        def double(a: int, b: int) -> nn.Module:
            def conv(a: int) -> list[nn.Module]:
                return [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]

            return nn.Sequential(*conv(a), *conv(b))

        self.down = nn.ModuleList(double(a, b) for a, b in pairwise((3, *widths)))
        self.up = nn.ModuleList(double(a + b, a) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[0], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels: list[Tensor] = []
        for block in self.down:
            x = block(F.max_pool2d(x, 2) if levels else x)
            levels.append(x)
        for block, skipped in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            x = block(torch.cat([skipped, F.interpolate(x, scale_factor=2)], 1))
        return self.head(x)


def load_segmenter(file: Path, scenes: Scenes, *, steps: int, batch: int = 8) -> Segmenter:
    """The segmenter, trained on true pictures where the file does not exist yet."""
    torch.manual_seed(0)
    net = Segmenter(SPACE.num_classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if file.exists():
        net.load_state_dict(torch.load(file, weights_only=True))
        return net.eval()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for step in range(steps):
        indices = torch.randint(len(scenes), (batch,)).tolist()
        layout, image = scenes.batch(indices, (torch.rand(batch) < 0.5).tolist())
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(image.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), layout.class_ids)
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 200 == 0:
            print(f"segmenter: step {step}/{steps} loss {loss.item():.3f}", flush=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(net.state_dict(), file)
    return net.eval()


def pictures(generator: Generator, layout: Layout, seeds: list[int], real: Tensor | None = None) -> Tensor:
    """Generated pictures; of codes encoded from ``real`` where it is given."""
    posterior = None if real is None else generator.encode(real, layout)
    return generator(layout, generator.sample_style(layout, seeds=seeds, posterior=posterior))


def measure_classes(
    generator: Generator | None, segmenter: Segmenter, scenes: Scenes, *, encoded: bool
) -> dict[str, Any]:
    """mIoU and IoU per class on true pictures (no generator), on draws, or on pictures with encoded codes."""
    confusion = torch.zeros(SPACE.num_classes, SPACE.num_classes, dtype=torch.long)
    for start in range(0, len(scenes), BATCH):
        indices = list(range(start, min(start + BATCH, len(scenes))))
        layout, image = scenes.batch(indices)
        if generator is not None:
            image = pictures(generator, layout, indices, image if encoded else None)
        confusion += confusion_matrix(segmenter(image).argmax(1), layout.class_ids, SPACE.num_classes)
    iou = {name: round(v, 4) for name, v in zip(SPACE.classes, class_iou(confusion).tolist(), strict=True)}
    return {"miou": round(mean_iou(confusion), 4), "iou": iou}


def measure_transfer(generator: Generator, scenes: Scenes) -> dict[str, float]:
    """Correlation of instance colours with those of an exemplar (the next scene), instances paired by class."""
    wanted: list[Tensor] = []
    found: list[Tensor] = []
    classes: list[int] = []
    for index in range(len(scenes)):
        (target, _), (source, image) = (scenes.batch([i % len(scenes)]) for i in (index, index + 1))
        at, here = instances_by_class(source), instances_by_class(target)
        pairs = {t: s for k in here.keys() & at.keys() for t, s in zip(here[k], at[k], strict=False)}
        if not pairs:
            continue
        posterior = generator.encode(image, source).transfer(pairs, target.num_instances)
        fake = generator(target, generator.sample_style(target, seeds=[index], posterior=posterior))
        ours, theirs = instance_colors(fake, target)[0], instance_colors(image, source)[0]
        found.append(ours[list(pairs)])
        wanted.append(theirs[list(pairs.values())])
        classes += [next(k for k, ids in here.items() if t in ids) for t in pairs]
    x, y, k = torch.cat(wanted), torch.cat(found), torch.tensor(classes)
    centred = [t - torch.stack([t[k == c].mean(0) for c in k]) for t in (x, y)]
    return {
        "pairs": len(x),
        "color_correlation": round(correlation(x, y), 4),
        "color_correlation_within_class": round(correlation(*centred), 4),
    }


def measure_diversity(generator: Generator, scenes: Scenes, *, count: int = 100) -> dict[str, float]:
    """How far an instance's mean colours lie apart under two draws of its own code alone (levels of 255)."""
    distances = []
    for index in range(count):
        layout, _ = scenes.batch([index])
        one, two = (generator.sample_style(layout, seeds=[seed]) for seed in (index, index + 10**6))
        for k in instances_by_class(layout).values():
            changed = generator(layout, one.mix(two, instances=k[:1]))
            a, b = (instance_colors(image, layout)[0, k[0]] for image in (generator(layout, one), changed))
            distances.append((a - b).abs().mean() * 127.5)
    levels = torch.stack(distances)
    return {
        "mean_levels": round(levels.mean().item(), 2),
        "share_over_4_levels": round((levels > 4).float().mean().item(), 4),
    }


def instances_by_class(layout: Layout) -> dict[int, list[int]]:
    """Instance ids of a single scene by class, largest first, tiny ones left out."""
    assert layout.instance_ids is not None
    ids, counts = layout.instance_ids.unique(return_counts=True)
    groups: dict[int, list[int]] = defaultdict(list)
    for n, i in sorted(zip(counts.tolist(), ids.tolist(), strict=True), reverse=True):
        if n >= MIN_PIXELS:
            groups[int(layout.class_ids[layout.instance_ids == i][0])].append(i)
    return groups


def instance_colors(image: Tensor, layout: Layout) -> Tensor:
    """Mean colour of each instance, n i 3."""
    assert layout.instance_ids is not None
    return region_pool(image, layout.instance_ids, layout.num_instances)[0]


def correlation(x: Tensor, y: Tensor) -> float:
    """Pearson's r over all entries."""
    return torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1].item()


def save_sheet(generator: Generator, scenes: Scenes, path: Path, *, count: int = 8) -> None:
    """Rows: colour map, true picture, then CLADE's picture, or INADE's with encoded codes and two draws."""
    seeds = list(range(count))
    layout, real = scenes.batch(seeds)
    rows = [SPACE.to_colors(layout.class_ids).movedim(-1, 1) / 127.5 - 1, real]
    if generator.encoder is not None:
        rows.append(pictures(generator, layout, seeds, real))
        rows.append(pictures(generator, layout, [s + 10**6 for s in seeds]))
    rows.append(pictures(generator, layout, seeds))
    pixels = ((torch.cat([torch.cat(list(row), 2) for row in rows], 1) + 1) * 127.5).round().clamp(0, 255).byte()
    Image.fromarray(pixels.movedim(0, -1).contiguous().numpy()).save(path)


@torch.inference_mode()
def evaluate(generator: Generator, segmenter: Segmenter, scenes: Scenes, on_true: float) -> dict[str, Any]:
    """All figures of one generator."""
    modes = ("drawn",) if generator.encoder is None else ("drawn", "encoded")
    results: dict[str, Any] = {}
    for mode in modes:
        results[mode] = measure_classes(generator, segmenter, scenes, encoded=mode == "encoded")
        results[mode]["share_of_true"] = round(results[mode]["miou"] / on_true, 4)
    if generator.encoder is not None:
        results["transfer"] = measure_transfer(generator, scenes)
        results["two_seeds"] = measure_diversity(generator, scenes)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generators", nargs="+", help="names or weights files")
    parser.add_argument("--out", type=Path, required=True, help="folder for results.json and the sheets")
    parser.add_argument("--cache", type=Path, default=Path("runs/toyscenes"), help="folder for the drawn scenes")
    parser.add_argument("--scenes", type=int, default=500, help="unseen scenes to measure on")
    parser.add_argument("--train-scenes", type=int, default=16000, help="true pictures the segmenter learns from")
    parser.add_argument("--segmenter", type=Path, help="its weights; default: segmenter.pt in --cache")
    parser.add_argument("--segmenter-steps", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    scenes = load_scenes(args.cache, "val", args.scenes)
    train = load_scenes(args.cache, "train", args.train_scenes)
    segmenter = load_segmenter(args.segmenter or args.cache / "segmenter.pt", train, steps=args.segmenter_steps)
    with torch.inference_mode():
        results: dict[str, Any] = {"true": measure_classes(None, segmenter, scenes, encoded=False)}
    for name in args.generators:
        generator = load_pretrained(name)
        results[name] = evaluate(generator, segmenter, scenes, results["true"]["miou"])
        with torch.inference_mode():
            save_sheet(
                generator,
                scenes,
                args.out / f"{Path(name).stem if Path(name).exists() else name.replace('/', '-')}.png",
            )
        print(name, json.dumps(results[name], indent=2), flush=True)
    (args.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
