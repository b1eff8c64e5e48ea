"""The conditioner of SCGAN: how much of each expert a pixel takes, once per layout."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional.checks import trusted
from semsyn.nn.conditioning.conditioner import Prepared
from semsyn.nn.conditioning.labels import LabelConditioner
from semsyn.nn.routing.activate_routing import RoutingActivation, activate_routing
from semsyn.nn.routing.semantic_vectors import SemanticVectorNetwork, SemanticVectors
from semsyn.records.condition import Condition, Routing
from semsyn.records.layout import Layout


class RoutingConditioner(LabelConditioner):
    """Class ids (edges, planes), and ``routing``: the weights that a semantic vector network gives to experts.

    The network runs once per layout; stages of the same size share a level of it, and each level is activated once.

    Args:
        network: finds the logits.
        temperature: factor of the logits.
        activation: what turns logits into weights.
        has_edges: write instance borders.
        num_planes: write planes, p of them.
        window: see `LabelConditioner`; not used with planes, which have no windows.
        is_conv_detached: let no gradient of convolutions' experts reach the network; those of norms do.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """

    def __init__(
        self,
        network: SemanticVectorNetwork,
        *,
        temperature: float = 1.0,
        activation: RoutingActivation = "softmax",
        has_edges: bool = False,
        num_planes: int = 0,
        window: int | None = 3,
        is_conv_detached: bool = False,
    ) -> None:
        has_planes = num_planes > 0 or network.num_planes > 0
        super().__init__(has_edges=has_edges or network.has_edges, window=None if has_planes else window)
        self.network = network
        self.temperature = temperature
        self.activation = activation
        self.is_conv_detached = is_conv_detached
        planes = ("planes",) if has_planes else ()
        self.requires = (*self.requires, *planes)
        self.writes = (*self.writes, *planes, "routing")
        self.finds = ("routing", *(("preview",) if network.preview is not None else ()))

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        """Conditions, their routing included.

        ``extras["routing"]`` holds the logits (`SemanticVectors`).

        Raises:
            InputError: if the layout lacks something, or a size fits no level of the network.
        """
        places = [self._level_of(size, sizes[-1]) for size in sizes]
        prepared = super().prepare(layout, sizes)
        vectors = self._run(prepared.conditions[-1])
        routing = {level: self._activate(vectors, level) for level in sorted(set(places))}
        conditions = tuple(
            replace(cond, routing=routing[level]) for cond, level in zip(prepared.conditions, places, strict=True)
        )
        return replace(prepared, conditions=conditions, extras={**prepared.extras, "routing": vectors})

    def inspect(self, prepared: Prepared) -> Mapping[str, Any]:
        """Besides the logits ``preview``, n 3 h w in [-1, 1]: the picture that semantic vectors alone give.

        Where gradients are recorded it comes from what `prepare` kept, else the network runs once more.
        """
        if self.network.preview is None:
            return prepared.extras
        vectors: SemanticVectors = prepared.extras["routing"]
        if vectors.features is None:
            vectors = self._run(prepared.conditions[-1], has_features=True)
        assert vectors.features is not None
        preview = self.network.preview(vectors.features.to(self._dtype))
        return {**prepared.extras, "preview": preview}

    def _run(self, cond: Condition, *, has_features: bool | None = None) -> SemanticVectors:
        """The network on the condition of full size."""
        with trusted():  # ids were checked with the layout
            return self.network(
                cond.class_ids,
                cond.edges if self.network.has_edges else None,
                cond.planes if self.network.num_planes else None,
                has_features=has_features,
            )

    def _level_of(self, size: tuple[int, int], full: tuple[int, int]) -> int:
        """The level of the network at that size."""
        count = self.network.num_levels
        for level in range(count):
            factor = 2 ** (count - 1 - level)
            if size[0] * factor == full[0] and size[1] * factor == full[1]:
                return level
        raise InputError(
            f"no level of the semantic vector network has the size {size[0]} x {size[1]}: its {count} levels halve "
            f"{full[0]} x {full[1]} again and again. Give the network as many levels as the stages have sizes."
        )

    def _activate(self, vectors: SemanticVectors, level: int) -> Routing:
        conv, norm = vectors.conv[level], vectors.norm[level]
        weights = self._weights(norm)
        if self.is_conv_detached:
            return Routing(conv=self._weights(conv.detach()), norm=weights)
        return Routing(conv=weights if conv is norm else self._weights(conv), norm=weights)

    def _weights(self, logits: Tensor) -> Tensor:
        return activate_routing(logits, self.temperature, self.activation).to(self._dtype)

    @property
    def _dtype(self) -> Any:
        return next(self.network.parameters()).dtype
