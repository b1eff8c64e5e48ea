from dataclasses import replace

import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.generator.synthesis import Synthesis
from semsyn.losses.clip_style import CLIPStyleLoss, CLIPTokens
from semsyn.models.ipose.style import CHOSEN, StyleTerm, crop_by_box
from semsyn.records.objects import Objects
from semsyn.train.shot import Shot
from tests.models.cases import make_generator, make_layout


def make_shot(chosen: Tensor | None) -> Shot:
    layout = make_layout(make_generator("ipose"))
    fake, real = (torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    others = {} if chosen is None else {CHOSEN: chosen}
    return Shot(layout=layout, real=real, made=Synthesis(image=fake.requires_grad_()), paired=3, others=others)


def make_term(*, is_local: bool) -> StyleTerm:
    torch.manual_seed(0)
    return StyleTerm(CLIPStyleLoss(CLIPTokens(width=8, heads=2, layers=1)), 10.0, is_local=is_local)


def test_of_the_chosen_objects() -> None:
    shot, term = make_shot(torch.tensor([4, 0])), make_term(is_local=True)
    assert shot.layout.objects is not None
    chosen = shot.layout.objects[torch.tensor([4, 0])]
    expected = term.distance(crop_by_box(shot.fake, chosen), crop_by_box(shot.real, chosen))
    assert torch.equal(term(shot), 10 * expected) and expected > 0


def test_without_objects_it_is_zero() -> None:
    nothing, term = torch.zeros(0, dtype=torch.int64), make_term(is_local=True)
    shot = make_shot(nothing)
    assert term(shot) == 0 and crop_by_box(shot.fake, Objects.none((64, 64))).shape == (0, 3, 128, 128)
    shot.layout = replace(shot.layout, objects=Objects.none((64, 64)))
    (term(shot) + shot.fake.sum()).backward()
    assert make_term(is_local=False)(shot) > 0, "of whole pictures, objects do not matter"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="which ones count: 'style_objects'"):
        make_term(is_local=True)(make_shot(None))
