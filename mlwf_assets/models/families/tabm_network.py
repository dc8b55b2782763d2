"""The network of the TabM family: embeddings, then k multilayer perceptrons that share their large matrices.

Gorishniy et al. (2025), "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling", with the
piecewise-linear embeddings of Gorishniy et al. (2022). The layers and their initialization are those of the
authors' packages; what is ours is the order of multiplication, which a CPU does in half the time. Training and
preparing data do not belong here.
"""

from collections.abc import Sequence

import numpy as np
import rtdl_num_embeddings
import tabm
import torch
from torch import Tensor, nn

from mlwf_assets.models.metrics import Array

# Dimensions per categorical column; of a column with fewer values, as many as it has.
CATEGORY_DIMENSIONS = 8
_CATEGORY_SCALE = 0.3


class Network(nn.Module):
    """k perceptrons over embedded numbers, indicators and categories.

    Args:
        edges: per number the edges of its bins.
        gaps: how many indicators stand behind the numbers.
        cardinalities: codes per category.
        outputs: values per member and row.
        k: members.
        blocks: hidden layers.
        width: units of a hidden layer.
        embedding: dimensions per number.
        own_codes: so many codes of each category (unknown, missing) start in the middle of all.
    """

    def __init__(
        self,
        *,
        edges: Sequence[Array],
        gaps: int,
        cardinalities: Sequence[int],
        outputs: int,
        k: int,
        blocks: int,
        width: int,
        embedding: int,
        own_codes: int,
    ) -> None:
        super().__init__()
        self.numbers = len(edges)
        bins = [torch.from_numpy(np.array(each)) for each in edges]
        self.number = (
            rtdl_num_embeddings.PiecewiseLinearEmbeddings(bins, embedding, activation=False, version="B")
            if bins
            else None
        )
        dimensions = [min(CATEGORY_DIMENSIONS, cardinality) for cardinality in cardinalities]
        tables = [_category_table(*shape, own_codes) for shape in zip(cardinalities, dimensions, strict=True)]
        self.categories = nn.ModuleList(tables)
        # A frame without any column that varies still has a row to predict: the constant input.
        pieces = [embedding] * self.numbers + [1] * gaps + dimensions or [1]
        self.backbone = tabm.make_tabm_backbone(
            d_in=sum(pieces),
            n_blocks=blocks,
            d_block=width,
            dropout=0.0,
            k=k,
            start_scaling_init="normal",
            start_scaling_init_chunks=pieces,
        )
        self.output = tabm.LinearEnsemble(width, outputs, k=k)

    def embed(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """What all members read: (n, inputs)."""
        pieces = [numbers[:, self.numbers :]]
        if self.number is not None:
            pieces.insert(0, embed_numbers(self.number, numbers[:, : self.numbers]).flatten(1))
        pieces += [table(codes[:, column]) for column, table in enumerate(self.categories)]
        joined = torch.cat(pieces, dim=1)
        return joined if joined.shape[1] else joined.new_zeros(len(joined), 1)

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Predict rows.

        Args:
            numbers: (n, numbers + gaps) float32.
            codes: (n, categories) int64.

        Returns:
            (k, n, outputs), before any link function.
        """
        first, *others = [block[0] for block in self.backbone.blocks]
        inputs = self.embed(numbers, codes)
        k, width = first.bias.shape
        # All members read the same inputs, so that the first layer is one product.
        hidden = torch.addmm(first.bias.flatten(), inputs, member_weights(first).transpose(0, 1).flatten(1))
        hidden = hidden.relu().view(-1, k, width).transpose(0, 1)
        for layer in others:
            hidden = torch.baddbmm(layer.bias[:, None], hidden, member_weights(layer)).relu()
        return torch.baddbmm(self.output.bias[:, None], hidden, self.output.weight)


def embed_numbers(module: rtdl_num_embeddings.PiecewiseLinearEmbeddings, numbers: Tensor) -> Tensor:
    """What the module itself gives for numbers between its outer edges, in a fifth of the time.

    Rows stand last while bins are summed up: then each product is long, and not as short as an embedding.

    Returns:
        (n, numbers, dimensions).
    """
    slopes, starts = module.impl.weight[:, :, None], module.impl.bias[:, :, None]
    encoded = torch.addcmul(starts, slopes, numbers.T[:, None, :]).clamp_(0.0, 1.0)
    bent = torch.bmm(module.linear.weight.transpose(1, 2), encoded)
    return torch.add(module.linear0(numbers), bent.permute(2, 0, 1))


def member_weights(layer: tabm.LinearBatchEnsemble) -> Tensor:
    """The matrix that each member multiplies by: ((x * r) W) * s = x (r W s).

    A batch has more rows than the matrix, so that scaling the matrix is less work than scaling rows.

    Returns:
        (k, in, out).
    """
    weights: Tensor = layer.r[:, :, None] * layer.weight.T * layer.s[:, None, :]
    return weights


def _category_table(codes: int, dimensions: int, own_codes: int) -> nn.Embedding:
    table = nn.Embedding(codes, dimensions)
    nn.init.normal_(table.weight, std=_CATEGORY_SCALE)
    nn.init.zeros_(table.weight[:own_codes])
    return table
