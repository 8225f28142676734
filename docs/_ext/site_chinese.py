"""Chinese on the site: a search that needs no dictionary, and the words of the theme."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import snowballstemmer
from docutils import nodes
from sphinx.search import SearchLanguage
from sphinx.search._stopwords.en import ENGLISH_STOPWORDS
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
RUN = re.compile(rf"[{HAN}]+|[^\W{HAN}]+")
WIDE = re.compile(rf"[{HAN}\u3000-\u303f\uff00-\uffef“”‘’]")
WORDS = {
    "Search": "搜索",
    "On this page": "本页内容",
    "Back to top": "回到页首",
    "Skip to content": "跳到正文",
    "Next": "下一页",
    "Previous": "上一页",
    "Home": "首页",
    "Index": "索引",
    "Error": "错误",
    "Please activate JavaScript to enable the search functionality.": "搜索需要启用 JavaScript。",
}


class Bigrams(SearchLanguage):
    """Chinese text as pairs of neighbouring characters: 留白组 is found as 留白 and 白组, without a dictionary of words.

    Single characters are indexed too, for queries of one character. Other words are stemmed as on the English site.
    """

    lang = "zh-bigrams"
    language_name = "English"  # names the stemmer in the script of the page
    stopwords = ENGLISH_STOPWORDS
    js_stemmer_rawcode = "english-stemmer.js"
    js_splitter_code = rf"""
function splitQuery(query) {{
  const han = /^[{HAN.encode("ascii", "backslashreplace").decode()}]/;
  const runs = query.match(/[{HAN.encode("ascii", "backslashreplace").decode()}]+|[\p{{L}}\p{{N}}_]+?(?=[{
        HAN.encode("ascii", "backslashreplace").decode()
    }]|[^\p{{L}}\p{{N}}_]|$)/gu) || [];
  return runs.flatMap((run) => {{
    if (!han.test(run) || run.length === 1) return [run];
    return Array.from({{ length: run.length - 1 }}, (_, i) => run.slice(i, i + 2));
  }});
}}
"""

    def __init__(self, options: dict[str, str]) -> None:
        """Take the stemmer of the English site."""
        super().__init__(options)
        self.stemmer = snowballstemmer.stemmer("english")

    def split(self, text: str) -> list[str]:
        """Words of other scripts, single Chinese characters and pairs of them."""
        found: list[str] = []
        for run in RUN.findall(text):
            if re.match(f"[{HAN}]", run):
                found += [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
            else:
                found.append(run)
        return found

    @staticmethod
    def query(text: str) -> list[str]:
        """What the page's script asks for: pairs, or the character where there is one only."""
        found: list[str] = []
        for run in RUN.findall(text):
            pairs = re.match(f"[{HAN}]", run) and len(run) > 1
            found += [run[i : i + 2] for i in range(len(run) - 1)] if pairs else [run]
        return found

    def word_filter(self, word: str) -> bool:
        """Every Chinese character counts; other words as on the English site."""
        return bool(re.match(f"[{HAN}]", word)) or (len(word) > 1 and word.lower() not in self.stopwords)

    def stem(self, word: str) -> str:
        """The stem of a word; Chinese has none."""
        return word if re.match(f"[{HAN}]", word) else self.stemmer.stemWord(word.lower())


class Lines(SphinxTransform):
    """A line that ends in Chinese and goes on in Chinese has no blank at its end: Markdown would make one of the line break."""

    default_priority = 220

    def apply(self, **_kwargs: Any) -> None:
        """Join the lines of one page."""
        if self.config.language != "zh_CN":
            return
        for text in list(self.document.findall(nodes.Text)):
            if text.astext() == "\n" and WIDE.match(_beside(text, -1)[-1:]) and WIDE.match(_beside(text, 1)[:1]):
                text.parent.remove(text)


def _beside(node: nodes.Text, step: int) -> str:
    place = node.parent.index(node) + step
    return node.parent[place].astext() if 0 <= place < len(node.parent) else ""


def translate(app: Sphinx) -> None:
    """The few words that the theme has and Sphinx does not translate."""
    environment = getattr(getattr(app.builder, "templates", None), "environment", None)
    if app.config.language != "zh_CN" or environment is None:
        return

    def say(text: str) -> str:
        return WORDS.get(" ".join(text.split())) or app.translator.gettext(text)

    environment.install_gettext_callables(say, app.translator.ngettext)


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_search_language(Bigrams)
    app.add_transform(Lines)
    app.connect("builder-inited", translate)
