"""The three trainings at their smallest: stopping changes nothing, everything learns, files fit together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from semsyn.cli.main import main
from semsyn.data.bank.build import build_bank
from semsyn.data.bank.groups import class_groups
from semsyn.data.bank.manifest import BankConfig
from semsyn.data.bank.scenes import SceneFiles
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.scene import draw_scene
from semsyn.errors import InputError
from semsyn.hub.load import load_pretrained
from semsyn.models import find_card, get_family
from semsyn.models.sims.recipe import PHOTOS, falling, growing, load_photos
from semsyn.models.sims.samples import BankSamples
from semsyn.models.sims.toy_samples import load_samples
from semsyn.train.shot import Batch, Draws
from semsyn.train.step import Nets, train_step
from tests.models.sims.conftest import CONFIG, SIZE

RECIPES = get_family("sims").recipes
TOYS = ("toyscenes-transform", "toyscenes-order", "toyscenes")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def samples(cache):
    return load_samples(cache / "sims", "train", 3, SIZE)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Files of two trained networks."""
    folder = tmp_path_factory.mktemp("networks")
    composer = CONFIG.build().conditioner
    files = {name: folder / f"{name}.safetensors" for name in ("transform_net", "order_net")}
    for name, file in files.items():
        save_file(getattr(composer, name).state_dict(), file)
    return files


def make_run(name, networks):
    run = RECIPES[name].lasting(3).begin(CONFIG, seed=5)
    run.begin(networks)
    return run


def test_samples_are_what_their_scene_is(samples, cache):
    scene = draw_scene(samples_first(cache), size=SIZE)
    assert torch.equal(samples.photo(0).movedim(0, 2), torch.from_numpy(scene.image))
    assert torch.equal(samples.layout(0), torch.from_numpy(scene.class_ids))
    assert torch.equal(samples.depth(0).long(), torch.from_numpy(scene.depth_order) + 1)
    canvas, ids = samples.simulate(0, torch.Generator())
    seen = (canvas.sum(0) > 0) & ~(canvas == 255).all(0)
    assert seen.any() and (ids != samples.layout(0)).any() and ids.max() <= 15
    near = (canvas.int() - samples.photo(0).int()).abs().sum(0) <= 3
    assert float(near[seen].float().mean()) > 0.5, "most of it is the photograph itself, but for recoloured segments"
    again = load_samples(cache / "sims", "train", 3, SIZE)
    assert torch.equal(again.canvases, samples.canvases)


def samples_first(cache):
    from semsyn.models.sims.toy_samples import MoodScenes

    return MoodScenes.first(1, "train", SIZE).indices[0]


@pytest.mark.parametrize("name", TOYS)
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(name, samples, networks):
    through, first = (make_run(name, networks) for _ in range(2))
    before = {key: t.clone() for key, t in through.network.state_dict().items()}
    for _ in through.learn_from(samples):
        pass
    next(first.learn_from(samples))
    second = RECIPES[name].lasting(3).begin(CONFIG, seed=5)
    second.resume(first.state())
    for _ in second.learn_from(samples):
        pass
    assert second.step == through.step == 3
    for key, tensor in through.generator.state_dict().items():
        assert torch.equal(second.generator.state_dict()[key], tensor), key
    still = {key for key, t in through.network.state_dict().items() if torch.equal(t, before[key])}
    # A transformation begins as the identity, whatever is seen: at first only its last layer learns.
    assert all(".norm." in key or "tower" in key for key in still), still


@pytest.mark.parametrize("name", TOYS)
def test_what_was_learnt_is_shown(name, samples, networks, tmp_path):
    run = make_run(name, networks)
    run.show(samples, samples, tmp_path / "last")
    assert run.network.training
    if name == "toyscenes":
        assert Image.open(tmp_path / "last.png").size == (4 * SIZE[1], 3 * SIZE[0])
    else:
        assert (tmp_path / "last.json").read_text().startswith("{")


def test_commands_write_files_that_fit_together(cache, tmp_path, monkeypatch):
    card = replace(find_card("sims/toyscenes"), config=CONFIG)
    monkeypatch.setattr("semsyn.cli.train.find_card", lambda name: card)
    common = ["--cache", str(cache), "--scenes", "3", "--steps", "1"]
    monkeypatch.setattr("semsyn.cli.train.SHOWN", 2)
    files = {}
    for net in ("transform", "order"):
        out = tmp_path / net
        assert main(["train", f"sims/toyscenes-{net}", "--out", str(out), *common]) == 0
        files[net] = out / f"sims-toyscenes-{net}.safetensors"
    given = [f"--{net}-net={file}" for net, file in files.items() if f"{net}_net" in RECIPES["toyscenes"].needs]
    assert main(["train", "sims/toyscenes", "--out", str(tmp_path / "all"), *given, *common]) == 0
    generator = load_pretrained(tmp_path / "all")
    assert generator.config == CONFIG and generator.label_space == label_space("toyscenes")
    if "transform_net" in RECIPES["toyscenes"].needs:
        wanted = load_file(files["transform"])
        found = generator.conditioner.transform_net.state_dict()
        assert all(torch.allclose(found[key], tensor, atol=1e-2) for key, tensor in wanted.items()), "in half precision"


def test_missing_and_wrong_files_are_told(networks, tmp_path):
    recipe = replace(RECIPES["toyscenes"], needs={"order_net": "file of the network that orders them"})
    with pytest.raises(InputError, match="starts with order_net"):
        recipe.begin(CONFIG, seed=0).begin({})
    with pytest.raises(InputError, match="holds no order_net"):
        recipe.begin(CONFIG, seed=0).begin({"order_net": networks["transform_net"]})
    with pytest.raises(InputError, match="order_width"):
        RECIPES["toyscenes-order"].begin(replace(CONFIG, order_width=None), seed=0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photographs of twice the size of their maps, with depths, and a bank of them."""
    folder, space = tmp_path_factory.mktemp("photos"), label_space("toyscenes")
    for name in ("photos", "maps", "depths"):
        (folder / name).mkdir()
    pairs = []
    for index in range(3):
        scene = draw_scene(index, size=(128, 128))
        frame = f"town_{index:06d}_000000"
        photo, label_map = folder / f"photos/{frame}_leftImg8bit.png", folder / f"maps/{frame}_ids.png"
        Image.fromarray(scene.image).save(photo)
        Image.fromarray(scene.class_ids.astype(np.uint8)).save(label_map)
        depth = Image.fromarray((scene.depth_order + 1).astype(np.uint8))
        depth.save(folder / f"depths/{frame}_disparity.png")
        pairs.append((photo, label_map))
    config = BankConfig(space=space, groups=class_groups(space), size=SIZE, scale=2, smallest=0.004)
    build_bank(folder / "bank", SceneFiles(tuple(pairs), folder / "photos"), config, workers=0)
    return {name: folder / name for name in ("bank", "photos", "depths")}


def test_photographs_of_a_bank(photos):
    samples = BankSamples.of(photos)
    scene = draw_scene(1, size=(128, 128))
    assert len(samples) == 3 and samples.scale == 2
    assert torch.equal(samples.photo(1).movedim(0, 2), torch.from_numpy(scene.image))
    assert samples.layout(1).shape == samples.depth(1).shape == SIZE
    canvas, ids = samples.simulate(1, torch.Generator().manual_seed(0))
    assert canvas.shape == (3, 128, 128) and ids.shape == (128, 128)
    last = load_photos(CONFIG, photos, photos["bank"], "val", 2)
    assert [last.numbers[i] for i in range(len(last))] == [0, 1]
    with pytest.raises(InputError, match="no picture of the depth"):
        BankSamples(samples.bank, photos["photos"]).depth(0)


@pytest.mark.parametrize("name", ["cityscapes-transform", "cityscapes-order"])
def test_recipes_of_photographs_learn(name, photos, monkeypatch):
    monkeypatch.setattr("semsyn.models.sims.recipe.HELD_OUT", 1)
    config = replace(CONFIG, scale=2, image_size=(128, 128))
    run = RECIPES[name].lasting(2).begin(config, seed=0)
    run.begin(photos)
    losses = list(run.learn_from(run.load(photos["bank"], "train", 5)))
    assert len(losses) == 2 and all(float(loss) > 0 for step in losses for loss in step.values())


def test_painting_of_photographs_starts_from_half_the_size(photos, networks, tmp_path, monkeypatch):
    monkeypatch.setattr("semsyn.models.sims.recipe.HELD_OUT", 1)
    small = CONFIG.build()
    save_file(small.state_dict(), tmp_path / "small.safetensors")
    config = replace(CONFIG, scale=2, image_size=(128, 128))
    recipe = RECIPES["cityscapes-medium"].lasting(1)
    recipe = replace(recipe, loss=RECIPES["toyscenes"].loss)
    run = recipe.begin(config, seed=0)
    run.begin({**photos, **networks, "vgg": photos["bank"], "smaller": tmp_path / "small.safetensors"})
    for key, tensor in run.network.state_dict().items():
        if key.startswith(("encoder.", "decoder.", "final.")):
            assert torch.equal(tensor, small.painter.net.state_dict()[key])
    assert run.advance(run.load(tmp_path, "train", 5))["pixels"] > 0


def test_rates_are_the_released_ones():
    transform, order, painter = (RECIPES[f"cityscapes{name}"].rate for name in ("-transform", "-order", ""))
    at = {epoch: (epoch - 1) * PHOTOS for epoch in (1, 2, 26, 50, 74, 112, 113, 800)}
    assert transform(0, 1) == transform(10**6, 1) == 1e-5
    assert order(at[1], 1) == 1e-6 and order(at[26], 1) == 1e-5
    assert painter(at[2], 1) == pytest.approx(1.1e-6) and painter(at[50], 1) == pytest.approx(1e-4, rel=0.1)
    assert painter(at[74], 1) == pytest.approx(1e-3, rel=0.1)
    assert painter(at[112], 1) == 1e-3 and painter(at[113], 1) == painter(at[800], 1) == 1e-4
    assert growing(10**9, 1, most=1e-5) == 1e-5
    assert falling(0, 100, rate=1.0) == pytest.approx(1 / 50) and falling(99, 100, rate=1.0) == pytest.approx(0.01)
    assert {RECIPES[name].steps for name in ("cityscapes-medium", "cityscapes-large")} == {100 * PHOTOS}
    assert RECIPES["cityscapes"].steps == 800 * PHOTOS


def test_the_objective_is_the_loss_alone(generator, layout):
    family = get_family("sims")
    objective = family.objective(CONFIG)
    with pytest.raises(InputError, match="without a critic"):
        family.objective(CONFIG, critic=objective.critic)
    generator.train()
    made = generator.synthesize(layout, generator.sample_style(layout, seeds=[1, 2, 3]))
    real = torch.rand(3, 3, *SIZE) * 2 - 1
    adam = torch.optim.Adam([p for p in generator.parameters() if p.requires_grad])
    nothing = torch.optim.Adam([{"params": list(objective.critic.parameters())}])
    style = generator.sample_style(layout, seeds=[1, 2, 3])
    losses = train_step(
        Nets(generator, objective, (adam, nothing)), Batch(layout=layout, real=real), Draws(style=style)
    )
    wanted = objective.loss.terms(made.image, real, made["logits"], layout.class_ids)
    assert losses.keys() == wanted.keys()
    torch.testing.assert_close(losses["pixels"], wanted["pixels"].detach())
