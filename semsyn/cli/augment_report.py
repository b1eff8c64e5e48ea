"""What synthetic pictures are good for: segmenters trained on real ones, on synthetic ones, and on both."""

import argparse
from collections.abc import Sequence

import torch

from semsyn.data.io.transforms import Transform
from semsyn.evaluate.judges import Judge, train_judge
from semsyn.evaluate.map_agreement import MapAgreement
from semsyn.evaluate.record import Record
from semsyn.labels import LabelSpace
from semsyn.train.folder import FolderPictures
from semsyn.train.scene_files import SceneFiles

__all__ = ["compare_training"]

Size = tuple[int, int]
MULTIPLE = 8  # of a segmenter's sides


def compare_training(
    real: Sequence[SceneFiles],
    synthetic: Sequence[SceneFiles],
    unseen: Sequence[SceneFiles],
    space: LabelSpace,
    size: Size,
    args: argparse.Namespace,
) -> list[Record]:
    """The mIoU on unseen real pictures of three segmenters, trained alike for ``args.segmenter_steps`` steps.

    Each is also written to ``args.out``, for ``--filter-by``.
    """
    h, w = (max(MULTIPLE, round(side / MULTIPLE) * MULTIPLE) for side in size)
    transform = Transform(mode="fixed", crop_size=w, load_size=w, aspect_ratio=w / h, flip=False)
    sets = {"real": list(real), "synthetic": list(synthetic), "both": [*real, *synthetic]}
    records = []
    for name, files in sets.items():
        pictures = FolderPictures(files=files, space=space, transform=transform, size=(h, w))
        judge = train_judge(pictures, space.classes, steps=args.segmenter_steps)
        judge.save(args.out / f"segmenter-{name}.pt")
        figures = _measure(judge, FolderPictures(files=unseen, space=space, transform=transform, size=(h, w)))
        by_class = figures.pop("iou")
        for metric in ("miou", "accuracy"):
            details = {"iou": by_class} if metric == "miou" else {}
            records.append(
                Record(
                    metric=metric,
                    value=figures[metric],
                    details=details | {"steps": args.segmenter_steps, "size": [h, w]},
                    subject=f"segmenter trained on {name}",
                    counts={"training": len(files), "unseen": len(unseen)},
                )
            )
    return records


@torch.inference_mode()
def _measure(judge: Judge, unseen: FolderPictures) -> dict:
    agreement = MapAgreement(judge.names, void=unseen.space.void)
    for index in range(len(unseen)):
        layout, image = unseen.batch([index])
        agreement.add(judge.network(image).argmax(1), layout.class_ids)
    return agreement.figures()
