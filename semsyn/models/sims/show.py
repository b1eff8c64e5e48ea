"""What SIMS' networks have learnt, to look at."""

from pathlib import Path

import torch
from einops import rearrange
from PIL import Image

from semsyn.data.io.whole_file import write_picture
from semsyn.data.spaces.colors import to_uint8
from semsyn.data.spaces.label_space import label_space
from semsyn.evaluate.report import write_json
from semsyn.models.sims.lessons import CanvasLesson, Lesson, OrderLesson, count_right, planes_of
from semsyn.models.sims.toy_samples import ToySamples


@torch.no_grad()
def show_samples(lesson: Lesson, unseen: ToySamples, path: Path) -> None:
    """Write a sheet (layouts, simulated canvases, pictures, photographs), or figures.

    Args:
        lesson: of the network.
        unseen: scenes that were not learnt from.
        path: of the result, without a suffix.
    """
    if isinstance(lesson, CanvasLesson):
        made = lesson.network(unseen.noisy_ids.long(), planes_of(unseen.canvases)).clamp(-1, 1)
        columns = (
            label_space("toyscenes").to_colors(unseen.noisy_ids.long()),
            rearrange(unseen.canvases, "n c h w -> n h w c"),
            to_uint8(made, rounding="nearest"),
            rearrange(unseen.photos, "n c h w -> n h w c"),
        )
        sheet = rearrange(torch.stack(columns), "r n h w c -> (n h) (r w) c").contiguous()
        write_picture(Image.fromarray(sheet.numpy()), path.with_suffix(".png"))
        return
    if isinstance(lesson, OrderLesson):
        right, total = count_right(lesson.network, lesson, unseen)
        write_json({"pairs": total, "right": right / max(1, total)}, path.with_suffix(".json"))
        return
    losses = [
        lesson.losses(unseen, [number], torch.Generator().manual_seed(number))["fit"] for number in range(len(unseen))
    ]
    write_json({"fit": float(torch.stack(losses).mean())}, path.with_suffix(".json"))
