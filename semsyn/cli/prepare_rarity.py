"""``semsyn prepare gta5-rarity``: how rare the colours of GTA5's pictures are, which clVAE's training looks at."""

import argparse
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from semsyn.cli.jobs import check_free
from semsyn.cli.options import parse_path
from semsyn.cli.terminal import say
from semsyn.data.io.label_maps import read_label_map
from semsyn.data.io.pictures import open_image
from semsyn.data.io.whole_file import whole_file
from semsyn.data.scenes.color_rarity import ABSENT, Floats, mean_colors, score_rarity
from semsyn.data.scenes.presets import GTA5
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from semsyn.train.scene_files import SceneFiles, find_scenes

READERS = 8  # threads

EPILOG = """\
gta5-rarity: for each picture of DATA and each of GTA5's 20 classes, one over the density of the mean colour that the
class has there; 0 where it is absent, or the picture is blank. DATA is laid out as RGB256Full/train and
LabelgrayFull20/train, or has images/ and labels/. The rows are in the order in which `semsyn train` counts pictures.

examples:
  semsyn prepare gta5-rarity gta5 --out rarity.npy
  semsyn train clvae/gta5 --data gta5 --rarity rarity.npy --vgg19 vgg19.pth --out runs/gta5
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = "Find out how rare the colours of classes are."
    parser.epilog = EPILOG
    parser.add_argument("source", metavar="DATA", type=parse_path, help="the folder of the data set")
    parser.add_argument("--out", metavar="FILE", type=parse_path, required=True, help="what to write, a .npy file")
    parser.add_argument(
        "--as-released", action="store_true", help="score classes that few pictures show as the published files do"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")


def run(args: argparse.Namespace) -> None:
    """Read all pictures, score them, write the scores."""
    if args.out.suffix != ".npy":
        raise InputError(f"--out {args.out} must end in .npy.")
    check_free([args.out], [args.source], overwrite=args.overwrite)
    scenes = find_scenes(args.source, "train", GTA5)
    with ThreadPoolExecutor(READERS) as pool:
        colors = np.stack(list(pool.map(_read, scenes)))
    scores = score_rarity(colors, as_released=args.as_released)
    with whole_file(args.out) as part, part.open("wb") as file:
        np.save(file, scores)
    say(f"{args.out}: {len(scores)} pictures, {int((scores > 0).any(0).sum())} of {scores.shape[1]} classes")


def _read(scene: SceneFiles) -> Floats:
    """The mean colours of a picture's classes."""
    space = label_space(GTA5.space)
    image = np.array(open_image(scene.picture))
    ids = space.map_ids(read_label_map(scene.label_map, space=space)).numpy()
    if image.min() == image.max():  # one of the published pictures is blank
        return np.full((space.num_classes, 3), ABSENT)
    try:
        return mean_colors(image, ids, space.num_classes)
    except InputError as error:
        raise InputError(f"{scene.picture} and {scene.label_map}: {error}") from error
