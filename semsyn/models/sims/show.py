"""What SIMS' networks have learnt, to look at."""

from pathlib import Path

import torch
from einops import rearrange
from PIL import Image

from semsyn.data.io.whole_file import write_picture
from semsyn.data.spaces.colors import to_uint8
from semsyn.evaluate.report import write_json
from semsyn.models.sims.lessons import CanvasLesson, Lesson, OrderLesson, count_right, planes_of
from semsyn.models.sims.samples import Samples


@torch.no_grad()
def show_samples(lesson: Lesson, unseen: Samples, path: Path) -> None:
    """Write a sheet (layouts, simulated canvases, pictures, photographs), or figures.

    Args:
        lesson: of the network.
        unseen: scenes that were not learnt from.
        path: of the result, without a suffix.
    """
    numbers = range(len(unseen))
    if isinstance(lesson, CanvasLesson):
        rows = []
        for number in numbers:
            canvas, ids = unseen.simulate(number, torch.Generator().manual_seed(number))
            made = lesson.network(ids[None], planes_of(canvas[None])).clamp(-1, 1)
            colors = unseen.space.to_colors(ids[None])[0]
            pictures = (rearrange(x, "c h w -> h w c") for x in (canvas, unseen.photo(number)))
            shown, photo = pictures
            rows.append(torch.cat([colors, shown, to_uint8(made, rounding="nearest")[0], photo], dim=1))
        write_picture(Image.fromarray(torch.cat(rows).numpy()), path.with_suffix(".png"))
    elif isinstance(lesson, OrderLesson):
        right, total = count_right(lesson.network, lesson, unseen)
        write_json({"pairs": total, "right": right / max(1, total)}, path.with_suffix(".json"))
    else:
        losses = [lesson.losses(unseen, [n], torch.Generator().manual_seed(n))["fit"] for n in numbers]
        write_json({"fit": float(torch.stack(losses).mean())}, path.with_suffix(".json"))
