"""What generators reach on unseen scenes: judges of pictures, and everything that is measured with them."""

from semsyn.evaluate.agreement import count_pixels, describe_agreement, measure_margin
from semsyn.evaluate.instance_colors import measure_diversity, measure_transfer
from semsyn.evaluate.judges import Judge, Segmenter, load_judge, train_judge
from semsyn.evaluate.parts import describe_parts, find_part_net, score_parts
from semsyn.evaluate.report import draw_sheet, to_json, write_json
from semsyn.evaluate.suite import Measured, Suite, check_generator

__all__ = [
    "Judge",
    "Measured",
    "Segmenter",
    "Suite",
    "check_generator",
    "count_pixels",
    "describe_agreement",
    "describe_parts",
    "draw_sheet",
    "find_part_net",
    "load_judge",
    "measure_diversity",
    "measure_margin",
    "measure_transfer",
    "score_parts",
    "to_json",
    "train_judge",
    "write_json",
]
