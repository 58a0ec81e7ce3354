"""Figures: every one as a function that computes its data, which is tested, and a thin one that draws it."""
