"""clVAE's own: published sizes, which code reaches what, styles of photographs, edits, checkpoints."""

import pytest
import torch

from semsyn import Generator, Style
from semsyn.convert.original import recognise
from semsyn.errors import CheckpointError, InputError
from semsyn.generator.assemble import assemble
from semsyn.models import FAMILIES, CLVAEConfig, get_family
from semsyn.models.clvae.cards import ADE20K, CARDS, DEEPFASHION, GTA5
from semsyn.models.clvae.draw_released import draw_as_released
from semsyn.models.clvae.released import ENCODER, RELEASED
from semsyn.records.layout import Layout
from tests.models.cases import make_generator

RELEASED_FAMILIES = [family.released for family in FAMILIES.values()]


def make(**options) -> Generator:
    """Large enough for windows at its finest levels."""
    torch.manual_seed(0)
    config = CLVAEConfig(
        num_classes=4,
        image_size=(64, 64),
        width=2,
        hidden=4,
        code_dim=6,
        class_code_dim=5,
        has_encoder=True,
        encoder_size=128,
        encoder_width=2,
        **options,
    )
    return config.build().eval()


def make_layout() -> Layout:
    ids = torch.zeros(1, 64, 64, dtype=torch.int64)
    ids[:, 32:], ids[:, :32, 32:] = 1, 2
    return Layout(class_ids=ids)


@pytest.mark.parametrize(
    ("config", "of_generator", "of_encoder"),
    [
        (ADE20K, 111_965_396, 10_909_478),
        (DEEPFASHION, 490_976_099, 49_776_512),
        (GTA5, 100_805_203, 10_522_504),
    ],
    ids=["ade20k", "deepfashion", "gta5"],
)
def test_published_numbers_of_parameters(config, of_generator, of_encoder):
    with torch.device("meta"):
        generator = config.build()
    encoder = sum(p.numel() for p in generator.encoder.parameters())
    assert encoder == of_encoder
    assert sum(p.numel() for p in generator.parameters()) - encoder == of_generator


@pytest.mark.parametrize(("case", "stages"), [("clvae", 7), ("clvae-most", 8)])
def test_each_level_reaches_its_stages_and_none_the_last(case, stages):
    generator = make_generator(case)
    layout = Layout(class_ids=torch.zeros(1, *generator.image_size, dtype=torch.int64))
    style, reached = generator.sample_style(layout, seeds=[0]), []
    for level in range(5):
        table = style["classes"].table.clone()
        table[:, :, level] += 1
        conditions = [
            generator.conditioner.bind(generator.prepare(layout), s) for s in (style, generator.style(classes=table))
        ]
        pairs = list(zip(*conditions, strict=True))
        reached.append([i for i, (a, b) in enumerate(pairs) if planes(a) is not None and not same(a, b)])
    assert reached == [[5], [4], [3], [1, 2], [0]] and len(pairs) == stages


def planes(cond):
    if cond.has_windows:
        return cond.regions.codes
    return cond.planes


def same(a, b) -> bool:
    return torch.equal(planes(a), planes(b))


def test_a_photograph_gives_its_means_and_what_it_lacks_is_drawn():
    generator, layout = make(), make_layout()
    own = Layout(class_ids=layout.class_ids.where(layout.class_ids != 2, 3))
    posterior = generator.encode(torch.rand(1, 3, 64, 64) * 2 - 1, own)
    drawn = generator.sample_style(layout, seeds=[1])
    style = posterior.apply(drawn, spread=0)
    assert torch.equal(style["start"].table, posterior["start"].mu)
    assert torch.equal(style["classes"].table[:, [0, 1, 3]], posterior["classes"].mu[:, [0, 1, 3]])
    assert torch.equal(style["classes"].table[:, 2], drawn["classes"].table[:, 2])


def test_one_photograph_styles_a_batch():
    generator = make()
    layout = Layout(class_ids=torch.cat([make_layout().class_ids, make_layout().class_ids.flip(1)]))
    posterior = generator.encode(torch.rand(1, 3, 64, 64) * 2 - 1, make_layout())
    style = posterior.apply(generator.sample_style(layout, seeds=[1, 2]), spread=0)
    with torch.no_grad():
        pictures = generator(layout, style)
        alone = generator(layout[1:], style[1:])
    assert pictures.shape == (2, 3, 64, 64)
    torch.testing.assert_close(pictures[1:], alone, rtol=1e-4, atol=1e-5)


def test_levels_and_classes_mix_alone():
    generator, layout = make(), make_layout()
    a, b = (generator.sample_style(layout, seeds=[seed]) for seed in (0, 1))
    mixed = a.mix(b, classes=[1], levels=[3, 4])
    assert torch.equal(mixed["classes"].table[:, 1, 3:], b["classes"].table[:, 1, 3:])
    assert torch.equal(mixed["classes"].table[:, 1, :3], a["classes"].table[:, 1, :3])
    assert torch.equal(mixed["classes"].table[:, 2:], a["classes"].table[:, 2:])
    assert torch.equal(mixed["start"].table, a["start"].table)


@pytest.mark.parametrize("is_fused", [False, True])
def test_an_edit_takes_over_what_did_not_change(is_fused, monkeypatch):
    generator, layout = make(), make_layout()
    generator = generator.fuse() if is_fused else generator
    first = generator.sample_style(layout, seeds=[0])
    edited = first.mix(generator.sample_style(layout, seeds=[1]), classes=[2])
    with torch.no_grad():
        before = generator.prepare(layout, first)
        assert torch.equal(generator.run(before), generator(layout, first))
        assert torch.equal(generator.run(before, edited), generator(layout, edited)), "another style is bound anew"
        after = generator.prepare(layout, edited, earlier=before)
        torch.testing.assert_close(generator.run(after), generator(layout, edited), rtol=1e-4, atol=1e-5)
        monkeypatch.setattr(generator.conditioner, "prepare", None)  # the maps are the same: nothing is found anew
        again = generator.prepare(layout, first, earlier=after)
        torch.testing.assert_close(generator.run(again), generator.run(before), rtol=1e-4, atol=1e-5)
    known = [c.regions.windows.known for c in after.conditions if c.has_windows]
    assert known and all(k is not None for k in known)
    *coded, last = known
    assert all(bool((k >= 0).any()) and bool((k < 0).any()) for k in coded), "windows of other classes stay"
    shown = after.conditions[-1].regions.windows.count()
    assert bool((last[:shown] >= 0).all()), "the last stage reads no code"


def test_drawn_as_released_in_the_order_of_classes():
    generator, layout = make(), make_layout()
    style = draw_as_released(generator, layout, torch.Generator().manual_seed(3))
    rng = torch.Generator().manual_seed(3)
    for k in range(3):
        assert torch.equal(style["classes"].table[:, k], torch.randn(1, 5, 5, generator=rng))
    assert torch.equal(style["start"].table[:, 0], torch.randn(1, 6, generator=rng))
    assert not style["classes"].table[:, 3].any()
    with pytest.raises(InputError, match="no codes of classes"):
        draw_as_released(make_generator("clvae-plain"), layout, rng)


def test_its_files_are_told_from_spades_by_the_embedding():
    generator = make()
    states = RELEASED.invert(generator.config, generator.state_dict())
    assert recognise(states["generator"], RELEASED_FAMILIES)[0] is RELEASED
    without = {key: t for key, t in states["generator"].items() if not key.startswith("embedding")}
    assert recognise(without, RELEASED_FAMILIES)[0] is get_family("spade").released
    assert {"fc_mu1.weight", "fc_var5.bias", "layer6.0.weight_orig"} <= set(states["encoder"])
    back = RELEASED.keymap(generator.config).convert(states["generator"])
    back |= {f"encoder.{key}": t for key, t in ENCODER.convert(states["encoder"]).items()}
    twin = assemble(generator.config, back)
    assert all(torch.equal(t, twin.state_dict()[key]) for key, t in generator.state_dict().items())


def test_options_of_its_data_sets():
    for card in CARDS[:3]:
        name = card.name.partition("/")[2]
        config = RELEASED.from_options({"dataset_mode": name})
        assert config == CLVAEConfig(**{**vars(card.config), "has_encoder": False})


def test_encoders_that_never_ran_are_refused():
    facts = {"image_size": (128, 128), "upsampling": "normal", "width": 2, "has_encoder": True}
    state = {"fc.weight": torch.zeros(32 * 16, 6)}
    with pytest.raises(CheckpointError, match="at least 256"):
        RELEASED.check(state, facts)
    with pytest.raises(CheckpointError, match="makes 16 pixels"):
        RELEASED.check(state, {**facts, "image_size": (256, 256)})


def test_what_cannot_be_built_or_painted_is_told():
    with pytest.raises(InputError, match="code_dim must be a number"):
        CLVAEConfig(num_classes=4, image_size=64, code_dim=None, has_encoder=True).build()
    with pytest.raises(InputError, match="multiples of 32"):
        CLVAEConfig(num_classes=4, image_size=(72, 64)).build()
    with pytest.raises(InputError, match="multiple of 64"):
        CLVAEConfig(num_classes=4, image_size=64, has_encoder=True, encoder_size=96).build()
    generator, layout = make(), make_layout()
    with pytest.raises(InputError, match="picture size is fixed"):
        generator(layout, generator.sample_style(layout, seeds=[0]), size=(96, 96))
    with pytest.raises(InputError, match="lacks"):
        generator(layout, Style({"start": generator.sample_style(layout, seeds=[0])["start"]}))
