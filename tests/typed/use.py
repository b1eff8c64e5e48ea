"""What type checkers know of the public face: mypy reads this file, nobody runs it."""

import numpy as np
from PIL import Image
from torch import Tensor
from typing_extensions import assert_type

import semsyn
from semsyn.generator.config import Config

generator = semsyn.load_pretrained("clade/toyscenes")
assert_type(generator.config, Config)
assert_type(generator.card, semsyn.hub.Card | None)
assert_type(generator.render("map.png"), Image.Image)
assert_type(generator.render(["map.png"]), list[Image.Image])
assert_type(generator.render("map.png", output="np"), np.ndarray)
assert_type(generator.render("map.png", output="pt", samples=2), Tensor)
assert_type(semsyn.nn.SPADE(3, 5), semsyn.nn.SPADE)
semsyn.load_pretraned("clade/toyscenes")  # type: ignore[attr-defined]
generator.render("map.png", sead=3)  # type: ignore[call-overload]
