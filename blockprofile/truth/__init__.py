"""Judging profiles, prunings and searches by networks that were really trained.

A table of all archs of a space, each trained several times, is the truth that everything else estimates: labels are
drawn from it one training at a time, and what is made of them is judged by the other trainings. Nothing here is told
about the table but its archs and values.
"""

from blockprofile.truth.judge import judge

__all__ = ["judge"]
