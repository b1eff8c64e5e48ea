"""The released recipes: every preset has one, that says what the published code does, and a narrow run of it trains."""

import math
from dataclasses import dataclass, fields, replace

import pytest
import torch
from safetensors.torch import save_file

from semsyn.critics import SegmentationDiscriminator
from semsyn.data.parts.part_supports import write_supports
from semsyn.errors import InputError, UnknownNameError
from semsyn.functional.maps import edges
from semsyn.hub.critics import load_critic
from semsyn.losses import CLIPTokens
from semsyn.models import CARDS, find_card, get_family
from semsyn.models.released_critics import to_released
from semsyn.nn import PartNet
from semsyn.nn.parts.part_supports import PartSupports
from semsyn.nn.towers.vgg19 import VGG19Features
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects
from semsyn.train.recipe import Recipe
from semsyn.train.schedule import Cycles, Epochs

NARROW = {
    "num_classes": 6,
    "width": 1,
    "hidden": 2,
    "code_dim": 2,
    "instance_code_dim": 2,
    "class_code_dim": 2,
    "stem_width": 1,
    "routing_width": 3,
    "part_channels": 3,
    "part_widths": (2, 2, 2, 2),
    "part_layers": 1,
}
PRESETS = [name for name, card in CARDS.items() if card.label_space != "toyscenes" and card.family != "sims"]
RECIPES = {
    f"{family}/{name}": recipe
    for family in dict.fromkeys(name.partition("/")[0] for name in PRESETS)
    for name, recipe in get_family(family).recipes.items()
    if isinstance(recipe, Recipe) and recipe.preset != "toyscenes"
}
SEGMENTING = {"oasis", "ipose"}
QUICK = {
    "spade/cityscapes",
    "clade/cityscapes-icpe",
    "inade/cityscapes-sketch",
    "oasis/ade20k-as-released",
    "ipose/cityscapes",
    "scgan/ade20k",
    "clvae/gta5",
}  # one of each kind; the others are slow together


def narrow(name):
    """The config of a recipe's preset, as small as can be."""
    config = find_card(f"{name.partition('/')[0]}/{RECIPES[name].preset}").config
    given = {f.name for f in fields(config) if getattr(config, f.name, None) is not None}
    size = (64, 64 * config.image_size[1] // config.image_size[0])
    values = {key: value for key, value in NARROW.items() if key in given}
    return replace(config, image_size=size, **values)


@dataclass
class Scenes:
    """Random pictures of random maps."""

    config: object
    requires: tuple[str, ...]
    categories: tuple[int, ...]

    def __len__(self):
        return 4

    def batch(self, indices, flips=None):
        rng = torch.Generator().manual_seed(0)
        h, w = self.config.image_size
        coarse = torch.randint(self.config.num_classes, (len(indices), 4, 4), generator=rng)
        ids = coarse.repeat_interleave(h // 4, 1).repeat_interleave(w // 4, 2)
        read = {
            "instance_ids": lambda: ids % 3,
            "edges": lambda: edges(ids),
            "offsets": lambda: torch.rand(len(ids), 2, h, w, generator=rng),
            "planes": lambda: torch.rand(len(ids), 1, h, w, generator=rng),
            "objects": lambda: self.objects(ids),
        }
        layout = Layout(class_ids=ids, **{name: make() for name, make in read.items() if name in self.requires})
        return layout, torch.rand(len(ids), 3, h, w, generator=rng) * 2 - 1

    def objects(self, ids):
        n, h, w = ids.shape
        return Objects.of(
            ids,
            images=torch.arange(n),
            instance_ids=ids[:, 0, 0],
            categories=torch.tensor(self.categories[:1] * n),
            boxes=torch.tensor([[0, h // 2, 0, w // 2]] * n),
            original_sizes=torch.tensor([[h, w]] * n),
        )


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """What the recipes start with: rarity, a PartNet, support maps."""
    import numpy as np

    folder = tmp_path_factory.mktemp("given")
    torch.manual_seed(0)
    np.save(folder / "rarity.npy", np.random.default_rng(0).random((4, 20)))
    save_file(PartNet((2, 2, 2, 2), num_parts=9, num_layers=1).state_dict(), folder / "part_net.safetensors")
    maps = torch.zeros(3, 64, 64, dtype=torch.uint8)
    maps[:, 20:40, 10:30], maps[:, 40:50, 10:30] = 1, 2
    write_supports(folder / "supports", PartSupports.of({1: maps, 2: maps}))
    return {
        "rarity": folder / "rarity.npy",
        "part_net": folder / "part_net.safetensors",
        "supports": folder / "supports",
    }


@pytest.fixture(scope="module")
def towers():
    torch.manual_seed(0)
    clip = CLIPTokens(width=8, heads=2, layers=1, patch=16, resolution=32)
    return {"vgg19": VGG19Features((1, 1, 1, 1)), "clip": clip}


@pytest.fixture(autouse=True)
def narrow_critics(monkeypatch):
    monkeypatch.setattr("semsyn.models.oasis.recipe.LEVELS", (1,) * 6)


def begin(name, towers, given):
    """A narrow run of a recipe, on random scenes."""
    recipe = RECIPES[name]
    recipe = recipe.looking_through({tower: towers[tower] for tower in recipe.towers.values()})
    objective = recipe.objective
    config = narrow(name)
    recipe = replace(
        recipe,
        objective=lambda config: objective(config, critic_width=2),
        load=lambda requires, folder, split, count: Scenes(config, requires, (1, 2)),
        batch=2,
        cycles=Cycles((1,)),
    )
    training = recipe.begin(config, seed=0)
    training.begin({need: given[need] for need in recipe.needs})
    return training


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_its_recipe(name):
    family, _, preset = name.partition("/")
    card, recipe = find_card(name), get_family(family).recipes[preset]
    assert recipe.preset == preset
    assert recipe.data.space == card.label_space
    crop = recipe.data.train.crop_size
    height = round(crop / recipe.data.train.aspect_ratio) if recipe.data.train.mode == "fixed" else crop
    assert (height, crop) == card.config.image_size
    assert recipe.data.train.flip and isinstance(recipe.cycles, Epochs)


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in RECIPES])
def test_a_narrow_run_takes_its_step(name, towers, given, tmp_path):
    training = begin(name, towers, given)
    pictures = training.load(tmp_path, "train", 4)
    before = {key: p.clone() for key, p in training.nets.generator.named_parameters()}
    (losses,) = training.learn_from(pictures)
    assert all(math.isfinite(loss) for loss in losses.values())
    family, _, preset = name.partition("/")
    expected = {"gan", "d_fake", "d_real"}
    expected |= {"d_mixed"} if family in SEGMENTING else {"features", "perceptual"}
    expected |= {"style"} if family == "ipose" else set()
    expected |= {"preview"} if family == "scgan" else set()
    expected |= {"kl"} if training.nets.generator.encoder is not None else set()
    assert losses.keys() == expected
    after = dict(training.nets.generator.named_parameters())
    assert any(not torch.equal(before[key], p) for key, p in after.items())
    finished = training.finished(pictures)
    assert not finished.training and finished.config == training.nets.generator.config


def test_losses_ask_for_their_towers():
    recipe = RECIPES["spade/cityscapes"]
    with pytest.raises(InputError, match=r"look through vgg19: give the weights, .*--vgg19 PATH.*--without vgg19"):
        recipe.begin(narrow("spade/cityscapes"), seed=0)
    with pytest.raises(UnknownNameError, match="vgg19"):
        recipe.looking_through({"clip": None})
    training = recipe.looking_through({"vgg19": None}).begin(narrow("spade/cityscapes"), seed=0)
    assert not training.nets.objective.terms


def test_what_critics_and_losses_read_is_loaded(towers, given, tmp_path):
    seen = {name: begin(name, towers, given).load(tmp_path, "train", 4).requires for name in ("inade/ade20k",)}
    assert seen == {"inade/ade20k": ("instance_ids", "edges")}


def test_the_divergence_is_that_of_one_gpu_of_the_published_run():
    weights = {}
    for name in ("spade/ade20k-vae", "spade/cityscapes-vae", "inade/ade20k", "scgan/celeba", "clvae/ade20k"):
        kl = RECIPES[name].objective(narrow(name)).terms["kl"]
        assert kl.is_per_picture
        weights[name] = kl.weight
    assert weights == pytest.approx(
        {
            "spade/ade20k-vae": 0.05 * 4,
            "spade/cityscapes-vae": 0.05 * 2,
            "inade/ade20k": 0.05 * 4 / 2,  # of two codes
            "scgan/celeba": 0.05,
            "clvae/ade20k": 0.05 * 4,
        }
    )


def test_as_released_differs_where_paper_and_code_do():
    paper, code = RECIPES["oasis/ade20k"], RECIPES["oasis/ade20k-as-released"]
    assert paper.data.train.load_size == 286 and code.data.train.load_size == 256
    config = narrow("oasis/ade20k")
    assert not paper.objective(config).as_released and code.objective(config).as_released
    same = {f.name for f in fields(paper)} - {"data", "objective"}
    assert all(getattr(paper, name) == getattr(code, name) for name in same)


def test_a_run_starts_from_the_authors_pair(towers, given, tmp_path):
    first, second = (begin("spade/cityscapes", towers, given) for _ in range(2))
    critic = first.nets.objective.critic
    with torch.no_grad():
        for p in critic.parameters():
            p.add_(1)
    torch.save(to_released(critic), tmp_path / "latest_net_D.pth")
    second.judge_from(load_critic(tmp_path / "latest_net_D.pth", has_edges=True))
    for name, tensor in critic.state_dict().items():
        assert torch.equal(second.nets.objective.critic.state_dict()[name], tensor), name
    with pytest.raises(InputError, match="mine is another critic, SegmentationDiscriminator of 3 classes"):
        second.judge_from(SegmentationDiscriminator(3, widths=(2, 2), last_width=2), name="mine")


def test_a_generator_may_learn_less_often_than_its_critic(towers, given, tmp_path):
    training = begin("clade/coco", towers, given)
    training.recipe = replace(training.recipe, critic_steps=2, cycles=Cycles((3,)))
    told, weights = [], []
    for losses in training.learn_from(training.load(tmp_path, "train", 4)):
        told.append(set(losses))
        nets = training.nets
        weights.append([next(net.parameters()).clone() for net in (nets.generator, nets.objective.critic)])
    assert ["gan" in names for names in told] == [True, False, True]
    assert all({"d_fake", "d_real"} <= names for names in told)
    of_generator, of_critic = zip(*weights, strict=True)
    assert torch.equal(of_generator[0], of_generator[1]) and not torch.equal(of_generator[1], of_generator[2])
    assert not torch.equal(of_critic[0], of_critic[1]) and not torch.equal(of_critic[1], of_critic[2])


def test_what_is_kept_in_the_end(towers, given, tmp_path):
    """The generator itself where no average is released; else the average, whose statistics are made anew."""
    plain, averaged = (begin(name, towers, given) for name in ("clade/coco", "oasis/coco"))
    for training in (plain, averaged):
        pictures = training.load(tmp_path, "train", 4)
        list(training.learn_from(pictures))
        finished, own = training.finished(pictures).state_dict(), training.nets.generator.state_dict()
        moved = {name for name in own if not torch.equal(finished[name], own[name])}
        assert "average" in training.state() or not moved
    assert plain.average is None
    assert any("running_mean" in name for name in moved) and any("weight" in name for name in moved)
    assert averaged.average.decay == 0.9999 and not averaged.average.warm_up
