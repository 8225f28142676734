"""The Markdown of one small campaign, word for word; `pytest --update-golden` writes it anew."""

from __future__ import annotations

import re

import pytest

import experiments as ex


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=4_000, seed=7)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_markdown_is_the_one_that_was_read_and_kept(campaign, lang, golden):
    text = ex.postmortem(campaign.plan, campaign, lang=lang).to_markdown()
    # Versions differ from machine to machine; they are the last lines.
    told, versions = text.rsplit("\n---\n", 1)
    assert re.search(r"- numpy: \d", versions)
    golden(f"post_mortem.{lang}.md", told + "\n")
