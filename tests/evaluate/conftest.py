"""A few scenes, and stand-ins for generators and segmenters whose figures are known beforehand."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.data.toyscenes.cache import Scenes, load_scenes
from semsyn.functional import region_pool
from semsyn.records.codes import Codes, CodeSpec
from semsyn.records.style import Gaussian, Posterior, Style


class PaintedByCode:
    """Stands in for a generator whose instances have exactly the mean colour that its encoder saw."""

    encoder = object()
    device = torch.device("cpu")
    requires = ("instance_ids",)
    finds = ()
    codes = (CodeSpec(name="instances", shape=(2, 3), per="instance", stream=2),)

    def encode(self, image, layout):
        means, counts = region_pool(image, layout.instance_ids, layout.num_instances)
        mu = torch.stack([means, means], 2)
        gaussian = Gaussian(mu=mu, logvar=torch.full_like(mu, -60), per="instance", valid=counts > 0)
        return Posterior({"instances": gaussian})

    def sample_style(self, layout, *, seeds, posterior=None):
        codes = [self._draw(layout.num_instances, seed) for seed in seeds]
        style = Style({"instances": Codes(table=torch.stack(codes), per="instance")})
        return style if posterior is None else posterior.apply(style)

    def __call__(self, layout, style):
        colors = style["instances"].table[:, :, 0]
        images = torch.arange(len(layout))[:, None, None]
        return colors[images, layout.instance_ids].movedim(-1, 1)

    def _draw(self, count, seed):
        return torch.rand(count, 2, 3, generator=torch.Generator().manual_seed(seed))


class PaintedAtOnce(PaintedByCode):
    """The same with one colour for the whole picture."""

    requires = ()

    def encode(self, image, layout):
        mu = image.mean((2, 3))[:, None]
        return Posterior({"start": Gaussian(mu=mu, logvar=torch.full_like(mu, -60))})

    def sample_style(self, layout, *, seeds, posterior=None):
        style = Style({"start": Codes(table=torch.stack([self._draw(1, seed)[:, 0] for seed in seeds]))})
        return style if posterior is None else posterior.apply(style)

    def __call__(self, layout, style):
        return style["start"].table[:, 0, :, None, None].expand(-1, -1, *layout.size)


class Knowing(nn.Module):
    """Stands in for a segmenter: says what it was told, for one batch after another."""

    def __init__(self, answers: Sequence[Tensor], num_classes: int) -> None:
        super().__init__()
        self.answers, self.num_classes = iter(answers), num_classes

    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.one_hot(next(self.answers), self.num_classes).movedim(-1, 1)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    """Six unseen ones with parts."""
    return load_scenes(tmp_path_factory.mktemp("cache"), "val", 6, has_parts=True)


@pytest.fixture(scope="session")
def shapes() -> ToyShapes:
    """The objects of twenty scenes."""
    return ToyShapes.draw(20)


@pytest.fixture
def by_instance() -> PaintedByCode:
    """A generator with a code per instance."""
    return PaintedByCode()


@pytest.fixture
def at_once() -> PaintedAtOnce:
    """A generator with a code per picture."""
    return PaintedAtOnce()


@pytest.fixture(scope="session")
def knowing() -> type[Knowing]:
    """Makes segmenters that know what to say."""
    return Knowing
