"""A page in Markdown or as one HTML file that needs nothing else: sections of text, fields, tables and pictures.

What stands on it comes from manifests, ledgers and people; every piece is escaped where it is written.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

WORDS: Final = {"passed": "good", "failed": "bad", "worse": "bad", "better": "good", "prove-on-device": "open"}
"""Cells that are coloured."""


@dataclass(frozen=True)
class Table:
    """Rows under headings."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of a page."""

    title: str
    text: Sequence[str] = ()
    """Sentences, each for itself."""
    fields: Mapping[str, str] = field(default_factory=dict)
    table: Table | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """PNG files by what they show."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say."""
        return not (self.text or self.fields or self.pictures or (self.table and self.table.rows))


@dataclass(frozen=True)
class Page:
    """What is shown of something."""

    title: str
    subtitle: str
    alarms: Sequence[str] = ()
    """What nobody may overlook."""
    sections: Sequence[Section] = ()


def markdown(page: Page) -> str:
    """All of it but its pictures."""
    return "\n\n".join([*_head(page), *(_marked(one) for one in page.sections if not one.empty)]) + "\n"


def brief(page: Page, most: int) -> str:
    """As many whole sections as there is room for, with the names of those that are left out."""
    text = "\n\n".join(_head(page))
    left: list[str] = []
    room = most - 200
    for section in (one for one in page.sections if not one.empty):
        marked = f"\n\n{_marked(section)}"
        if len(text) + len(marked) <= room:
            text += marked
        else:
            left.append(section.title.lower())
    told = f"\n\nThe whole card, with {', '.join(left)}, is printed by `slipway model card`." if left else ""
    return (text + told)[:most]


def html(page: Page) -> str:
    """One file, without anything from elsewhere, for light and dark."""
    body = "".join(_html_section(one) for one in page.sections if not one.empty)
    alarms = "".join(f'<p class="alarm">{escape(one)}</p>' for one in page.alarms)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(page.title)}</title>'
        f"<style>{_STYLE}</style></head><body><main><header><h1>{escape(page.title)}</h1>"
        f"<p>{escape(page.subtitle)}</p></header>{alarms}{body}</main></body></html>\n"
    )


def _head(page: Page) -> Iterator[str]:
    yield f"# {_safe(page.title)}"
    yield _safe(page.subtitle)
    for alarm in page.alarms:
        yield f"> **{_safe(alarm)}**"


def _marked(section: Section) -> str:
    parts = [f"## {_safe(section.title)}"]
    if section.fields:
        parts.append(_marked_table(("", ""), list(section.fields.items())))
    if section.text:
        bullet = "- " if len(section.text) > 1 else ""
        parts.append("\n".join(f"{bullet}{_safe(one)}" for one in section.text))
    if section.table and section.table.rows:
        parts.append(_marked_table(section.table.columns, section.table.rows))
    return "\n\n".join(parts)


def _marked_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return _safe(text).replace("|", "\\|") if text != "---" else text


def _safe(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    kept = "".join(f"\\{letter}" if letter in "\\`*_[]" else letter for letter in " ".join(text.split()))
    return kept.replace("<", "&lt;")


def _html_section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    if section.fields:
        told = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in section.fields.items())
        parts.append(f"<dl>{told}</dl>")
    if len(section.text) == 1:
        parts.append(f"<p>{escape(section.text[0])}</p>")
    elif section.text:
        parts.append("<ul>" + "".join(f"<li>{escape(one)}</li>" for one in section.text) + "</ul>")
    if section.table and section.table.rows:
        parts.append(_html_table(section.table))
    for caption, data in section.pictures.items():
        source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        told = escape(caption)
        parts.append(f'<figure><img src="{source}" alt="{told}"><figcaption>{told}</figcaption></figure>')
    return f"<section>{''.join(parts)}</section>"


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in table.columns)
    rows = "".join("<tr>" + "".join(map(_html_cell, row)) + "</tr>" for row in table.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _html_cell(text: str) -> str:
    word = WORDS.get(text)
    return f'<td class="{word}">{escape(text)}</td>' if word else f"<td>{escape(text)}</td>"


_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1d1f21;--faint:#5c6166;--page:#fbfbf9;--card:#fff;--line:#dcdcd6;--good:#1b7f3b;
--bad:#b3261e;--open:#8a6100;--alarm:#fdecea}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e3;--faint:#a0a5aa;--page:#17191b;--card:#1f2225;--line:#383c40;
--good:#6fd18b;--bad:#ff8a80;--open:#e8c268;--alarm:#3b1d1b}}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:66rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.7rem;margin:0}h2{font-size:1.1rem;margin:0 0 .6rem}header p{color:var(--faint);margin:.2rem 0 1.2rem}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem 1.2rem;margin:1rem 0}
.alarm{background:var(--alarm);border:2px solid var(--bad);color:var(--bad);border-radius:8px;padding:.8rem 1rem;
font-weight:700}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.2rem;margin:0 0 .4rem}dt{color:var(--faint)}
dd{margin:0;overflow-wrap:anywhere}ul{margin:.3rem 0;padding-left:1.2rem}section p{margin:.3rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--faint);font-weight:500}.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
.open{color:var(--open)}figure{margin:1rem 0 0}img{max-width:100%;border-radius:6px}figcaption{color:var(--faint)}
@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
"""
