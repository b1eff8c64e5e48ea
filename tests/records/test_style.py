import pytest
import torch

from semsyn.errors import InputError
from semsyn.records.codes import RegionCodes
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style, draw_codes


def make_styles(n: int = 2, i: int = 4) -> tuple[Style, Style]:
    rng = torch.Generator().manual_seed(0)
    a, b = (
        Style(code=torch.randn(n, 3, generator=rng), instance_codes=torch.randn(n, i, 2, 5, generator=rng))
        for _ in "ab"
    )
    return a, b


def test_a_draw_depends_on_its_seed_and_index_alone() -> None:
    codes = draw_codes([3, 8], (2, 5), stream=1, indices=range(6))
    assert codes.shape == (2, 6, 2, 5)
    assert torch.equal(draw_codes([8], (2, 5), stream=1, indices=[4, 1])[0], codes[1, [4, 1]])
    assert torch.equal(draw_codes([1, 3], (2, 5), stream=1, indices=range(2))[1], codes[0, :2])
    assert draw_codes([3], (2, 5), indices=range(0)).shape == (1, 0, 2, 5)


def test_other_seeds_streams_and_indices_give_other_draws() -> None:
    draws = torch.stack(
        [
            *draw_codes(range(-2, 3), (64,), stream=0),
            *draw_codes([0, 1], (64,), stream=1),
            *draw_codes([0, 1], (64,), stream=1, indices=range(3)).flatten(0, 1),
            *draw_codes([2**63, 2**70 + 5], (64,), stream=0),
        ]
    )
    correlation = torch.corrcoef(draws) - torch.eye(len(draws))
    assert correlation.abs().max() < 0.6, "64 numbers each: unrelated draws correlate by 0.125 or so"


def test_draws_are_standard_normal() -> None:
    codes = draw_codes(range(50), (2, 64), stream=1, indices=range(8))
    assert abs(float(codes.mean())) < 0.02 and abs(float(codes.std()) - 1) < 0.02


def test_mixing_takes_instances_and_leaves_the_rest() -> None:
    a, b = make_styles()
    mixed = a.mix(b, instances=[1, 3])
    assert torch.equal(mixed.instance_codes[:, [1, 3]], b.instance_codes[:, [1, 3]])
    assert torch.equal(mixed.instance_codes[:, [0, 2]], a.instance_codes[:, [0, 2]])
    assert torch.equal(mixed.code, a.code)
    renamed = a.mix(b, instances={0: 3, 2: 3})
    assert torch.equal(renamed.instance_codes[:, [0, 2]], b.instance_codes[:, [3, 3]])
    assert torch.equal(a.instance_codes, make_styles()[0].instance_codes), "the style itself stays"


def test_mixing_by_class_follows_each_images_own_layout() -> None:
    a, b = make_styles()
    layout = Layout(
        class_ids=torch.tensor([[[0, 7, 7]], [[7, 0, 2]]]), instance_ids=torch.tensor([[[0, 1, 3]], [[0, 1, 2]]])
    )
    mixed = a.mix(b, classes=[7], layout=layout).instance_codes
    taken = torch.tensor([[False, True, False, True], [True, False, False, False]])
    assert torch.equal(mixed[taken], b.instance_codes[taken])
    assert torch.equal(mixed[~taken], a.instance_codes[~taken]), "instance 1 is of class 7 in the first image alone"
    assert torch.equal(a.mix(b, classes=[5], layout=layout).instance_codes, a.instance_codes)


def test_one_style_may_be_mixed_into_a_batch() -> None:
    a, b = make_styles()
    one = Style(instance_codes=b.instance_codes[:1])
    layout = Layout(class_ids=torch.zeros(2, 1, 4, dtype=torch.int64), instance_ids=torch.arange(4).expand(2, 1, 4))
    for mixed in (a.mix(one, instances=range(4)), a.mix(one, classes=[0], layout=layout)):
        assert torch.equal(mixed.instance_codes, b.instance_codes[:1].expand(2, -1, -1, -1))


LAYOUT = Layout(class_ids=torch.tensor([[[0, 1]]] * 2), instance_ids=torch.tensor([[[0, 3]]] * 2))
WRONG_MIXES = {
    "nothing": ({}, "either classes= or instances="),
    "both": ({"classes": [0], "instances": [0]}, "either classes= or instances="),
    "classes without a layout": ({"classes": [0]}, "needs the layout"),
    "layout without instances": ({"classes": [0], "layout": Layout(class_ids=LAYOUT.class_ids)}, "needs the layout"),
    "unknown instance": ({"instances": [0, 4]}, r"this style has codes for instances 0 to 3, not for \[4\]"),
    "negative instance": ({"instances": [-1]}, r"not for \[-1\]"),
    "unknown in the other": ({"instances": {0: 2}}, r"the other style has codes for instances 0 to 1, not for \[2\]"),
    "class unknown in the other": ({"classes": [1], "layout": LAYOUT}, r"the other style.*not for \[3\]"),
}


@pytest.mark.parametrize("case", WRONG_MIXES)
def test_mixes_that_cannot_be(case: str) -> None:
    arguments, message = WRONG_MIXES[case]
    a, b = make_styles(i=4)[0], make_styles(i=2)[0]
    with pytest.raises(InputError, match=message):
        a.mix(b, **arguments)


def test_styles_without_instances_cannot_be_mixed() -> None:
    a, _ = make_styles()
    with pytest.raises(InputError, match="need instance codes"):
        a.mix(Style(code=a.code), instances=[0])


def test_style_moves_between_dtypes() -> None:
    half = make_styles()[0].to(dtype=torch.float16)
    assert half.code.dtype == half.instance_codes.dtype == torch.float16
    assert Style(code=torch.zeros(1, 2)).to("cpu").instance_codes is None


def test_a_posterior_turns_draws_into_its_own() -> None:
    a, _ = make_styles()
    posterior = Posterior(mu=torch.tensor([[1.0, 2, 3]] * 2), logvar=torch.log(torch.tensor([[4.0, 1, 9]] * 2)))
    style = posterior.apply(a)
    torch.testing.assert_close(style.code, torch.tensor([1.0, 2, 3]) + torch.tensor([2.0, 1, 3]) * a.code)
    assert style.instance_codes is a.instance_codes


def test_instances_that_the_picture_lacks_keep_the_prior() -> None:
    a, _ = make_styles()
    mu, logvar = torch.full((2, 3, 2, 5), 7.0), torch.full((2, 3, 2, 5), -100.0)
    mu[:, 1], logvar[:, 1] = 0, 0  # id 1 has no pixels
    style = Posterior(mu=mu, logvar=logvar).apply(a).instance_codes
    assert (style[:, [0, 2]] == 7).all()
    assert torch.equal(style[:, [1, 3]], a.instance_codes[:, [1, 3]])
    more = Posterior(mu=mu, logvar=logvar).apply(Style(instance_codes=a.instance_codes[:, :1])).instance_codes
    assert more.shape == (2, 1, 2, 5), "instances that only the picture has are not needed"


def test_a_posterior_needs_a_draw_of_its_kind() -> None:
    with pytest.raises(InputError, match="describes instance_codes"):
        Posterior(mu=torch.zeros(1, 2, 2, 3), logvar=torch.zeros(1, 2, 2, 3)).apply(Style(code=torch.zeros(1, 3)))


def make_posterior() -> Posterior:
    rng = torch.Generator().manual_seed(5)
    mu, logvar = torch.randn(1, 3, 2, 5, generator=rng), torch.randn(1, 3, 2, 5, generator=rng)
    return Posterior(mu=mu, logvar=logvar, valid=torch.ones(1, 3, dtype=torch.bool))


def test_transfer_hands_scale_and_shift_to_other_ids() -> None:
    posterior = make_posterior()
    moved = posterior.transfer({3: 0, 1: 2}, 4)
    assert moved.mu.shape == (1, 4, 2, 5)
    assert torch.equal(moved.mu[:, [3, 1]], posterior.mu[:, [0, 2]])
    assert torch.equal(moved.logvar[:, [3, 1]], posterior.logvar[:, [0, 2]])
    assert not moved.mu[:, [0, 2]].any() and not moved.logvar[:, [0, 2]].any(), "all others have the prior"
    assert moved.valid.tolist() == [[False, True, False, True]]
    assert not posterior.transfer({}, 4).mu.any()


def test_transfer_as_released_uses_the_shift_twice() -> None:
    posterior = make_posterior()
    moved = posterior.transfer({1: 2}, 2, as_released=True)
    for level in range(2):
        assert torch.equal(moved.mu[:, 1, level], posterior.mu[:, 2, 1])
        assert torch.equal(moved.logvar[:, 1, level], posterior.logvar[:, 2, 1])


def test_transfers_that_cannot_be() -> None:
    posterior = make_posterior()
    with pytest.raises(InputError, match=r"the target has instances 0 to 1, not \[2\]"):
        posterior.transfer({2: 0}, 2)
    with pytest.raises(InputError, match=r"the reference has instances 0 to 2, not \[3\]"):
        posterior.transfer({0: 3}, 2)
    with pytest.raises(InputError, match="only posteriors of instance codes"):
        Posterior(mu=torch.zeros(1, 3), logvar=torch.zeros(1, 3)).transfer({0: 0}, 1)


MAPS = Layout(class_ids=torch.tensor([[[0, 7, 7]], [[7, 0, 2]]]), instance_ids=torch.tensor([[[0, 1, 3]], [[0, 1, 2]]]))
TAKEN = {"classes": [7], "instances": [1, 3]}


def noise_styles(kind: str) -> tuple[Style, Style]:
    rng = torch.Generator().manual_seed(0)
    if kind == "code":
        a, b = (Style(code=torch.randn(2, 4, generator=rng)) for _ in "ab")
    elif kind == "regions":
        a, b = (
            Style(region_codes=RegionCodes(table=torch.randn(2, 8, 4, generator=rng), ids=MAPS.class_ids)) for _ in "ab"
        )
    else:
        a, b = (Style(code_map=torch.randn(2, 4, 1, 3, generator=rng)) for _ in "ab")
    return a, b


def dense(style: Style) -> torch.Tensor:
    if style.code_map is not None:
        return style.code_map
    return style.region_codes.dense() if style.code is None else style.code[:, :, None, None].expand(-1, -1, 1, 3)


@pytest.mark.parametrize("here", ["code", "regions", "map"])
@pytest.mark.parametrize("there", ["code", "regions", "map"])
@pytest.mark.parametrize("what", TAKEN)
def test_noise_is_mixed_pixel_by_pixel(here: str, there: str, what: str) -> None:
    a, b = noise_styles(here)[0], noise_styles(there)[1]
    mixed = a.mix(b, **{what: TAKEN[what]}, layout=MAPS)
    ids = MAPS.class_ids if what == "classes" else MAPS.instance_ids
    taken = torch.isin(ids, torch.tensor(TAKEN[what]))[:, None]
    assert torch.equal(dense(mixed), torch.where(taken, dense(b), dense(a)))
    assert mixed.code is None and (mixed.code_map is None) == ("map" not in (here, there))


def test_noise_is_mixed_again_and_again() -> None:
    a, b = noise_styles("code")
    mixed = a.mix(b, classes=[7], layout=MAPS).mix(a, classes=[7], layout=MAPS)
    assert torch.equal(dense(mixed), dense(a))
    assert torch.equal(dense(a.mix(b, classes=[5], layout=MAPS)), dense(a)), "a class that does not occur"
    one = Style(code=b.code[:1])
    assert torch.equal(dense(a.mix(one, classes=[0, 2, 7], layout=MAPS)), dense(one).expand(2, -1, -1, -1))


WRONG_NOISE_MIXES = {
    "no layout": ({"classes": [7]}, "mixing noise needs the layout"),
    "no instances": ({"instances": [0], "layout": Layout(class_ids=MAPS.class_ids)}, "mixing noise needs the layout"),
    "absent instance": ({"instances": [0, 9], "layout": MAPS}, r"no picture of the layout has the instances \[9\]"),
    "renamed": ({"instances": {0: 1}, "layout": MAPS}, "noise belongs to pixels"),
}


@pytest.mark.parametrize("case", WRONG_NOISE_MIXES)
def test_noise_mixes_that_cannot_be(case: str) -> None:
    arguments, message = WRONG_NOISE_MIXES[case]
    a, b = noise_styles("code")
    with pytest.raises(InputError, match=message):
        a.mix(b, **arguments)


def test_noise_of_another_size_is_refused() -> None:
    (a, _), (regions, _), (dense_map, _) = (noise_styles(kind) for kind in ("code", "regions", "map"))
    wide = MAPS.pyramid([(2, 6)])[0]
    with pytest.raises(InputError, match=r"the regions are maps of \(2, 6\) and \(1, 3\)"):
        a.mix(regions, classes=[7], layout=wide)
    with pytest.raises(InputError, match=r"the noise is a map of \(1, 3\), the layout of \(2, 6\)"):
        a.mix(dense_map, classes=[7], layout=wide)
    with pytest.raises(InputError, match="a style without codes cannot be mixed"):
        a.mix(Style(), classes=[7], layout=MAPS)


def test_noise_moves_with_its_style() -> None:
    style = noise_styles("regions")[0].to(dtype=torch.float16)
    assert style.region_codes.table.dtype == torch.float16 and style.region_codes.ids.dtype == torch.int64
