"""Figures: every one as a function that computes its data, which is tested, and a thin one that draws it."""

from blockprofile.plot.block_grid import BlockGrid, arrange_blocks, block_grid_data, draw_block_grids
from blockprofile.plot.convergence import convergence_data
from blockprofile.plot.depth import DepthResponses, depth_data, draw_depths
from blockprofile.plot.devices import BlockRanks, block_ranks_data, draw_devices, save_devices
from blockprofile.plot.distribution import Histogram, Mark, distribution_data, draw_distributions, mark_networks
from blockprofile.plot.factors import (
    FactorEffects,
    FactorPairs,
    draw_factors,
    draw_pairs,
    factor_data,
    is_of_structure,
    pair_data,
)
from blockprofile.plot.fidelity import draw_fidelity
from blockprofile.plot.fronts import COLOURS, Fronts, Published, difference_data, fronts_data, named_marks
from blockprofile.plot.heatmap import KINDS, heatmap
from blockprofile.plot.latency import audit_data, save_scatter
from blockprofile.plot.layer_map import LayerMap, draw_layer_maps, largest_effect, layer_map_data
from blockprofile.plot.presence import PresenceView, draw_presences, presence_data
from blockprofile.plot.pruning import pruning_figures
from blockprofile.plot.sensitivity import SensitivityBars, draw_sensitivities, sensitivity_data
from blockprofile.plot.show import show_comparison, show_profile, show_search, show_space
from blockprofile.plot.style import (
    add_caption,
    draw_cells,
    figure_style,
    metric_label,
    metric_title,
    save_figure,
    unit_symbol,
)
from blockprofile.plot.truth import truth_figures

__all__ = [
    "COLOURS",
    "KINDS",
    "BlockGrid",
    "BlockRanks",
    "DepthResponses",
    "FactorEffects",
    "FactorPairs",
    "Fronts",
    "Histogram",
    "LayerMap",
    "Mark",
    "PresenceView",
    "Published",
    "SensitivityBars",
    "add_caption",
    "arrange_blocks",
    "audit_data",
    "block_grid_data",
    "block_ranks_data",
    "convergence_data",
    "depth_data",
    "difference_data",
    "distribution_data",
    "draw_block_grids",
    "draw_cells",
    "draw_depths",
    "draw_devices",
    "draw_distributions",
    "draw_factors",
    "draw_fidelity",
    "draw_layer_maps",
    "draw_pairs",
    "draw_presences",
    "draw_sensitivities",
    "factor_data",
    "figure_style",
    "fronts_data",
    "heatmap",
    "is_of_structure",
    "largest_effect",
    "layer_map_data",
    "mark_networks",
    "metric_label",
    "metric_title",
    "named_marks",
    "pair_data",
    "presence_data",
    "pruning_figures",
    "save_devices",
    "save_figure",
    "save_scatter",
    "sensitivity_data",
    "show_comparison",
    "show_profile",
    "show_search",
    "show_space",
    "truth_figures",
    "unit_symbol",
]
