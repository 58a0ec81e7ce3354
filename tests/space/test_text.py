"""Archs as text: decode and encode are inverse, and a mistake names its place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockprofile.errors import ArchError
from blockprofile.space import INACTIVE, Space, decode, draw_archs, encode, explain_arch, load_space
from tests.conftest import Freeze
from tests.toy import all_archs, mixed_space, smaller_toy_space, toy_space

NAMES = ("moga", "ofa_mbv3", "ofa_proxyless", "ofa_resnet50", "proxylessnas")
SPACES = {name: load_space(name) for name in NAMES} | {"toy": toy_space(), "mixed": mixed_space()}


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(SPACES)), st.integers(0, 2**32 - 1), st.sampled_from(["papers", "architectures"]))
def test_encode_is_the_inverse_of_decode(name: str, seed: int, law: str) -> None:
    space = SPACES[name]
    arch = draw_archs(space, 1, np.random.default_rng(seed), law=law)[0]  # type: ignore[arg-type]
    text = decode(space, arch)
    back = encode(space, text)
    assert back.dtype == np.uint8
    assert back.tobytes() == arch.tobytes()
    assert decode(space, back) == text


@pytest.mark.parametrize("space", [toy_space(), mixed_space()], ids=lambda space: space.name)
def test_every_arch_has_its_own_text(space: Space) -> None:
    archs = all_archs(space)
    texts = [decode(space, arch) for arch in archs]
    assert len(set(texts)) == len(archs)
    assert np.array_equal(np.stack([encode(space, text) for text in texts]), archs)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("toy", "e2k3 e4k5se | e4k3"),
        ("mixed", "resolution=16 stem_depth=2 : k5 skip k3 | 0.75: k3 k5"),
        (
            "ofa_resnet50",
            "stem_depth=0 stem_mid=1.0 stem_out=0.65 : "
            "0.65: b20 b25 | 0.8: b35 b20 b20 | 1.0: b20 b20 b20 b20 b20 b35 | 1.0: b25 b25",
        ),
    ],
)
def test_the_form_of_the_text(name: str, text: str) -> None:
    assert decode(SPACES[name], encode(SPACES[name], text)) == text


def test_blanks_do_not_matter(toy: Space) -> None:
    assert np.array_equal(encode(toy, "  e2k3   e4k5se|e4k3 "), encode(toy, "e2k3 e4k5se | e4k3"))


def test_moga_c_in_words(moga: Space) -> None:
    choices = np.array([2, 0, 2, 0, 2, 2, 9, 2, 2, 6, 7, 7, 7, 7], np.uint8)
    text = "e3k5 e3k3 | e3k5 e3k3 e3k5 | e3k5 e6k5se e3k5 e3k5 | e6k3 e6k3se | e6k3se e6k3se e6k3se"
    assert decode(moga, choices) == text
    assert encode(moga, text).tolist() == choices.tolist()


def test_a_pruned_space_decodes_its_bases_archs_and_encodes_its_own_only() -> None:
    pruned, arch = smaller_toy_space(), encode(toy_space(), "e2k3 | e4k5se e4k3 e2k3")
    assert decode(pruned, arch) == "e2k3 | e4k5se e4k3 e2k3"
    with pytest.raises(ArchError, match=r"unit 2 has 3 layers \(e4k5se e4k3 e2k3\); choices: 1, 2"):
        encode(pruned, "e2k3 | e4k5se e4k3 e2k3")
    with pytest.raises(ArchError, match=r"block 'e4k5se' is not in unit 2, layer 1 of space 'smaller toy'"):
        encode(pruned, "e2k3 | e4k5se")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("toy", "e2k3", r"arch 'e2k3' has 1 units; space 'toy' has 2"),
        ("toy", "", r"arch '' has 1 units; space 'toy' has 2"),
        ("toy", "e2k3 | ", r"unit 2 has 0 layers \(\); choices: 1, 2, 3"),
        ("toy", "e2k3 e2k3 e2k3 | e2k3", r"unit 1 has 3 layers \(e2k3 e2k3 e2k3\); choices: 1, 2"),
        (
            "toy",
            "e2k3 | e2k3 e4k5s",
            r"block 'e4k5s' is not in unit 2, layer 2 of space 'toy'; did you mean 'e4k5se'\? "
            r"choices: e2k3, e4k3, e4k5se",
        ),
        ("mixed", "k3 k3 k3 | 1.0: k3", r"does not say resolution=; expected 'resolution=\.\.\.' before ' : '"),
        ("mixed", "resolution=16 : k3 k3 k3 | 1.0: k3", r"does not say stem_depth="),
        (
            "mixed",
            "resolution=24 stem_depth=0 : k3 k3 k3 | 1.0: k3",
            r"value '24' is not in slot 'resolution' of space 'mixed'; choices: 16, 32",
        ),
        ("mixed", "resolution=16 stem_depth=0 : k3 k3 k3 | k3", r"unit 2 of arch '.*' lacks its width"),
        ("mixed", "resolution=16 stem_depth=0 : k3 k3 k3 | 0.7: k3", r"value '0.7' is not in slot 'u2_width'"),
        (
            "mixed",
            "resolution=16 stem_depth=0 : skip k3 k3 | 1.0: k3",
            r"block 'skip' is not in unit 1, layer 1 of space 'mixed'; choices: k3, k5",
        ),
    ],
)
def test_a_mistake_in_the_text_is_named(name: str, text: str, message: str) -> None:
    with pytest.raises(ArchError, match=message):
        encode(SPACES[name], text)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([2, 0, 0, 0, 0, 255, 255], r"code 2 is not allowed in slot 'u1_depth' of space 'toy'; choices: 1, 2"),
        ([0, 0, 1, 0, 0, 255, 255], r"slot 'u1l2' is beyond unit 1's depth 1 but holds code 1, not 255"),
        ([1, 0, 255, 0, 0, 255, 255], r"code 255 is not allowed in slot 'u1l2' of space 'toy'; choices: e2k3, "),
        ([1, 0, 3, 0, 0, 255, 255], r"code 3 is not allowed in slot 'u1l2'"),
    ],
)
def test_an_arch_that_is_no_member_is_explained(toy: Space, codes: list[int], message: str, frozen: Freeze) -> None:
    arch = frozen(np.array(codes, np.uint8))
    with pytest.raises(ArchError, match=message):
        decode(toy, arch)
    assert message.replace("\\", "")[:20] in explain_arch(toy, arch)


def test_explain_says_yes_too(toy: Space) -> None:
    arch = np.array([0, 1, INACTIVE, 0, 2, INACTIVE, INACTIVE], np.uint8)
    assert explain_arch(toy, arch) == "the arch is a member of space 'toy'"


def test_decode_takes_one_arch(toy: Space) -> None:
    with pytest.raises(ArchError, match=r"decode takes one arch, not an array of shape \(468, 7\)"):
        decode(toy, all_archs(toy))
