import pytest
import torch

from semsyn import Codes, Layout, Posterior, Style
from semsyn.errors import InputError
from semsyn.records.style import Gaussian


def make_styles(n: int = 2, i: int = 4) -> tuple[Style, Style]:
    """Codes of whole pictures beside those of instances, of two levels each."""
    rng = torch.Generator().manual_seed(0)
    a, b = (
        Style(
            {
                "start": Codes(table=torch.randn(n, 1, 3, generator=rng)),
                "instances": Codes(table=torch.randn(n, i, 2, 5, generator=rng), per="instance"),
            }
        )
        for _ in "ab"
    )
    return a, b


def instances(style: Style) -> torch.Tensor:
    return style["instances"].table


def only(style: Style, name: str) -> Style:
    return Style({name: style[name]})


def test_a_style_is_a_mapping_of_codes() -> None:
    style = make_styles()[0]
    assert list(style) == ["start", "instances"] and len(style) == 2 and "noise" not in style
    assert style.find("start") is style["start"] is style.codes["start"]
    with pytest.raises(InputError, match=r"reads codes 'noise', which the style lacks \(it has start, instances\)"):
        style.find("noise")
    with pytest.raises(InputError, match=r"lacks \(it has none\). Use sample_style\(layout\)"):
        Style({}).find("noise")


def test_pictures_are_taken_out_and_put_together() -> None:
    a, b = make_styles()
    both = Style.cat([a, b])
    assert len(both["start"]) == 4 and torch.equal(instances(both)[2:], instances(b))
    for again in (both.images(slice(2, None)), both.images(torch.tensor([2, 3]))):
        assert all(torch.equal(again[name].table, b[name].table) for name in b)
    noise = [noise_styles("region")[0], noise_styles("region")[1]]
    assert torch.equal(dense(Style.cat(noise))[2:], dense(noise[1]))
    with pytest.raises(InputError, match="'noise' of different kinds"):
        Style.cat([noise[0], noise_styles("image")[0]])
    with pytest.raises(InputError, match="'instances' of different kinds"):
        Style.cat([a, make_styles(i=3)[0]])
    with pytest.raises(InputError, match="reads codes 'instances', which the style lacks"):
        Style.cat([a, only(b, "start")])


def test_mixing_takes_instances_and_leaves_the_rest() -> None:
    a, b = make_styles()
    mixed = a.mix(b, instances=[1, 3])
    assert torch.equal(instances(mixed)[:, [1, 3]], instances(b)[:, [1, 3]])
    assert torch.equal(instances(mixed)[:, [0, 2]], instances(a)[:, [0, 2]])
    assert mixed["start"] is a["start"], "it belongs to the whole picture"
    renamed = a.mix(b, instances={0: 3, 2: 3})
    assert torch.equal(instances(renamed)[:, [0, 2]], instances(b)[:, [3, 3]])
    assert torch.equal(instances(a), instances(make_styles()[0])), "the style itself stays"


def test_mixing_by_class_follows_each_images_own_layout() -> None:
    a, b = make_styles()
    layout = Layout(
        class_ids=torch.tensor([[[0, 7, 7]], [[7, 0, 2]]]), instance_ids=torch.tensor([[[0, 1, 3]], [[0, 1, 2]]])
    )
    mixed = instances(a.mix(b, classes=[7], layout=layout))
    taken = torch.tensor([[False, True, False, True], [True, False, False, False]])
    assert torch.equal(mixed[taken], instances(b)[taken])
    assert torch.equal(mixed[~taken], instances(a)[~taken]), "instance 1 is of class 7 in the first image alone"
    assert torch.equal(instances(a.mix(b, classes=[5], layout=layout)), instances(a))


def test_one_style_may_be_mixed_into_a_batch() -> None:
    a, b = make_styles()
    one = only(b.images(slice(1)), "instances")
    layout = Layout(class_ids=torch.zeros(2, 1, 4, dtype=torch.int64), instance_ids=torch.arange(4).expand(2, 1, 4))
    for mixed in (a.mix(one, instances=range(4)), a.mix(one, classes=[0], layout=layout), a.mix(one, levels=[0, 1])):
        assert torch.equal(instances(mixed), instances(b)[:1].expand(2, -1, -1, -1))
    assert torch.equal(a.mix(b.images(slice(1)), only=["start"])["start"].table, b["start"].table[[0, 0]])


def test_rows_of_classes_are_mixed_without_a_layout() -> None:
    a, b = (Style({"classes": Codes(table=torch.randn(2, 4, 5), per="class")}) for _ in "ab")
    mixed = a.mix(b, classes=[3, 0])["classes"].table
    assert torch.equal(mixed[:, [0, 3]], b["classes"].table[:, [0, 3]])
    assert torch.equal(mixed[:, [1, 2]], a["classes"].table[:, [1, 2]])
    with pytest.raises(InputError, match=r"this style has codes 'classes' for class ids 0 to 3, not for \[4\]"):
        a.mix(b, classes=[4])


def test_levels_are_mixed_and_the_others_stay() -> None:
    a, b = make_styles()
    shifts = a.mix(b, levels=[1], only=["instances"])
    assert torch.equal(instances(shifts)[:, :, 1], instances(b)[:, :, 1])
    assert torch.equal(instances(shifts)[:, :, 0], instances(a)[:, :, 0])
    assert shifts["start"] is a["start"]
    one = instances(a.mix(b, instances={2: 3}, levels=[0]))
    assert torch.equal(one[:, 2, 0], instances(b)[:, 3, 0])
    assert torch.equal(one[:, 2, 1], instances(a)[:, 2, 1]) and torch.equal(one[:, :2], instances(a)[:, :2])
    layout = Layout(
        class_ids=torch.tensor([[[0, 7, 7]], [[7, 0, 2]]]), instance_ids=torch.tensor([[[0, 1, 3]], [[0, 1, 2]]])
    )
    scales = instances(a.mix(b, classes=[7], levels=[0], layout=layout))
    taken = torch.tensor([[False, True, False, True], [True, False, False, False]])
    assert torch.equal(scales[taken][:, 0], instances(b)[taken][:, 0])
    assert torch.equal(scales[taken][:, 1], instances(a)[taken][:, 1]) and torch.equal(
        scales[~taken], instances(a)[~taken]
    )
    planes = [Style({"start": Codes(table=torch.randn(2, 3, 5, 4, 6), per="pixel")}) for _ in "ab"]
    mixed = planes[0].mix(planes[1], levels=[2])["start"].table
    assert torch.equal(mixed[:, 2], planes[1]["start"].table[:, 2])
    assert torch.equal(mixed[:, :2], planes[0]["start"].table[:, :2])
    with pytest.raises(InputError, match="codes 'start' have one axis each, which has no levels"):
        a.mix(b, levels=[0], only=["start"])


def test_only_some_codes_are_mixed() -> None:
    a, b = make_styles()
    mixed = a.mix(b, only=["start"])
    assert torch.equal(mixed["start"].table, b["start"].table) and mixed["instances"] is a["instances"]
    assert list(mixed) == ["start", "instances"]
    everything = a.mix(b, only=["start", "instances"])
    assert all(torch.equal(everything[name].table, b[name].table) for name in b)


LAYOUT = Layout(class_ids=torch.tensor([[[0, 1]]] * 2), instance_ids=torch.tensor([[[0, 3]]] * 2))
WRONG_MIXES = {
    "nothing": ({}, "needs to know what to take"),
    "both": ({"classes": [0], "instances": [0]}, "either classes= or instances="),
    "classes without a layout": ({"classes": [0]}, "'instances' needs the layout"),
    "layout without instances": ({"classes": [0], "layout": Layout(class_ids=LAYOUT.class_ids)}, "need the layout"),
    "unknown instance": ({"instances": [0, 4]}, r"this style has codes 'instances' for.* ids 0 to 3, not for \[4\]"),
    "negative instance": ({"instances": [-1]}, r"not for \[-1\]"),
    "unknown in the other": ({"instances": {0: 2}}, r"the other style has codes.* ids 0 to 1, not for \[2\]"),
    "class unknown in the other": ({"classes": [1], "layout": LAYOUT}, r"the other style.*not for \[3\]"),
    "unknown level": ({"instances": [0], "levels": [0, 2]}, r"'instances' have levels 0 to 1, not \[2\]"),
    "unknown name": ({"only": ["noise"]}, "reads codes 'noise', which the style lacks"),
    "whole pictures": ({"instances": [0], "only": ["start"]}, "codes 'start' belong to whole pictures"),
    "levels of other tables": (
        {"levels": [0], "only": ["instances"]},
        "'instances' are per .*: their levels cannot be mixed",
    ),
}


@pytest.mark.parametrize("case", WRONG_MIXES)
def test_mixes_that_cannot_be(case: str) -> None:
    arguments, message = WRONG_MIXES[case]
    a, b = make_styles(i=4)[0], make_styles(i=2)[0]
    with pytest.raises(InputError, match=message):
        a.mix(b, **arguments)


def test_styles_without_instances_cannot_be_mixed_by_them() -> None:
    a, _ = make_styles()
    with pytest.raises(InputError, match="codes 'start' belong to whole pictures"):
        a.mix(only(a, "start"), instances=[0])
    with pytest.raises(InputError, match="these styles have no codes in common"):
        a.mix(Style({}), instances=[0])


def test_style_moves_between_dtypes() -> None:
    half = make_styles()[0].to(dtype=torch.float16)
    assert half["start"].table.dtype == instances(half).dtype == torch.float16
    assert list(only(half, "start").to("cpu")) == ["start"]


def gaussian_of_pictures() -> Posterior:
    mu, logvar = torch.tensor([[[1.0, 2, 3]]] * 2), torch.log(torch.tensor([[[4.0, 1, 9]]] * 2))
    return Posterior({"start": Gaussian(mu=mu, logvar=logvar)})


def test_a_posterior_turns_draws_into_its_own() -> None:
    a, _ = make_styles()
    posterior = gaussian_of_pictures()
    assert list(posterior) == ["start"] and len(posterior) == 1
    style = posterior.apply(a)
    expected = torch.tensor([1.0, 2, 3]) + torch.tensor([2.0, 1, 3]) * a["start"].table
    torch.testing.assert_close(style["start"].table, expected)
    assert style["instances"] is a["instances"]


def test_instances_that_the_picture_lacks_keep_the_prior() -> None:
    a, _ = make_styles()
    mu, logvar = torch.full((2, 3, 2, 5), 7.0), torch.full((2, 3, 2, 5), -100.0)
    mu[:, 1], logvar[:, 1] = 0, 0  # id 1 has no pixels
    posterior = Posterior({"instances": Gaussian(mu=mu, logvar=logvar, per="instance")})
    codes = instances(posterior.apply(a))
    assert (codes[:, [0, 2]] == 7).all()
    assert torch.equal(codes[:, [1, 3]], instances(a)[:, [1, 3]])
    fewer = Style({"instances": Codes(table=instances(a)[:, :1], per="instance")})
    more = posterior.apply(fewer)["instances"]
    assert more.table.shape == (2, 1, 2, 5), "instances that only the picture has are not needed"
    assert more.per == "instance"


def test_a_posterior_needs_a_draw_of_its_kind() -> None:
    with pytest.raises(InputError, match=r"the posterior describes codes \['start'\], which this style does not have"):
        gaussian_of_pictures().apply(only(make_styles()[0], "instances"))


def make_posterior() -> Posterior:
    rng = torch.Generator().manual_seed(5)
    mu, logvar = torch.randn(1, 3, 2, 5, generator=rng), torch.randn(1, 3, 2, 5, generator=rng)
    valid = torch.ones(1, 3, dtype=torch.bool)
    return Posterior({"instances": Gaussian(mu=mu, logvar=logvar, per="instance", valid=valid)})


def test_transfer_hands_scale_and_shift_to_other_ids() -> None:
    posterior = make_posterior()
    before, moved = posterior["instances"], posterior.transfer({3: 0, 1: 2}, 4)["instances"]
    assert moved.mu.shape == (1, 4, 2, 5) and moved.per == "instance"
    assert torch.equal(moved.mu[:, [3, 1]], before.mu[:, [0, 2]])
    assert torch.equal(moved.logvar[:, [3, 1]], before.logvar[:, [0, 2]])
    assert not moved.mu[:, [0, 2]].any() and not moved.logvar[:, [0, 2]].any(), "all others have the prior"
    assert moved.valid.tolist() == [[False, True, False, True]]
    assert not posterior.transfer({}, 4)["instances"].mu.any()


def test_transfer_says_nothing_of_other_codes() -> None:
    both = Posterior({**gaussian_of_pictures(), **make_posterior()})
    assert list(both.transfer({0: 1}, 2)) == ["instances"]


def test_transfer_as_released_uses_the_shift_twice() -> None:
    posterior = make_posterior()
    before, moved = posterior["instances"], posterior.transfer({1: 2}, 2, levels=(1, 1))["instances"]
    for level in range(2):
        assert torch.equal(moved.mu[:, 1, level], before.mu[:, 2, 1])
        assert torch.equal(moved.logvar[:, 1, level], before.logvar[:, 2, 1])


def test_transfers_that_cannot_be() -> None:
    posterior = make_posterior()
    with pytest.raises(InputError, match=r"the target has instance ids 0 to 1, not \[2\]"):
        posterior.transfer({2: 0}, 2)
    with pytest.raises(InputError, match=r"the reference has instance ids 0 to 2, not \[3\]"):
        posterior.transfer({0: 3}, 2)
    with pytest.raises(InputError, match="only posteriors of codes per instance"):
        gaussian_of_pictures().transfer({0: 0}, 1)


MAPS = Layout(class_ids=torch.tensor([[[0, 7, 7]], [[7, 0, 2]]]), instance_ids=torch.tensor([[[0, 1, 3]], [[0, 1, 2]]]))
TAKEN = {"classes": [7], "instances": [1, 3]}
KINDS = ("image", "class", "instance", "region", "pixel")


def noise_styles(kind: str) -> tuple[Style, Style]:
    """Two styles of noise for `MAPS`, as generators draw it per anything."""
    rng = torch.Generator().manual_seed(0)
    shapes = {"image": (2, 1, 4), "class": (2, 9, 4), "instance": (2, 4, 4), "region": (2, 8, 4), "pixel": (2, 4, 1, 3)}
    ids = {"class": MAPS.class_ids, "instance": MAPS.instance_ids, "region": MAPS.class_ids}
    a, b = (
        Style(
            {
                "noise": Codes(
                    table=torch.randn(shapes[kind], generator=rng), per=kind, ids=ids.get(kind), is_divisible=True
                )
            }
        )
        for _ in "ab"
    )
    return a, b


def dense(style: Style) -> torch.Tensor:
    return style["noise"].dense((1, 3))


@pytest.mark.parametrize("here", KINDS)
@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("what", TAKEN)
def test_noise_is_mixed_pixel_by_pixel(here: str, there: str, what: str) -> None:
    a, b = noise_styles(here)[0], noise_styles(there)[1]
    mixed = a.mix(b, **{what: TAKEN[what]}, layout=MAPS)
    ids = MAPS.class_ids if what == "classes" else MAPS.instance_ids
    taken = torch.isin(ids, torch.tensor(TAKEN[what]))[:, None]
    assert torch.equal(dense(mixed), torch.where(taken, dense(b), dense(a)))
    assert mixed["noise"].per == ("pixel" if "pixel" in (here, there) else "region")


def test_noise_is_mixed_again_and_again() -> None:
    a, b = noise_styles("image")
    mixed = a.mix(b, classes=[7], layout=MAPS).mix(a, classes=[7], layout=MAPS)
    assert torch.equal(dense(mixed), dense(a))
    assert torch.equal(dense(a.mix(b, classes=[5], layout=MAPS)), dense(a)), "a class that does not occur"
    one = b.images(slice(1))
    assert torch.equal(dense(a.mix(one, classes=[0, 2, 7], layout=MAPS)), dense(one).expand(2, -1, -1, -1))


def test_bare_noise_of_classes_or_instances_is_mixed_by_rows() -> None:
    rng = torch.Generator().manual_seed(0)
    for per, rows in (("class", 9), ("instance", 4)):
        a, b = (
            Style({"noise": Codes(table=torch.randn(2, rows, 4, generator=rng), per=per, is_divisible=True)})
            for _ in "ab"
        )
        ids = [1, 3] if per == "instance" else [7]
        mixed = a.mix(b, **{TAKEN_BY[per]: ids})["noise"]
        expected = a["noise"].table.clone()
        expected[:, ids] = b["noise"].table[:, ids]
        assert torch.equal(mixed.table, expected) and mixed.per == per and mixed.ids is None


TAKEN_BY = {"class": "classes", "instance": "instances"}
WRONG_NOISE_MIXES = {
    "no layout": ({"classes": [7]}, "mixing codes 'noise' needs the layout"),
    "no instances": (
        {"instances": [0], "layout": Layout(class_ids=MAPS.class_ids)},
        "mixing codes 'noise' needs the layout",
    ),
    "absent instance": ({"instances": [0, 9], "layout": MAPS}, r"no picture of the layout has the instances \[9\]"),
    "renamed": ({"instances": {0: 1}, "layout": MAPS}, "'noise' belong to pixels"),
    "levels": ({"classes": [7], "levels": [0], "layout": MAPS}, "'noise' have one axis each, which has no levels"),
}


@pytest.mark.parametrize("case", WRONG_NOISE_MIXES)
def test_noise_mixes_that_cannot_be(case: str) -> None:
    arguments, message = WRONG_NOISE_MIXES[case]
    a, b = noise_styles("image")
    with pytest.raises(InputError, match=message):
        a.mix(b, **arguments)


def test_noise_of_another_size_is_refused() -> None:
    (image, _), (regions, _), (planes, _) = (noise_styles(kind) for kind in ("image", "region", "pixel"))
    wide = MAPS.pyramid([(2, 6)])[0]
    for other in (regions, planes):
        with pytest.raises(InputError, match=r"belong to maps of \(2, 6\) and \(1, 3\), the pixels to \(2, 6\)"):
            image.mix(other, classes=[7], layout=wide)
    with pytest.raises(InputError, match="these styles have no codes in common"):
        image.mix(Style({}), classes=[7], layout=MAPS)


def test_noise_moves_with_its_style() -> None:
    codes = noise_styles("region")[0].to(dtype=torch.float16)["noise"]
    assert codes.table.dtype == torch.float16 and codes.ids.dtype == torch.int64


def test_between_two_styles_codes_go_straight() -> None:
    a, b = make_styles()
    middle = a.lerp(b, 0.25)
    for name in a:
        torch.testing.assert_close(middle[name].table, 0.75 * a[name].table + 0.25 * b[name].table)
    assert list(middle) == list(a) and middle["instances"].per == "instance"
    for t, end in ((0, a), (1, b)):
        assert all(torch.equal(a.lerp(b, t)[name].table, end[name].table) for name in a)


@pytest.mark.parametrize("here", KINDS)
@pytest.mark.parametrize("there", KINDS)
def test_between_noise_of_any_grain(here: str, there: str) -> None:
    a, b = noise_styles(here)[0], noise_styles(there)[1]
    middle = a.lerp(b, 0.25)
    torch.testing.assert_close(dense(middle), 0.75 * dense(a) + 0.25 * dense(b))
    is_same = here == there
    assert middle["noise"].per == (here if is_same else "pixel") and middle["noise"].is_divisible


def test_there_is_not_always_something_in_between() -> None:
    a, b = make_styles()
    with pytest.raises(InputError, match=r"hold codes \['start', 'instances'\] and \['start'\]"):
        a.lerp(only(b, "start"), 0.5)
    with pytest.raises(InputError, match="'instances' are per instance in one style and per instance in the other"):
        a.lerp(make_styles(i=3)[1], 0.5)
    regions, planes = noise_styles("region")[0], noise_styles("pixel")[0]
    wide = planes.map(lambda codes: Codes(table=codes.dense((2, 6)), per="pixel"))
    with pytest.raises(InputError, match="'noise' .* or of maps of different size"):
        regions.lerp(wide, 0.5)
    bare = Style({"noise": Codes(table=torch.zeros(2, 9, 4), per="class")})
    with pytest.raises(InputError, match="'noise' are per class in one style and per pixel in the other"):
        bare.lerp(planes, 0.5)


def test_a_posterior_gives_its_means_where_the_picture_shows_something():
    mu = torch.tensor([[[1.0, 0.0], [2.0, 3.0], [0.0, 0.0]]])[..., None]  # rows of two levels; row 0 lacks level 1
    valid, seen = torch.tensor([[True, True, False]]), torch.tensor([[[True, False], [True, True], [False, False]]])
    gaussian = Gaussian(mu=mu, logvar=torch.zeros_like(mu), per="class", valid=valid, seen=seen)
    draw = Codes(table=torch.full((2, 4, 2, 1), 9.0), per="class")
    means = gaussian.apply(draw, spread=0).table[..., 0]
    assert means[0].tolist() == means[1].tolist() == [[1, 0], [2, 3], [9, 9], [9, 9]], "one posterior, two pictures"
    assert gaussian.apply(draw).table[0, :, 0, 0].tolist() == [10, 11, 9, 9]
    half = gaussian.apply(draw, spread=0.5).table[0, :, 0, 0]
    assert half.tolist() == [5.5, 6.5, 9, 9]
