"""Scores of networks that were never trained, as predictors of their own provenance."""

from blockprofile.zerocost.jacobian import jacobian
from blockprofile.zerocost.naswot import naswot
from blockprofile.zerocost.predictor import SCORES, ZeroCostPredictor
from blockprofile.zerocost.synflow import synflow

__all__ = ["SCORES", "ZeroCostPredictor", "jacobian", "naswot", "synflow"]
