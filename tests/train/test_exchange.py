"""Pictures that repeat a scene with some classes in another picture's code."""

from dataclasses import replace

import torch

from semsyn.generator.synthesis import Synthesis
from semsyn.records.codes import Codes
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.train.exchange import Exchange
from semsyn.train.exchange_terms import ClassColors, ClassesStay
from semsyn.train.shot import Batch, Shot

K = 3


def make_exchange() -> Exchange:
    """The third picture is the first with class 1 of the second and class 2 of the fourth."""
    donors = torch.tensor([[0, 0, 0], [1, 1, 1], [0, 1, 3]])
    return Exchange(torch.tensor([0, 1, 0]), donors)


def make_shot(fake: torch.Tensor, real: torch.Tensor, exchange: Exchange | None, paired: int = 2) -> Shot:
    ids = torch.arange(K)[None, :, None].expand(len(real), K, 4).contiguous()
    made = Synthesis(image=fake)
    return Shot(layout=Layout(class_ids=ids), real=real, made=made, paired=paired, exchange=exchange)


def test_one_picture_repeats_the_first_and_about_half_its_classes_are_others() -> None:
    rng = torch.Generator().manual_seed(0)
    drawn = [Exchange.draw(4, 3, 100, rng) for _ in range(4)]
    for exchange in drawn:
        assert exchange.bases.tolist() == [0, 1, 0] and len(exchange) == 3
        assert (exchange.donors[:2] == torch.arange(2)[:, None]).all()
        assert 30 < int((exchange.donors[2] != 0).sum()) < 70
        assert set(exchange.donors[2].tolist()) == {0, 1, 3}, "never its own, which is not encoded twice"


def test_scenes_and_codes_follow() -> None:
    exchange, real = make_exchange(), torch.rand(4, 3, 2, 2)
    batch = Batch(layout=Layout(class_ids=torch.arange(4)[:, None, None].expand(4, 2, 2)), real=real)[exchange.rows(4)]
    assert batch.layout.class_ids[:, 0, 0].tolist() == [0, 1, 0, 3] and torch.equal(batch.real[2], real[0])
    table, start = torch.randn(4, K + 1, 5, 2), torch.randn(4, 1, 6)
    style = exchange.apply(Style({"start": Codes(table=start), "classes": Codes(table=table, per="class")}))
    assert torch.equal(style["start"].table, start[[0, 1, 0]])
    found = style["classes"].table
    assert torch.equal(found[:2], table[:2])
    assert torch.equal(found[2], torch.stack([table[0, 0], table[1, 1], table[3, 2], table[0, 3]]))


def test_colours_are_those_of_the_donors() -> None:
    real = torch.rand(4, 3, 1, 1).expand(4, 3, K, 4).contiguous()
    fake = real.clone()
    fake[2] = torch.stack([real[0, :, 0], real[1, :, 1], real[3, :, 2]], dim=1)
    fake[3] = 9.0  # drawn: nothing is asked of it
    assert float(ClassColors(2.0)(make_shot(fake, real, make_exchange()))) < 1e-6
    fake[2, :, 2] += 0.5
    assert abs(float(ClassColors(2.0)(make_shot(fake, real, make_exchange()))) - 2 * 0.5 / 9) < 1e-6
    plain = ClassColors(1.0)(make_shot(real + 0.25, real, None))
    assert abs(float(plain) - 0.25) < 1e-6


def test_what_kept_its_code_stays() -> None:
    fake = torch.rand(4, 3, K, 4)
    fake[2] = fake[0]
    fake[2, :, 1:] += 1.0
    term = ClassesStay(1.0)
    assert float(term(make_shot(fake, fake, make_exchange()))) == 0, "classes 1 and 2 have other codes"
    fake[2, :, 0] += 0.5
    assert abs(float(term(make_shot(fake, fake, make_exchange()))) - 0.5) < 1e-6
    assert float(term(make_shot(fake, fake, None))) == 0
    void = replace(make_shot(fake, fake, make_exchange()), layout=Layout(class_ids=torch.full((4, K, 4), K)))
    assert float(term(void)) > 0, "no class has no code: it stays"
