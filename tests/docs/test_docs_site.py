"""The site builds without a warning, links lead somewhere, every page is reached, and nothing comes from outside."""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import pytest
from site_pages import EXTENSIONS, MADE, ROOT, Index, Page, read_all

CHINESE = re.compile(r"[\u4e00-\u9fff]")
STAGED = ("other-language:", "repository:", "file:")
OUTSIDE = re.compile(r"^(?:[a-z]+:)?//|^https?:", re.IGNORECASE)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Both languages, built once, and what the build complained about."""
    for module in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(module, reason="the site needs the extra 'docs'")
    out = tmp_path_factory.mktemp("documentation") / "site"
    command = [sys.executable, str(EXTENSIONS / "build_site.py"), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    faults = done.stderr.replace(f"{out.with_name('site-work')}/source/", "docs/")
    return out, faults or ("" if done.returncode == 0 else f"exit code {done.returncode}: {done.stdout}")


@pytest.fixture(scope="module")
def site(built: tuple[Path, str]) -> Path:
    return built[0]


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return read_all(site)


def test_the_site_builds_without_a_warning(built: tuple[Path, str]):
    assert built[1].splitlines() == []


def test_every_link_leads_to_a_page_and_an_anchor_that_exist(site: Path, pages: dict[str, Page]):
    dead = []
    for place, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = unquote(link).partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(place), path)) if path else place
            known = pages[target].ids | {""} if target in pages else {""}
            if target.startswith("..") or not (site / target).is_file() or anchor not in known:
                dead.append(f"{place}: {link}")
    assert dead == []


def test_links_are_relative_so_that_the_site_opens_from_a_folder(pages: dict[str, Page]):
    assert [(place, link) for place, page in pages.items() for link in page.links if link.startswith("/")] == []


def test_no_link_of_the_staged_source_is_left(pages: dict[str, Page]):
    left = [
        (place, link)
        for place, page in pages.items()
        for link in page.links
        if link.startswith(STAGED) or link.partition("#")[0].endswith((".md", ".rst"))
    ]
    assert left == []


def test_nothing_is_loaded_from_outside(site: Path, pages: dict[str, Page]):
    assert [(place, one) for place, page in pages.items() for one in page.resources if OUTSIDE.match(one)] == []
    for sheet in site.rglob("*.css"):
        loaded = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s;]+)", sheet.read_text(encoding="utf-8"))
        assert [one for one in loaded if OUTSIDE.match(one)] == [], sheet.name
    # The scripts are Sphinx's and the theme's own; addresses in them stand in comments, and none is asked for one.
    for script in site.rglob("*.js"):
        text = script.read_text(encoding="utf-8")
        assert re.findall(r"(?:fetch|importScripts|import)\(\s*[\"']https?:", text) == [], script.name


def test_what_is_loaded_is_there(site: Path, pages: dict[str, Page]):
    absent = [
        (place, one)
        for place, page in pages.items()
        for one in page.resources
        if one
        and not one.startswith("data:")
        and not (site / posixpath.join(posixpath.dirname(place), one.partition("?")[0])).is_file()
    ]
    assert absent == []


def test_every_page_has_a_title_and_a_question_at_its_top(pages: dict[str, Page]):
    plain = {place: page for place, page in pages.items() if posixpath.basename(place) not in MADE}
    assert [place for place, page in plain.items() if not page.title.strip()] == []
    mute = [place for place, page in plain.items() if not re.search("[?？]", page.title + "".join(page.blocks[:1]))]
    assert mute == []


def test_every_page_is_reached_from_the_navigation_of_its_language(pages: dict[str, Page]):
    for start in ("index.html", "zh/index.html"):
        shown = {posixpath.normpath(posixpath.join(posixpath.dirname(start), link)) for link in pages[start].navigation}
        chinese = start.startswith("zh/")
        mine = {
            place for place in pages if place.startswith("zh/") is chinese and posixpath.basename(place) not in MADE
        }
        assert mine - shown == {start}
        assert shown <= set(pages)


def test_the_navigation_is_the_same_on_every_page(pages: dict[str, Page]):
    for chinese in (False, True):
        counts = {len(page.navigation) for place, page in pages.items() if place.startswith("zh/") is chinese}
        assert len(counts) == 1


def test_a_page_and_its_twin_lead_to_each_other(pages: dict[str, Page]):
    twins = [place for place in pages if f"zh/{place}" in pages]
    assert {"index.html", "quick-start.html", "search.html", "trust.html", "methods/index.html"} <= set(twins)
    for place in twins:
        for here, there in ((place, f"zh/{place}"), (f"zh/{place}", place)):
            switch = posixpath.relpath(there, posixpath.dirname(here) or ".")
            assert pages[here].links.count(switch) >= 2, f"{here} has no switch to {there}"


def test_pages_say_which_language_they_are_in(pages: dict[str, Page]):
    assert {page.language for place, page in pages.items() if not place.startswith("zh/")} == {"en"}
    assert {page.language for place, page in pages.items() if place.startswith("zh/")} == {"zh-CN"}


def test_every_page_of_the_repository_is_on_the_site(pages: dict[str, Page]):
    docs = ROOT / "docs"
    wanted = {page.relative_to(docs).with_suffix(".html").as_posix() for page in docs.rglob("*.md")}
    assert wanted - set(pages) == set()
    assert {"changelog.html", "contributing.html", "reference/api/index.html"} <= set(pages)


# --- search ----------------------------------------------------------------------------------------------------


def test_english_search_finds_pages_and_names(site: Path):
    index = Index(site / "searchindex.js")
    assert "methods/markov" in index.pages(["markov"])
    assert "reference/api/experiments-did-it-pay" in index.pages(["cost_threshold"]) | index.pages(["cost_thresholds"])


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("留白组", "methods/index"),
        ("复盘", "guides/ci"),
        ("末次触点", "index"),
        ("劳", "index"),
        ("p_assign", "quick-start"),
    ],
)
def test_chinese_search_finds_words_of_any_length(site: Path, query: str, page: str):
    from site_chinese import Bigrams

    terms = [Bigrams({}).stem(term) for term in Bigrams.query(query)]
    assert page in Index(site / "zh" / "searchindex.js").pages(terms)


def test_chinese_search_needs_all_pairs_of_a_word(site: Path):
    from site_chinese import Bigrams

    assert Index(site / "zh" / "searchindex.js").pages(Bigrams.query("留白盘复")) == set()


@pytest.mark.parametrize("query", ["留白组", "对照组 p_assign", "95%区间", "组", "SRM检查", "a、b", "Chinese only"])
def test_the_script_splits_a_query_as_the_index_was_split(site: Path, query: str):
    from site_chinese import Bigrams

    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node to run the script of the page")
    code = (site / "zh" / "_static" / "language_data.js").read_text(encoding="utf-8")
    code = code[code.index("function splitQuery") :]
    script = f"{code};console.log(JSON.stringify(splitQuery({json.dumps(query)})))"
    asked = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True)
    assert json.loads(asked.stdout) == Bigrams.query(query)


def test_a_browser_finds_a_chinese_word_on_the_page_of_results(site: Path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs a browser")
    address = f"{(site / 'zh' / 'search.html').as_uri()}?q=%E7%95%99%E7%99%BD%E7%BB%84"  # 留白组
    shown = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert re.search(r'<ul role="list" class="search">.*href="methods/index\.html', shown.stdout, re.DOTALL)


# --- the source of the site ------------------------------------------------------------------------------------


def test_links_are_rewritten_by_where_they_lead(tmp_path: Path):
    from site_sources import rewritten

    def said(text: str, source: str) -> str:
        return rewritten(text, source=PurePosixPath(source), target=tmp_path)

    assert said("[a](methods/x.md#y) [b](#z) [c](https://e.org)", "docs/i.md") == (
        "[a](methods/x.md#y) [b](#z) [c](https://e.org)"
    )
    assert said("[a](zh/index.md)", "docs/i.md") == "[a](other-language:zh/index.html)"
    assert said("[a](../../methods/x.md#y)", "docs/zh/g/p.md") == "[a](other-language:../../methods/x.html#y)"
    assert said("[a](../tests/t.py) [b](../README.md#z)", "docs/i.md") == "[a](repository:../tests/t.py) [b](index.md)"
    assert said("[a](docs/methods/x.md) [b](CHANGELOG.md)", "CONTRIBUTING.md") == "[a](methods/x.md) [b](changelog.md)"
    assert said("```\n[a](../tests/t.py)\n```\n", "docs/i.md") == "```\n[a](../tests/t.py)\n```\n"


def test_the_source_is_the_same_however_often_it_is_staged(tmp_path: Path):
    from site_sources import stage

    copies = []
    for name in ("one", "two"):
        root = tmp_path / name
        stage(root)
        copies.append(
            {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        )
    assert copies[0] == copies[1]
    assert "methods/topics/is-the-data-fit.md" in copies[0]
