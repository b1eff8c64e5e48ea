"""Measure the bundled weights: ``python examples/evaluate_toyscenes.py clade/toyscenes inade/toyscenes --out DIR``.

On unseen scenes: the mIoU of a small segmenter, trained on true pictures, on generated ones, and the margin over each
generator before; with ``--parts`` the same of parts, and how well a PartNet inside of a generator infers them; with an
encoder also how well the colours of instances follow those of an exemplar, and how far two seeds lie apart. Names may
also be weights files. Results: ``results.json`` and a contact sheet per generator. The segmenters are trained once
(minutes) and kept.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from toyscenes_cache import Scenes, load_scenes, load_shapes
from toyscenes_judges import Judge, load_judge
from toyscenes_part_scores import describe, score

from semsyn import Generator
from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes import PART_NAMES
from semsyn.functional import region_pool
from semsyn.hub import load_pretrained
from semsyn.nn import PartConditioner, PartSupports
from semsyn.records.layout import Layout

SPACE = label_space("toyscenes")
MIN_PIXELS = 24  # instances smaller than that say little about colour
BATCH = 20


def pictures(generator: Generator, layout: Layout, seeds: list[int], real: Tensor | None = None) -> Tensor:
    """Generated pictures; of codes encoded from ``real`` where it is given."""
    posterior = None if real is None else generator.encode(real, layout)
    return generator(layout, generator.sample_style(layout, seeds=seeds, posterior=posterior))


def count(
    generator: Generator | None, judges: Mapping[str, Judge], scenes: Scenes, *, encoded: bool
) -> dict[str, Tensor]:
    """What each judge sees in true pictures (no generator), in draws, or in pictures with encoded codes: b k k, the
    pixels of each (true, found) pair in each batch of scenes."""
    seen: dict[str, list[Tensor]] = {name: [] for name in judges}
    for start in range(0, len(scenes), BATCH):
        indices = list(range(start, min(start + BATCH, len(scenes))))
        layout, image = scenes.batch(indices)
        if generator is not None:
            image = pictures(generator, layout, indices, image if encoded else None)
        for name, judge in judges.items():
            seen[name].append(judge.count(image, judge.truth(scenes, indices, layout)))
    return {name: torch.stack(batches) for name, batches in seen.items()}


def describe_all(judges: Mapping[str, Judge], seen: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    """The figures of each judge."""
    return {name: judge.figures(seen[name].sum(0)) for name, judge in judges.items()}


def measure_margin(judge: Judge, first: Tensor, second: Tensor, *, draws: int = 2000) -> dict[str, Any]:
    """How much more mIoU the second of two generators has (b k k each, of the same scenes), with its 95 % interval when
    batches of scenes are drawn anew (bootstrap)."""
    rng = torch.Generator().manual_seed(0)

    def margin(batches: Tensor) -> float:
        return judge.figures(second[batches].sum(0))["miou"] - judge.figures(first[batches].sum(0))["miou"]

    drawn = [margin(torch.randint(len(first), (len(first),), generator=rng)) for _ in range(draws)]
    interval = torch.tensor(drawn).quantile(torch.tensor([0.025, 0.975])).tolist()
    return {"margin": round(margin(torch.arange(len(first))), 4), "interval": [round(v, 4) for v in interval]}


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
        posterior = generator.encode(image, source)
        if posterior.field == "instance_codes":
            posterior = posterior.transfer(pairs, target.num_instances)
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
    """How far an instance's mean colours lie apart under two draws (levels of 255): of its own code alone where it has
    one, else of the picture's."""
    distances = []
    for index in range(count):
        layout, _ = scenes.batch([index])
        one, two = (generator.sample_style(layout, seeds=[seed]) for seed in (index, index + 10**6))
        for k in instances_by_class(layout).values():
            changed = generator(layout, two if one.instance_codes is None else one.mix(two, instances=k[:1]))
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
def evaluate(
    generator: Generator, judges: Mapping[str, Judge], scenes: Scenes, on_true: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """All figures of one generator, and what the judges saw in its draws."""
    modes = ("drawn",) if generator.encoder is None else ("drawn", "encoded")
    results: dict[str, Any] = {}
    seen = {mode: count(generator, judges, scenes, encoded=mode == "encoded") for mode in modes}
    for mode in modes:
        results[mode] = describe_all(judges, seen[mode])
        for name, figures in results[mode].items():
            figures["share_of_true"] = round(figures["miou"] / on_true[name]["miou"], 4)
    if generator.encoder is not None:
        results["transfer"] = measure_transfer(generator, scenes)
        results["two_seeds"] = measure_diversity(generator, scenes)
    return results, seen["drawn"]


def measure_part_net(generator: Generator, shapes: ToyShapes) -> dict[str, Any]:
    """How well the generator's PartNet infers parts from silhouettes alone."""
    conditioner = generator.conditioner
    assert isinstance(conditioner, PartConditioner)
    memory = conditioner.supports
    supports = PartSupports(part_ids=memory.part_ids, categories=memory.categories)
    return describe(score(conditioner.scene.part_net, supports, shapes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generators", nargs="+", help="names or weights files")
    parser.add_argument("--out", type=Path, required=True, help="folder for results.json and the sheets")
    parser.add_argument("--cache", type=Path, default=Path("runs/toyscenes"), help="folder for the drawn scenes")
    parser.add_argument("--scenes", type=int, default=500, help="unseen scenes to measure on")
    parser.add_argument("--train-scenes", type=int, default=16000, help="true pictures the segmenters learn from")
    parser.add_argument("--segmenter", type=Path, help="its weights; default: segmenter.pt in --cache")
    parser.add_argument("--segmenter-steps", type=int, default=1500)
    parser.add_argument("--parts", action="store_true", help="measure parts, too: with part-segmenter.pt in --cache")
    parser.add_argument(
        "--part-scenes", type=int, default=2000, help="true pictures the segmenter of parts learns from"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    scenes = load_scenes(args.cache, "val", args.scenes, has_parts=args.parts)
    train = load_scenes(args.cache, "train", args.train_scenes)
    steps = args.segmenter_steps
    judges = {"classes": load_judge(args.segmenter or args.cache / "segmenter.pt", train, SPACE.classes, steps=steps)}
    if args.parts:
        train = load_scenes(args.cache, "train", args.part_scenes, has_parts=True)
        file = args.cache / "part-segmenter.pt"
        judges["parts"] = load_judge(file, train, PART_NAMES, field="part_ids", steps=steps)
    with torch.inference_mode():
        results: dict[str, Any] = {"true": describe_all(judges, count(None, judges, scenes, encoded=False))}
    earlier: dict[str, dict[str, Tensor]] = {}
    for name in args.generators:
        generator = load_pretrained(name)
        scenes = scenes.requiring(generator.requires)
        results[name], seen = evaluate(generator, judges, scenes, results["true"])
        for other, theirs in earlier.items():
            results[name][f"over {other}"] = {k: measure_margin(j, theirs[k], seen[k]) for k, j in judges.items()}
        earlier[name] = seen
        if "objects" in generator.requires:
            results[name]["part_net"] = measure_part_net(generator, load_shapes(args.cache, "val", args.scenes))
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
