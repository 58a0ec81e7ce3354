"""Operators and archs as torch modules, made from the one operator list; what a step is in torch and in ONNX."""

from blockprofile.modules.build import build_network, build_operator, step_modules
from blockprofile.modules.steps import Step, register_step, step_node
from blockprofile.modules.torchstate import seeded, use_threads

__all__ = [
    "Step",
    "build_network",
    "build_operator",
    "register_step",
    "seeded",
    "step_modules",
    "step_node",
    "use_threads",
]
