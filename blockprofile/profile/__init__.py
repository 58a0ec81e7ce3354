"""Responses: what a block, a layer or a depth does to a metric, with the distribution behind it."""
