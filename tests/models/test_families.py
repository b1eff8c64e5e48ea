"""What every generator can do, whatever its family."""

import io
from dataclasses import fields

import pytest
import torch
from torch import Tensor, nn

from semsyn import Generator
from semsyn.models import IPOSEConfig
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from tests.models.cases import CONFIGS, attach_resources, make_generator, make_images, make_layout

EVERY = pytest.mark.parametrize("case", CONFIGS)
ENCODERS = [case for case, config in CONFIGS.items() if getattr(config, "has_encoder", False)]
ENCODING = pytest.mark.parametrize("case", ENCODERS)


@EVERY
def test_maps_of_any_size_give_pictures_of_the_generators_size(case: str) -> None:
    generator = make_generator(case)
    for n, size in ((3, (64, 64)), (1, (37, 53)), (2, (5, 7))):
        layout = make_layout(generator, n, size)
        with torch.no_grad():
            picture = generator(layout, generator.sample_style(layout, seeds=range(n)))
        assert picture.shape == (n, 3, *generator.image_size)
        assert picture.isfinite().all() and picture.abs().max() <= 1 and picture.std() > 0


@EVERY
def test_a_training_step_reaches_every_parameter(case: str) -> None:
    generator = make_generator(case).train()
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    if generator.encoder is not None:
        style = generator.encode(make_images(generator), layout).apply(style)
    synthesis = generator.synthesize(layout, style)
    made = [synthesis.image, *(synthesis[name] for name in ("preview", "logits") if name in synthesis.extras)]
    pictures = torch.cat([t.flatten() for t in made])
    (pictures * torch.linspace(-1, 1, len(pictures))).sum().backward()
    for name, parameter in generator.named_parameters():
        if not parameter.requires_grad:
            assert ".part_net." in name or ".transform_net." in name or ".order_net." in name, name
            continue
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        if parameter.ndim > 1 and not name.endswith("tail.conv.weight"):
            assert parameter.grad.any(), name


@EVERY
def test_training_moves_statistics_and_evaluation_nothing(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    before = {key: t.clone() for key, t in generator.state_dict().items()}

    def moved() -> set[str]:
        with torch.no_grad():
            generator(layout, style)
        return {key for key, t in generator.state_dict().items() if not torch.equal(t, before[key])}

    assert not moved()
    generator.train()
    last = {key.rpartition(".")[2] for key in moved()}
    norm = getattr(generator.config, "norm", "instance")
    statistics = set() if norm == "instance" else {"running_mean", "running_var"}
    iterates = {"u", "v"} if getattr(generator.config, "has_spectral_norm", False) else set()
    assert last - {"num_batches_tracked"} == iterates | statistics
    assert ("num_batches_tracked" in last) == (norm == "batch")


@EVERY
def test_a_picture_does_not_depend_on_its_batch(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=[5, 6, 7])
    with torch.no_grad():
        together = generator(layout, style)
        for i in range(3):
            alone = layout[i : i + 1]
            picture = generator(alone, generator.sample_style(alone, seeds=[5 + i]))
            torch.testing.assert_close(picture, together[i : i + 1], rtol=1e-4, atol=1e-5)


@EVERY
def test_the_layout_and_the_style_decide(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    other = Layout.of(
        (layout.class_ids + 1) % 5,
        layout.instance_ids,
        space=5,
        requires=generator.requires,
        planes=layout.planes,
        objects=layout.objects,
    )
    with torch.no_grad():
        picture = generator(layout, style)
        assert torch.equal(generator.run(generator.prepare(layout), style), picture)
        assert torch.equal(generator(layout, style), picture)
        assert not torch.equal(generator(other, style), picture)
        drawn_anew = generator.sample_style(layout, seeds=[7, 8, 9])
        for name in style:
            changed = Style({**style, name: drawn_anew[name]})
            assert not torch.equal(generator(layout, changed), picture), name


@EVERY
def test_saved_and_loaded_it_paints_the_same(case: str) -> None:
    generator = make_generator(case)
    file = io.BytesIO()
    torch.save({"config": generator.config.to_dict(), "state": generator.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    config = type(generator.config).from_dict(saved["config"])
    assert config == generator.config
    torch.manual_seed(9)
    twin = config.build().eval()
    twin.load_state_dict(saved["state"])
    twin = twin if isinstance(config, IPOSEConfig) else attach_resources(twin)
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    with torch.no_grad():
        assert torch.equal(twin(layout, style), generator(layout, style))


@EVERY
def test_codes_are_drawn_where_they_are_needed(case: str) -> None:
    generator = make_generator(case)
    config, layout = generator.config, make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    shapes = {}
    if hasattr(config, "candidates"):
        shapes |= {"picks": (3, int(style["picks"].ids.max()) + 1), "elision": (3, *generator.image_size)}
    if getattr(config, "code_dim", None) is not None:
        shapes["noise" if config.family in ("oasis", "ipose") else "start"] = (3, 1, config.code_dim)
    if hasattr(config, "class_code_dim") and config.code_dim is not None:
        shapes["classes"] = (3, config.num_classes + 1, 5, config.class_codes)
    if hasattr(config, "instance_code_dim"):
        shapes["instances"] = (3, layout.num_instances, 2, config.instance_code_dim)
    if hasattr(config, "part_channels"):
        shapes["parts"] = (3, config.part_channels - 1, *generator.sizes()[0])
    assert {name: tuple(codes.table.shape) for name, codes in style.items()} == shapes
    assert {spec.name for spec in generator.codes} == set(shapes)


@ENCODING
def test_encoding_a_picture(case: str) -> None:
    generator = make_generator(case)
    layout, images = make_layout(generator), make_images(generator)
    prior = generator.sample_style(layout, seeds=range(3))
    with torch.no_grad():
        posterior = generator.encode(images, layout)
        style = generator.sample_style(layout, seeds=range(3), posterior=posterior)
        mean = generator.sample_style(layout, seeds=range(3), truncation=0, posterior=posterior)
    for name, gaussian in posterior.items():
        rows = gaussian.mu.shape[1]  # codes of classes have a row more, of "no class"
        found, drawn = (s[name].table[:, :rows] for s in (style, prior))
        torch.testing.assert_close(found, gaussian.mu + (gaussian.logvar / 2).exp() * drawn)
        torch.testing.assert_close(mean[name].table[:, :rows], gaussian.mu)
        assert gaussian.mu.dtype == torch.float32 and gaussian.per == style[name].per
        if gaussian.valid is not None:
            absent = ~gaussian.valid
            assert absent.any() and torch.equal(found[absent], drawn[absent]), "what the picture lacks keeps its draw"
    for name in set(prior) - set(posterior):
        assert torch.equal(style[name].table, prior[name].table)


class Exported(nn.Module):
    """Plain tensors in, picture out."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, maps: dict[str, Tensor], codes: dict[str, Tensor]) -> Tensor:
        return self.generator(Layout(**maps), self.generator.style(**codes))


def filled(layout: Layout) -> dict[str, Tensor]:
    return {f.name: t for f in fields(layout) if (t := getattr(layout, f.name)) is not None}


def bare(style: Style) -> dict[str, Tensor]:
    return {name: codes.table[:, 0] if codes.per == "image" else codes.table for name, codes in style.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", ["spade-edges", "clade-icpe", "inade", "oasis", "ipose", "scgan", "scgan-vae", "clvae"]
)
def test_compiles_in_one_graph(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator, 2)
    style = generator.sample_style(layout, seeds=[1, 2])
    prepared = generator.prepare(layout)
    torch._dynamo.reset()
    with torch.no_grad():
        picture = torch.compile(generator.run, backend="aot_eager", fullgraph=True)(prepared, style)
        torch.testing.assert_close(picture, generator.run(prepared, style), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["spade-edges", "clade-icpe", "oasis", "scgan", "scgan-edges", "clvae"])
def test_exports_ids_in_picture_out(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator, 2)
    style = generator.sample_style(layout, seeds=[1, 2])
    program = torch.export.export(Exported(generator), (filled(layout), bare(style)))
    other = Layout.of(layout.class_ids.flip(2), layout.class_ids, space=5, requires=generator.requires)
    with torch.no_grad():
        for each in (layout, other):
            found = program.module()(filled(each), bare(style))
            torch.testing.assert_close(found, generator(each, style), rtol=1e-4, atol=1e-5)
