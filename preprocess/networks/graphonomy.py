"""Graphonomy's transfer network (`inference.pth`): DeepLab features, reasoning over label graphs, CIHP-20 logits.

The contract that must not break: state-dict names are the 896 published ones, and the published quirks are kept: the
third source layer uses the second one's weight, node features are sums over pixels, one layer joins all three levels
(preprocessing facts, section 2.1).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from preprocess.networks.label_graphs import cihp_adjacency, pascal_adjacency, transfer_adjacency
from preprocess.networks.xception import DeepLab

_FEATURES = 256
_HIDDEN = 128
_CIHP = 20
_PASCAL = 7


def _weight(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(rows, columns))


class PixelsToNodes(nn.Module):
    """NxCxHxW features to NxKxD nodes: each pixel votes for the nodes by a softmax, votes are summed."""

    def __init__(self, nodes: int) -> None:
        super().__init__()
        self.pre_fea = _weight(_FEATURES, nodes)
        self.weight = _weight(_FEATURES, _HIDDEN)

    def forward(self, features: Tensor) -> Tensor:
        pixels = features.flatten(2).transpose(1, 2)
        votes = (pixels @ self.pre_fea).softmax(-1)
        # (V^T X) W in place of V^T (X W): the same sum, without a D-wide array over all pixels.
        return F.relu(votes.transpose(1, 2) @ pixels @ self.weight)


class GraphLayer(nn.Module):
    """relu(adjacency @ nodes @ weight)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = _weight(_HIDDEN, _HIDDEN)

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        return F.relu(adjacency @ (nodes @ self.weight))


class Join(nn.Module):
    """Nodes of one level from 3 x 128 values to 128; its weight serves all levels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = _weight(3 * _HIDDEN, _HIDDEN)

    def forward(self, nodes: Tensor) -> Tensor:
        return F.relu(nodes @ self.weight)


class Transfer(nn.Module):
    """Pascal's nodes brought to CIHP's by the likeness of the labels' word vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = _weight(_HIDDEN, _HIDDEN)
        self.adj = _weight(_CIHP, _PASCAL)  # in the published file, and used neither there nor here

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        return F.relu(F.relu(adjacency).softmax(-1) @ (nodes @ self.weight))


class NodesToPixels(nn.Module):
    """NxKxD nodes to NxCx1x1, added to every pixel's features.

    The published layer weighs the nodes per pixel by softmax(pixel term + node term); the pixel term is the same for
    all nodes and so cancels: every pixel gets the same value.
    """

    def __init__(self) -> None:
        super().__init__()
        self.node_fea_for_res = _weight(_FEATURES, 1)
        self.node_fea_for_hidden = _weight(_HIDDEN, 1)
        self.weight = _weight(_HIDDEN, _FEATURES)

    def forward(self, nodes: Tensor) -> Tensor:
        shares = (nodes @ self.node_fea_for_hidden).softmax(1)
        return F.relu((shares * (nodes @ self.weight)).sum(1))[..., None, None]


def by_likeness(source: Tensor, target: Tensor) -> Tensor:
    """For each target node the source nodes' mean, weighted by a softmax over cosine similarities."""
    similarity = F.normalize(target, dim=-1) @ F.normalize(source, dim=-1).transpose(1, 2)
    return similarity.softmax(-1) @ source


class Graphonomy(DeepLab):
    """Nx3xHxW BGR in -1..1 to Nx20xHxW logits over CIHP's labels."""

    cihp: Tensor
    pascal: Tensor
    transfer: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.semantic = nn.Conv2d(_FEATURES, _CIHP, 1)
        self.target_featuremap_2_graph = PixelsToNodes(_CIHP)
        self.target_graph_conv1, self.target_graph_conv2, self.target_graph_conv3 = (GraphLayer() for _ in range(3))
        self.target_graph_2_fea = NodesToPixels()
        self.target_skip_conv = nn.Sequential(nn.Conv2d(_FEATURES, _FEATURES, 1), nn.ReLU())
        self.source_featuremap_2_graph = PixelsToNodes(_PASCAL)
        self.source_graph_conv1, self.source_graph_conv2, self.source_graph_conv3 = (GraphLayer() for _ in range(3))
        self.transpose_graph = Transfer()
        self.fc_graph = Join()
        for name, adjacency in (
            ("cihp", cihp_adjacency()), ("pascal", pascal_adjacency()), ("transfer", transfer_adjacency()),
        ):  # fmt: skip
            self.register_buffer(name, torch.from_numpy(adjacency), persistent=False)

    def nodes(self, features: Tensor) -> Tensor:
        """NxCxHxW features to Nx20x128: Pascal's reasoning joined into CIHP's at three levels."""
        source: Tensor = self.source_featuremap_2_graph(features)
        target: Tensor = self.target_featuremap_2_graph(features)
        levels = (
            (self.source_graph_conv1, self.target_graph_conv1),
            (self.source_graph_conv2, self.target_graph_conv2),
            (self.source_graph_conv2, self.target_graph_conv3),
        )
        for source_layer, target_layer in levels:
            source = source_layer(source, self.pascal)
            moved = self.transpose_graph(source, self.transfer)
            target = self.fc_graph(torch.cat([target, by_likeness(source, target), moved], -1))
            target = target_layer(target, self.cihp)
        return target

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        reasoned = self.target_graph_2_fea(self.nodes(features))
        logits = self.semantic(self.target_skip_conv(features) + reasoned)
        return F.interpolate(logits, x.shape[-2:], mode="bilinear", align_corners=True)
