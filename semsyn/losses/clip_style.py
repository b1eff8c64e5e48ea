"""The style loss on CLIP tokens. CLIP's weights are not part of semsyn: the user brings them."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import CheckpointError, InputError
from semsyn.nn.features import check_features
from semsyn.signature import checked

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)

# What `transformers` calls them, as in the public safetensors files; its q, k and v lie apart.
TRANSFORMERS = {
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1.": "embeddings.patch_embedding.",
    "ln_pre.": "pre_layrnorm.",
    "transformer.resblocks.": "encoder.layers.",
    ".ln_1.": ".layer_norm1.",
    ".ln_2.": ".layer_norm2.",
    ".mlp.c_fc.": ".mlp.fc1.",
    ".mlp.c_proj.": ".mlp.fc2.",
    ".attn.out_proj.": ".self_attn.out_proj.",
    ".attn.in_proj_": ".self_attn.{}_proj.",
}
LAYOUTS: tuple[tuple[str, Mapping[str, str]], ...] = (  # prefix and words; a whole CLIP has a prefix
    ("visual.", {}),
    ("vision_model.", TRANSFORMERS),
    ("", {}),
    ("", TRANSFORMERS),
)


@checked(floats="x y")
def relaxed_earth_mover(x: Tensor, y: Tensor) -> Tensor:
    r"""Relaxed earth mover's distance of two sets of tokens under the cosine distance.

    .. math:: \operatorname{mean}_n \max(\operatorname{mean}_i \min_j D_{nij}, \operatorname{mean}_j \min_i D_{nij}),
        \qquad D_{nij} = 1 - \cos(x_{ni}, y_{nj})

    Args:
        x: n i d.
        y: n j d.

    Reference: Kolkin et al., "Style Transfer by Relaxed Optimal Transport and Self-Similarity", arXiv:1904.12785.
    """
    x, y = (t / t.norm(dim=-1, keepdim=True) for t in (x, y))
    distance = 1 - x @ y.mT
    return torch.maximum(distance.amin(2).mean(1), distance.amin(1).mean(1)).mean()


class _Block(nn.Module):
    """Attention and a feed-forward layer, both behind a norm and residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        hidden = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](hidden * torch.sigmoid(1.702 * hidden))


class CLIPTokens(nn.Module):
    """The first blocks of CLIP's image tower; gives the tokens of patches after the last of them.

    Its parameters are frozen and have CLIP's names. The released loss reads the ninth of ViT-B/32's twelve blocks, so
    the other three are not built.

    Args:
        width: d of the tokens.
        heads: of the attention.
        layers: blocks.
        patch: side of a patch, pixels.
        resolution: side that pictures are resized to.

    Shape: image is n 3 h w in [-1, 1], any size; the result n t d, 49 tokens for the defaults. As released, pictures
    are resized without antialiasing, and their aspect is not kept.

    Reference: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
        arXiv:2103.00020.
    """

    mean: Tensor
    deviation: Tensor

    @checked(width=1, heads=1, layers=0, patch=1, resolution=1)
    def __init__(
        self, *, width: int = 768, heads: int = 12, layers: int = 9, patch: int = 32, resolution: int = 224
    ) -> None:
        super().__init__()
        if width % heads or resolution < patch:
            raise InputError(
                f"width must be a multiple of heads, and resolution no smaller than patch, found {width} and {heads}, "
                f"{resolution} and {patch}."
            )
        self.resolution = resolution
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros((resolution // patch) ** 2 + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = nn.ModuleDict({"resblocks": nn.Sequential(*(_Block(width, heads) for _ in range(layers)))})
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)
        self.requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        check_features(image, "image", channels=3, reader=self)
        size = (self.resolution, self.resolution)
        pixels = F.interpolate(image / 2 + 0.5, size, mode="bilinear", align_corners=False, antialias=False)
        patches = rearrange(self.conv1((pixels - self.mean) / self.deviation), "n d h w -> n (h w) d")
        first = self.class_embedding.expand(len(patches), 1, -1)
        x = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        return self.transformer["resblocks"](x)[:, 1:]

    def load_clip(self, state: Mapping[str, Tensor]) -> "CLIPTokens":
        """Fill the weights from a state dict of CLIP, whole or its image tower; return the module.

        Args:
            state: OpenAI's keys, ``visual.…``, or those of transformers, ``vision_model.…``, such as
                ``safetensors.torch.load_file("model.safetensors")``. What is not needed is not looked at.

        Raises:
            CheckpointError: if the keys are of neither kind, or a weight is missing or has another shape.
        """
        sources = _find_layout(list(self.state_dict()), state)
        if missing := [name for names in sources.values() for name in names if name not in state]:
            raise CheckpointError(
                f"not the image tower of this CLIP: {missing[0]} and {len(missing) - 1} more are missing; the released "
                "loss reads ViT-B/32."
            )
        for key, ours in self.state_dict().items():
            shape = (len(ours) // len(sources[key]), *ours.shape[1:])
            if wrong := [name for name in sources[key] if state[name].shape != shape]:
                raise CheckpointError(
                    f"not the image tower of this CLIP: {wrong[0]} should be of shape {shape}, found "
                    f"{tuple(state[wrong[0]].shape)}; the released loss reads ViT-B/32."
                )
        self.load_state_dict(
            {key: torch.cat([state[name].float() for name in names]) for key, names in sources.items()}
        )
        return self


def _find_layout(keys: Sequence[str], state: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """For each of our keys those of the state that make it, one below the other."""
    for prefix, words in LAYOUTS:
        sources = {key: _name(key, prefix, words) for key in keys}
        if any(name in state for names in sources.values() for name in names):
            return sources
    found = ", ".join(list(state)[:3]) or "nothing"
    raise CheckpointError(
        f"no weights of CLIP's image tower: expected keys visual.… or vision_model.…, found {found}"
        f"{', …' if len(state) > 3 else ''}."
    )


def _name(key: str, prefix: str, words: Mapping[str, str]) -> list[str]:
    for ours, theirs in words.items():
        key = key.replace(ours, theirs)
    return [prefix + key.replace("{}", letter) for letter in "qkv"] if "{}" in key else [prefix + key]


class CLIPStyleLoss(nn.Module):
    """Relaxed earth mover's distance of the CLIP tokens of generated and true pictures, or of crops of their objects
    (`semsyn.functional.object_crops.crop_pictures`). Gradients reach the generated ones alone. The released factor in
    front is 10.

    As released, each call takes whole pictures or crops by a fair coin: up to ten objects of the batch, drawn without
    replacement; without objects the term is 0.

    Args:
        tokens: the network, with weights that you loaded.

    Shape: fake and real are n 3 h w in [-1, 1]; the result is a scalar.

    Reference: Wei et al., arXiv:2305.19547.
    """

    @checked()
    def __init__(self, tokens: CLIPTokens) -> None:
        super().__init__()
        self.tokens = tokens

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        if not len(fake):
            return fake.sum()
        with torch.no_grad():
            wanted = self.tokens(real)
        return relaxed_earth_mover(self.tokens(fake), wanted)
