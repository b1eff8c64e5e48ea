import pytest
import torch

from semsyn.errors import CheckpointError
from semsyn.losses import CLIPStyleLoss, CLIPTokens
from semsyn.losses.clip_style import relaxed_earth_mover


def make_tokens() -> CLIPTokens:
    torch.manual_seed(0)
    tokens = CLIPTokens(width=8, heads=2, layers=2, patch=8, resolution=32)
    for p in tokens.parameters():
        p.copy_(torch.randn_like(p) * 0.3)
    return tokens


def pictures(seed: int, n: int = 2) -> torch.Tensor:
    return torch.rand(n, 3, 20, 28, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_distance_of_token_sets() -> None:
    x, y = torch.eye(3)[None], torch.eye(3)[None, [2, 0, 1]] * 5
    assert relaxed_earth_mover(x, y) == 0, "order and length do not matter"
    assert relaxed_earth_mover(x, y[:, :1]) == pytest.approx(2 / 3), "two of three have no partner"
    assert relaxed_earth_mover(y[:, :1], x) == pytest.approx(2 / 3), "whichever side"
    assert relaxed_earth_mover(torch.cat([x, x]), torch.cat([y, -y])) == pytest.approx(0.5), "mean over pictures"


def test_gradients_of_the_distance() -> None:
    x, y = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True), torch.randn(2, 5, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda t: relaxed_earth_mover(t, y), x)


def test_tokens_of_patches() -> None:
    tokens = make_tokens()
    assert tokens(pictures(0)).shape == (2, 16, 8)
    assert not any(p.requires_grad for p in tokens.parameters())
    with torch.no_grad():
        small, large = tokens(pictures(0)), tokens(pictures(0).repeat_interleave(4, 2).repeat_interleave(4, 3))
    assert (small - large).abs().mean() < small.abs().mean(), "any size is resized"


def test_the_loss_is_zero_for_equal_pictures_and_trains_the_fake_one() -> None:
    loss_of, fake, real = CLIPStyleLoss(make_tokens()), pictures(0).requires_grad_(), pictures(1).requires_grad_()
    assert loss_of(fake, fake).item() == pytest.approx(0, abs=1e-6)
    loss = loss_of(fake, real)
    loss.backward()
    assert loss > 0.001 and fake.grad is not None and fake.grad.any() and real.grad is None


def test_no_crops_cost_nothing() -> None:
    fake = pictures(0, 0).requires_grad_()
    loss = CLIPStyleLoss(make_tokens())(fake, pictures(1, 0))
    loss.backward()
    assert loss == 0


@pytest.mark.parametrize("prefix", ["visual.", ""])
def test_weights_from_a_state_of_clip(prefix: str) -> None:
    tokens = make_tokens()
    more = {f"{prefix}transformer.resblocks.2.ln_1.weight": torch.zeros(8), f"{prefix}proj": torch.zeros(8, 4)}
    state = {prefix + key: t.half() for key, t in tokens.state_dict().items()} | more
    if prefix:
        state["token_embedding.weight"] = torch.zeros(3, 4)
    fresh = CLIPTokens(width=8, heads=2, layers=2, patch=8, resolution=32).load_clip(state)
    assert all(torch.equal(t, tokens.state_dict()[key].half().float()) for key, t in fresh.state_dict().items())
    del state[f"{prefix}conv1.weight"]
    with pytest.raises(CheckpointError, match=f": {prefix}conv1.weight and 0 more are missing"):
        fresh.load_clip(state)
    state[f"{prefix}conv1.weight"] = torch.zeros(8, 3, 4, 4)
    with pytest.raises(
        CheckpointError, match=rf"{prefix}conv1.weight should be of shape \(8, 3, 8, 8\), found .*4, 4\)"
    ):
        fresh.load_clip(state)


def of_transformers(tokens: CLIPTokens) -> dict[str, torch.Tensor]:
    """Its weights under the keys of transformers' ``CLIPVisionModel``, without a prefix, written out by hand."""
    theirs = tokens.state_dict()
    state = {
        "embeddings.class_embedding": theirs["class_embedding"],
        "embeddings.patch_embedding.weight": theirs["conv1.weight"],
        "embeddings.position_embedding.weight": theirs["positional_embedding"],
        "embeddings.position_ids": torch.arange(17)[None],
        "post_layernorm.weight": torch.ones(8),
    }
    for kind in ("weight", "bias"):
        state[f"pre_layrnorm.{kind}"] = theirs[f"ln_pre.{kind}"]
        for n in range(2):
            here, there = f"encoder.layers.{n}", f"transformer.resblocks.{n}"
            in_proj = theirs[f"{there}.attn.in_proj_{kind}"]
            for name, part in {"q": in_proj[:8], "k": in_proj[8:16], "v": in_proj[16:]}.items():
                state[f"{here}.self_attn.{name}_proj.{kind}"] = part
            state[f"{here}.self_attn.out_proj.{kind}"] = theirs[f"{there}.attn.out_proj.{kind}"]
            state[f"{here}.layer_norm1.{kind}"] = theirs[f"{there}.ln_1.{kind}"]
            state[f"{here}.layer_norm2.{kind}"] = theirs[f"{there}.ln_2.{kind}"]
            state[f"{here}.mlp.fc1.{kind}"] = theirs[f"{there}.mlp.c_fc.{kind}"]
            state[f"{here}.mlp.fc2.{kind}"] = theirs[f"{there}.mlp.c_proj.{kind}"]
    return state


@pytest.mark.parametrize("prefix", ["vision_model.", ""])
def test_the_keys_of_transformers_give_the_same_tokens(prefix: str) -> None:
    tokens = make_tokens()
    state = {prefix + key: t for key, t in of_transformers(tokens).items()}
    if prefix:
        state["text_model.encoder.layers.0.layer_norm1.weight"] = torch.zeros(4)
    fresh = CLIPTokens(width=8, heads=2, layers=2, patch=8, resolution=32).load_clip(state)
    assert torch.equal(fresh(pictures(0)), tokens(pictures(0)))
    state[f"{prefix}encoder.layers.1.self_attn.k_proj.bias"] = torch.zeros(4)
    with pytest.raises(
        CheckpointError, match=r"layers.1.self_attn.k_proj.bias should be of shape \(8,\), found \(4,\)"
    ):
        fresh.load_clip(state)


def test_other_keys_are_no_clip() -> None:
    with pytest.raises(CheckpointError, match=r"expected keys visual.… or vision_model.…, found a, b, c, …\."):
        make_tokens().load_clip(dict.fromkeys("abcd", torch.zeros(1)))
    with pytest.raises(CheckpointError, match="found nothing"):
        make_tokens().load_clip({})


def test_the_released_sizes() -> None:
    with torch.device("meta"):
        keys = CLIPTokens().state_dict()
    assert keys["conv1.weight"].shape == (768, 3, 32, 32) and keys["positional_embedding"].shape == (50, 768)
    assert keys["transformer.resblocks.8.attn.in_proj_weight"].shape == (2304, 768) and len(keys) == 5 + 9 * 12
