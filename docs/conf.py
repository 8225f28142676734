"""The site: `make site` builds it, in English and in Chinese, without network.

One language is one Sphinx project with this configuration; the tag ``zh`` chooses Chinese. Neither reads ``docs/`` directly:
`_ext/site_sources.py` copies the pages first, adds what is generated (API pages, groups of methods, navigation) and decides
where a link leads that leaves a language or ``docs/``. What is decided there is written at its top.

- Pages are CommonMark with tables, nothing more: no page needs Sphinx to be read. Navigation is in ``navigation.toml``.
- API pages come from the docstrings (autodoc, Google sections); ``reference/pages.toml`` leads each name to its page in prose.
- Formulas are code blocks; there is no MathJax, no web font, no script from elsewhere.
- Warnings are errors: unknown pages, unknown anchors, pages outside the navigation, faults in docstrings.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from attribution import __version__  # noqa: E402 -- the path above comes first

CHINESE = tags.has("zh")  # noqa: F821 -- given by Sphinx

project = "WakeLift"
author = "The WakeLift authors"
version = release = __version__
language = "zh_CN" if CHINESE else "en"
extensions = ["myst_parser", "site_chinese", "site_links", "site_navigation", "site_twins"]
if not CHINESE:
    extensions += ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "site_docstrings"]
exclude_patterns = [] if CHINESE else ["zh/**"]
templates_path = ["_templates"]
nitpicky = False  # signatures name types of other packages, and there is no network to look them up

# --- pages in Markdown -----------------------------------------------------------------------------------------------
myst_heading_anchors = 6
myst_url_schemes = {"http": None, "https": None, "mailto": None, "other-language": None, "repository": None}
myst_enable_extensions = []
highlight_language = "none"
suppress_warnings = []

# --- API from docstrings ---------------------------------------------------------------------------------------------
default_role = None if CHINESE else "name"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [
    "Assumptions",
    "Estimand",
    ("Attributes", "params_style"),
    ("Verified against", "notes_style"),
]
python_maximum_signature_line_length = 60
python_display_short_literal_types = True
add_module_names = True
toc_object_entries_show_parents = "hide"

# --- look ------------------------------------------------------------------------------------------------------------
_FONTS = (
    'system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", '
    '"Noto Sans SC", sans-serif'
)
_MONOSPACE = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "Noto Sans Mono CJK SC", monospace'
_LIGHT = {"paper": "#fff", "panel": "#f5f6f8", "ink": "#1a2028", "muted": "#56606e", "grid": "#dbe0e6", "accent": "#1f5fa8"}
_DARK = {"paper": "#12161b", "panel": "#1b2128", "ink": "#e8ebef", "muted": "#a5afbb", "grid": "#36404b", "accent": "#79b0ee"}


def _variables(colours: dict[str, str]) -> dict[str, str]:
    """The colours of the post-mortem, as the names that the theme gives them."""
    return {
        "font-stack": _FONTS,
        "font-stack--monospace": _MONOSPACE,
        "color-background-primary": colours["paper"],
        "color-background-secondary": colours["panel"],
        "color-background-hover": colours["grid"],
        "color-background-border": colours["grid"],
        "color-foreground-primary": colours["ink"],
        "color-foreground-secondary": colours["muted"],
        "color-foreground-muted": colours["muted"],
        "color-code-background": colours["panel"],
        "color-brand-primary": colours["accent"],
        "color-brand-content": colours["accent"],
        "color-brand-visited": colours["accent"],
        "color-api-name": colours["accent"],
        "color-api-pre-name": colours["muted"],
        "color-sidebar-link-text--top-level": colours["ink"],
        "color-inline-code-background": colours["panel"],
        "color-problematic": colours["ink"],
    }


html_theme = "furo"
html_title = "WakeLift 中文文档" if CHINESE else "WakeLift"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "light_css_variables": _variables(_LIGHT),
    "dark_css_variables": _variables(_DARK),
    "top_of_page_buttons": ["view"],  # our template of that button is the switch between the languages
}
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-dark"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False
html_last_updated_fmt = None  # the same source gives the same bytes
html_search_language = "zh-bigrams" if CHINESE else "en"
html_use_index = not CHINESE
html_domain_indices = False
html_permalinks_icon = "#"
