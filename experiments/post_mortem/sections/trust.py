"""The trust section: was the assignment kept, is the follow-up complete, are the costs whole?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.sections.ground import Ground, made_section

if TYPE_CHECKING:
    from experiments.report.document import Section

__all__ = ["build"]


def build(ground: Ground) -> Section:
    """One line of trust; the renderers list every finding and gate under it."""
    return made_section("trust", ground.trust_line)
