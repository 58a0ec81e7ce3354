"""Figures: every one as a function that computes its data, which is tested, and a thin one that draws it."""

from blockprofile.plot.block_grid import BlockGrid, arrange_blocks, block_grid_data, draw_block_grids
from blockprofile.plot.depth import DepthResponses, depth_data, draw_depths
from blockprofile.plot.devices import BlockRanks, block_ranks_data, draw_devices, save_devices
from blockprofile.plot.distribution import Histogram, Mark, distribution_data, draw_distributions
from blockprofile.plot.factors import FactorEffects, FactorPairs, draw_factors, draw_pairs, factor_data, pair_data
from blockprofile.plot.heatmap import KINDS, heatmap
from blockprofile.plot.layer_map import LayerMap, draw_layer_maps, layer_map_data
from blockprofile.plot.presence import PresenceView, draw_presences, presence_data
from blockprofile.plot.sensitivity import SensitivityBars, draw_sensitivities, sensitivity_data
from blockprofile.plot.style import add_caption, figure_style, metric_label, metric_title, save_figure

__all__ = [
    "KINDS",
    "BlockGrid",
    "BlockRanks",
    "DepthResponses",
    "FactorEffects",
    "FactorPairs",
    "Histogram",
    "LayerMap",
    "Mark",
    "PresenceView",
    "SensitivityBars",
    "add_caption",
    "arrange_blocks",
    "block_grid_data",
    "block_ranks_data",
    "depth_data",
    "distribution_data",
    "draw_block_grids",
    "draw_depths",
    "draw_devices",
    "draw_distributions",
    "draw_factors",
    "draw_layer_maps",
    "draw_pairs",
    "draw_presences",
    "draw_sensitivities",
    "factor_data",
    "figure_style",
    "heatmap",
    "layer_map_data",
    "metric_label",
    "metric_title",
    "pair_data",
    "presence_data",
    "save_devices",
    "save_figure",
    "sensitivity_data",
]
