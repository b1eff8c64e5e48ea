"""What is kept of pictures while they pass: sums, some features, sizes, a digest; it does not grow with them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from semsyn.evaluate.features import FeatureReader
from semsyn.evaluate.gather import gather_parts
from semsyn.metrics.feature_sums import FeatureSums
from semsyn.metrics.inception_score import ScoreSums

KEPT = 10_000  # features: 80 MB of those of Inception
DIGESTS = 2**256
SIZES = 100  # that are told apart


@dataclass
class PictureSums:
    """What of a set of pictures its figures need.

    Attributes:
        reader: of the features.
        total: pictures that will come, over all processes.
        splits: of the Inception score.
        kept: at most so many features are kept as they are: drawn from all, the same ones however many processes there
            are.
        sums: of all features.
        scores: of the logits; None: the tower has none.
        features: kept ones, by index.
        sizes: how many pictures have a size (h, w) in their files.
        digest: of all files, see `semsyn.evaluate.picture_files.digest_of`.
    """

    reader: FeatureReader
    total: int
    splits: int = 1
    kept: int = KEPT
    sums: FeatureSums = field(init=False)
    scores: ScoreSums | None = None
    features: dict[int, Tensor] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    digest: int = 0

    def __post_init__(self) -> None:
        self.sums = FeatureSums.none(self.reader.width)
        if self.total > self.kept:
            rng = torch.Generator().manual_seed(0)
            self._chosen: set[int] | None = set(torch.randperm(self.total, generator=rng)[: self.kept].tolist())
        else:
            self._chosen = None

    def add(self, pictures: Tensor, indices: Sequence[int]) -> Tensor:
        """Count some in: pictures n 3 h w in [-1, 1], and the index of each. Returns their features, n d.

        Raises:
            InputError: if a picture gives features that are not finite.
        """
        features, logits = (None if t is None else t.cpu() for t in self.reader(pictures))
        assert features is not None
        self.sums = self.sums.add(features)
        if logits is not None:
            scores = self.scores or ScoreSums.none(self.total, logits.shape[1], splits=min(self.splits, self.total))
            self.scores = scores.add(logits, torch.tensor(indices))
        for index, row in zip(indices, features, strict=True):
            if self._chosen is None or index in self._chosen:
                self.features[index] = row.clone()
        return features

    def note(self, size: tuple[int, int], digest: int) -> None:
        """Note of a file which size its picture has, and its digest."""
        if size in self.sizes or len(self.sizes) < SIZES:
            self.sizes[size] += 1
        self.digest = (self.digest + digest) % DIGESTS

    @property
    def sha256(self) -> str:
        """The digest of all files."""
        return f"{self.digest:064x}"

    def table(self) -> Tensor:
        """The kept features in order of their indices, n d."""
        rows = [self.features[index] for index in sorted(self.features)]
        return torch.stack(rows) if rows else torch.zeros(0, self.reader.width)

    def gather(self) -> None:
        """Add up the parts of all processes; each has the whole then."""
        parts = gather_parts((self.sums, self.scores, self.features, self.sizes, self.digest))
        self.sums = FeatureSums.merge_all(part[0] for part in parts)
        scores = [part[1] for part in parts if part[1] is not None]
        self.scores = None
        for score in scores:
            self.scores = score if self.scores is None else self.scores.merge(score)
        self.features = {index: row for part in parts for index, row in part[2].items()}
        self.sizes = sum((part[3] for part in parts), Counter())
        self.digest = sum(part[4] for part in parts) % DIGESTS
