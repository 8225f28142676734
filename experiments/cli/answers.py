"""An answer on the terminal, in a pipe and in a file: text, Markdown, CSV or JSON of the same result."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.cli.streams import echo
from experiments.cli.tables import TABLE_ENDINGS, table_csv, write_table
from experiments.cli.words import say
from experiments.plan.spelling import shown, shown_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.findings import Finding
    from attribution.core.records import TabularResult

__all__ = ["Answer", "must_be_free"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found.

    Attributes:
        results: The results by name, in the order in which they are shown; the first one is the table of CSV.
        findings: What else there is to know; part of what the results print, and of JSON.
    """

    results: Mapping[str, TabularResult]
    findings: Sequence[Finding] = ()

    def tell(self, options: Mapping[str, Any]) -> None:
        """Print and write it as the options of `options.show_table` say."""
        from attribution import language

        lang = options["lang"]
        with language(lang):
            echo(self.text(options["file_format"]), newline=False)
            if options["out"] is not None:
                place = self.write(options["out"])
                say("WROTE_TABLE", lang=lang, path=place.as_posix())

    def text(self, file_format: str) -> str:
        """The answer in a format, in the current language."""
        if file_format == "json":
            return self._json()
        if file_format == "csv":
            return table_csv(self._main().to_arrow())
        if file_format == "md":
            return "\n".join(result.to_markdown() for result in self.results.values())
        return "\n\n".join(repr(result) for result in self.results.values()) + "\n"

    def write(self, path: str) -> Path:
        """Write the answer to a file, in the format of its ending."""
        place = Path(path)
        if place.suffix.lower() not in (".md", ".json"):
            return write_table(self._main().to_arrow(), place)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(self.text(place.suffix.lower()[1:]), encoding="utf-8", newline="\n")
        return place

    def _main(self) -> TabularResult:
        return next(iter(self.results.values()))

    def _json(self) -> str:
        from experiments.report.json_text import plain

        content = {
            "tables": {name: result.to_dicts() for name, result in self.results.items()},
            "findings": [
                {"code": item.code, "status": item.status, "text": item.text(), "values": dict(item.values)}
                for item in self.findings
            ],
        }
        written = io.StringIO()
        json.dump(plain(content), written, ensure_ascii=False, indent=1, allow_nan=False)
        return written.getvalue() + "\n"


def must_be_free(out: str | None, *, force: bool) -> None:
    """Refuse a file of --out that cannot be written, before any work is done.

    Raises:
        InputError: For an ending that is not known, a folder, or a file that is there already.
    """
    if out is None:
        return
    place = Path(out)
    endings = (*TABLE_ENDINGS, ".md")
    if place.suffix.lower() not in endings:
        raise InputError(
            f"--out: the file {shown(place.name)} must end in {', '.join(endings)}; the ending chooses it."
        )
    try:
        folder, there = place.is_dir(), place.exists()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"--out {shown_path(out)} cannot be written: {reason}. Name another file.") from error
    if folder:
        raise InputError(f"--out {shown_path(out)} is a folder. Name a file in it.")
    if there and not force:
        raise InputError(f"--out {shown_path(out)} is there already. Name another file, or replace it with --force.")
