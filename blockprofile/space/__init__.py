"""Search spaces: definitions, slots, drawing, counting, and the operators that an arch stands for."""

from blockprofile.space.counting import count_archs, depth_counts
from blockprofile.space.definition import Block, SpaceDefinition
from blockprofile.space.distinct import count_networks
from blockprofile.space.factors import CompiledSum, Factor, factorize
from blockprofile.space.forms import FORMS, read_arch, write_arch
from blockprofile.space.frames import archs_to_frame, decode_all, frame_to_archs
from blockprofile.space.load import list_spaces, load_space
from blockprofile.space.operators import Operator, count_macs, count_params, primitives
from blockprofile.space.primitives import Primitive
from blockprofile.space.sampling import LAWS, Law, depth_probabilities, draw_archs
from blockprofile.space.sites import Site, build_sites, distinct_operators, list_operators
from blockprofile.space.slots import INACTIVE, Archs, Slot, UnitSlots, place_name
from blockprofile.space.space import Space
from blockprofile.space.summary import unit_rows
from blockprofile.space.text import decode, encode, explain_arch, named_archs

__all__ = [
    "FORMS",
    "INACTIVE",
    "LAWS",
    "Archs",
    "Block",
    "CompiledSum",
    "Factor",
    "Law",
    "Operator",
    "Primitive",
    "Site",
    "Slot",
    "Space",
    "SpaceDefinition",
    "UnitSlots",
    "archs_to_frame",
    "build_sites",
    "count_archs",
    "count_macs",
    "count_networks",
    "count_params",
    "decode",
    "decode_all",
    "depth_counts",
    "depth_probabilities",
    "distinct_operators",
    "draw_archs",
    "encode",
    "explain_arch",
    "factorize",
    "frame_to_archs",
    "list_operators",
    "list_spaces",
    "load_space",
    "named_archs",
    "place_name",
    "primitives",
    "read_arch",
    "unit_rows",
    "write_arch",
]
