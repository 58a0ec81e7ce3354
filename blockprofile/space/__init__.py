"""Search spaces: definitions, slots, drawing, counting, and the operators that an arch stands for."""

from blockprofile.space.counting import count_archs, depth_counts
from blockprofile.space.definition import Act, Block, SpaceDefinition, Value
from blockprofile.space.diff import diff_spaces
from blockprofile.space.distinct import count_networks
from blockprofile.space.factors import CompiledSum, Factor, factorize, table_shape
from blockprofile.space.forms import FORMS, read_arch, read_arch_lines, write_arch
from blockprofile.space.frames import archs_to_frame, decode_all, frame_to_archs
from blockprofile.space.kind import Kind, Place, kind_of, register_kind
from blockprofile.space.kinds import SHAPED, shaped_operator
from blockprofile.space.listing import MOST_LISTED, list_archs
from blockprofile.space.load import list_spaces, load_space, read_space
from blockprofile.space.operators import Operator, count_macs, count_params, primitives
from blockprofile.space.primitives import Primitive
from blockprofile.space.record import base_text, describe_space, kept_pruning, kept_space
from blockprofile.space.rules import Base, Evidence, PrunedDefinition, Rule, Where, apply_rules
from blockprofile.space.sampling import LAWS, Law, check_law, depth_probabilities, draw_archs
from blockprofile.space.sites import Site, build_sites, distinct_operators, list_operators
from blockprofile.space.slots import INACTIVE, Archs, Slot, UnitSlots, place_name
from blockprofile.space.space import Space
from blockprofile.space.summary import unit_rows
from blockprofile.space.text import decode, encode, explain_arch, named_archs

__all__ = [
    "FORMS",
    "INACTIVE",
    "LAWS",
    "MOST_LISTED",
    "SHAPED",
    "Act",
    "Archs",
    "Base",
    "Block",
    "CompiledSum",
    "Evidence",
    "Factor",
    "Kind",
    "Law",
    "Operator",
    "Place",
    "Primitive",
    "PrunedDefinition",
    "Rule",
    "Site",
    "Slot",
    "Space",
    "SpaceDefinition",
    "UnitSlots",
    "Value",
    "Where",
    "apply_rules",
    "archs_to_frame",
    "base_text",
    "build_sites",
    "check_law",
    "count_archs",
    "count_macs",
    "count_networks",
    "count_params",
    "decode",
    "decode_all",
    "depth_counts",
    "depth_probabilities",
    "describe_space",
    "diff_spaces",
    "distinct_operators",
    "draw_archs",
    "encode",
    "explain_arch",
    "factorize",
    "frame_to_archs",
    "kept_pruning",
    "kept_space",
    "kind_of",
    "list_archs",
    "list_operators",
    "list_spaces",
    "load_space",
    "named_archs",
    "place_name",
    "primitives",
    "read_arch",
    "read_arch_lines",
    "read_space",
    "register_kind",
    "shaped_operator",
    "table_shape",
    "unit_rows",
    "write_arch",
]
