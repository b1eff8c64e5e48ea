import numpy as np
import pytest
import torch

from semsyn.data.scenes.color_rarity import OBJECTS
from semsyn.errors import InputError
from semsyn.models.clvae.focus import RarityFocus
from semsyn.records.layout import Layout


@pytest.fixture
def scores():
    """Of 6 pictures; the fourth is the only one whose road has a rare colour."""
    found = np.full((6, 20), 1e-6)
    found[3] = 1.0
    return found


def test_rare_pictures_are_visited_more_often(scores):
    visits = RarityFocus(scores, visits=50, pool=20).visits(torch.Generator().manual_seed(0))
    assert len(visits) == 50 and set(visits) <= {0, 1, 2, 3, 4, 5}
    assert visits.count(3) > 40


def test_an_epoch_sees_no_more_than_its_pool(scores):
    focus = RarityFocus(np.random.default_rng(0).random((500, 20)), visits=1000, pool=7)
    assert len(set(focus.visits(torch.Generator().manual_seed(0)))) <= 7


def test_visits_depend_on_the_generator_alone(scores):
    focus = RarityFocus(np.random.default_rng(0).random((50, 20)), visits=30, pool=20)
    first, again, other = (focus.visits(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_the_mask_lies_over_the_picture_as_it_is_shown(scores):
    scores[0, 2], scores[0, 5] = 4.0, 2.0
    ids = torch.tensor([[[2, 5, 20, 20]], [[20, 20, 5, 2]]])
    mask = RarityFocus(scores).mask([0, 0], Layout.of(ids, space=20))
    assert mask.shape == (2, 1, 1, 4) and mask.dtype == torch.float32
    torch.testing.assert_close(mask[:, 0, 0], torch.tensor([[1, 0.5, 0, 0], [0, 0, 0.5, 1]]))


def test_a_picture_without_scores_is_named(scores):
    with pytest.raises(InputError, match="for 6 pictures, none for number 6"):
        RarityFocus(scores).mask([6], Layout.of(torch.zeros(1, 2, 2, dtype=torch.long), space=20))


@pytest.mark.parametrize(
    "array", [np.zeros(3), np.zeros((3, 20), dtype=int), np.full((3, 20), np.nan), np.zeros((3, 20)), np.ones((3, 19))]
)
def test_files_that_hold_no_scores_are_refused(array, tmp_path):
    np.save(tmp_path / "scores.npy", array)
    with pytest.raises(InputError, match=r"scores\.npy"):
        RarityFocus.read({"rarity": tmp_path / "scores.npy"})


def test_scores_are_read_and_other_files_named(scores, tmp_path):
    np.save(tmp_path / "scores.npy", scores.astype(np.float32))
    read = RarityFocus.read({"rarity": tmp_path / "scores.npy"})
    np.testing.assert_allclose(read.distributions, RarityFocus(scores).distributions, rtol=1e-6)
    (tmp_path / "none.npy").write_bytes(b"nothing")
    with pytest.raises(InputError, match="gta5-rarity"):
        RarityFocus.read({"rarity": tmp_path / "none.npy"})
    assert scores[:, list(OBJECTS)].all()
