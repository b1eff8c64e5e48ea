from dataclasses import replace

import pytest
import torch
from torch import Tensor

from semsyn.critics import Critic
from semsyn.errors import InputError
from semsyn.generator.synthesis import Synthesis
from semsyn.losses.clip_style import CLIPStyleLoss, CLIPTokens
from semsyn.models.ipose.style import CHOSEN, MOST, StyledObjective, StyleTerm, crop_by_box
from semsyn.records.objects import Objects
from semsyn.train.shot import Shot
from tests.models.cases import make_generator, make_layout


def make_shot(chosen: Tensor | None) -> Shot:
    layout = make_layout(make_generator("ipose"))
    fake, real = (torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    others = {} if chosen is None else {CHOSEN: chosen}
    return Shot(layout=layout, real=real, made=Synthesis(image=fake.requires_grad_()), paired=3, others=others)


def make_term() -> StyleTerm:
    torch.manual_seed(0)
    return StyleTerm(CLIPStyleLoss(CLIPTokens(width=8, heads=2, layers=1)), 10.0)


def test_of_the_chosen_objects() -> None:
    shot, term = make_shot(torch.tensor([4, 0])), make_term()
    assert shot.layout.objects is not None
    chosen = shot.layout.objects[torch.tensor([4, 0])]
    expected = term.distance(crop_by_box(shot.fake, chosen), crop_by_box(shot.real, chosen))
    assert torch.equal(term(shot), 10 * expected) and expected > 0


def test_without_objects_it_is_zero() -> None:
    nothing, term = torch.zeros(0, dtype=torch.int64), make_term()
    shot = make_shot(nothing)
    assert term(shot) == 0 and crop_by_box(shot.fake, Objects.none((64, 64))).shape == (0, 3, 128, 128)
    shot.layout = replace(shot.layout, objects=Objects.none((64, 64)))
    (term(shot) + shot.fake.sum()).backward()
    assert term(make_shot(None)) > 0, "of whole pictures, objects do not matter"


def test_what_is_missing_is_named() -> None:
    shot = make_shot(torch.tensor([0]))
    shot.layout = replace(shot.layout, objects=None)
    with pytest.raises(InputError, match="needs the layout's objects"):
        make_term()(shot)


def test_a_coin_says_what_is_looked_at() -> None:
    layout = make_layout(make_generator("ipose"))
    assert layout.objects is not None
    objective = StyledObjective(Critic(), terms={"style": make_term()})
    objective.critic.num_classes = 3
    drawn = [objective.draw(layout, torch.Generator().manual_seed(seed)) for seed in range(40)]
    chosen = [others[CHOSEN] for others in drawn if CHOSEN in others]
    assert all("label_mix" in others for others in drawn)
    assert 10 < len(chosen) < 30
    count = min(MOST, len(layout.objects))
    assert {len(numbers.unique()) for numbers in chosen} == {count}
    assert {int(i) for numbers in chosen for i in numbers} == set(range(len(layout.objects)))
    objective = StyledObjective(objective.critic)
    assert not any(CHOSEN in objective.draw(layout, torch.Generator().manual_seed(seed)) for seed in range(9))
