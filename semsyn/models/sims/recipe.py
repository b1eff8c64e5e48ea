"""How SIMS is trained."""

TOWERS: tuple[str, ...] = ("vgg",)
RECIPES: dict[str, object] = {}
