"""The status page, drawn from a snapshot: tables that need no script, in one document that loads nothing else.

Every value is escaped: paths and ids come from clients and providers.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --good: #17733b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --good: #6fdc9a; --bad: #ff9a92; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.path { overflow-wrap: anywhere; min-width: 10rem; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; } dt { font-size: .85rem; } dd { margin: 0; font-weight: 600; }
"""

CONTENT_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)


_BEGIN: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>llm-triage status</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f"<style>{_STYLE}</style></head><body><header><h1>llm-triage</h1>"
)


def render(snapshot: Mapping[str, Any], *, is_draining: bool) -> str:
    upstreams: Sequence[Mapping[str, Any]] = snapshot["upstreams"]
    hour: Mapping[str, Any] = snapshot["failures_last_hour"]
    return "".join(
        (
            _BEGIN,
            _summary(snapshot, is_draining=is_draining),
            "</header><main>",
            _numbers(snapshot),
            _section(
                "Upstreams",
                "Whether each upstream is well, and since when not",
                ("Upstream", "State", "Since", "Class", "Reason", "Failures in a row"),
                (_upstream_row(upstream) for upstream in upstreams),
                "No upstream is configured.",
            ),
            _section(
                "Failures of the last hour",
                f"{hour['total']} failures by class",
                ("Class", "Failures"),
                (f"<td>{_text(cls)}</td><td>{count}</td>" for cls, count in hour["by_class"].items()),
                "None.",
            ),
            _section(
                "Retries since the start",
                "Attempts that were repeated, by class",
                ("Class", "Retries"),
                (f"<td>{_text(cls)}</td><td>{count}</td>" for cls, count in snapshot["retries"].items()),
                "None.",
            ),
            _would(snapshot["would"]),
            _section(
                "Latest verdicts",
                "The latest first, 50 at most",
                (
                    "Time",
                    "Upstream",
                    "Call",
                    "Status",
                    "Class",
                    "Reason",
                    "Rule",
                    "Wait",
                    "Action",
                    "Client",
                    "Call id",
                ),
                (_verdict_row(verdict) for verdict in snapshot["verdicts"]),
                "No failure so far.",
            ),
            "</main></body></html>\n",
        )
    )


def _summary(snapshot: Mapping[str, Any], *, is_draining: bool) -> str:
    down = [upstream["name"] for upstream in snapshot["upstreams"] if not upstream["up"]]
    words = f"Down: {_text(', '.join(down))}." if down else "All upstreams are well."
    kind = "bad" if down else "good"
    draining = " Draining: no new calls are taken." if is_draining else ""
    return (
        f'<p><strong class="{kind}">{words}</strong>{draining} As of <time>{_text(snapshot["at"])}</time>, '
        f"running since <time>{_text(snapshot['began_at'])}</time>. "
        '<a href="/status.json">The same as JSON</a>.</p>'
    )


def _numbers(snapshot: Mapping[str, Any]) -> str:
    numbers = (
        ("Calls in flight", "inflight"),
        ("Open streams", "open_streams"),
        ("Waiting for a retry", "waiting"),
        ("Turns in quarantine", "quarantined_turns"),
    )
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{snapshot[key]}</dd></div>" for name, key in numbers) + "</dl>"


def _would(would: Mapping[str, int]) -> str:
    if not would:
        return ""
    done = ", ".join(f"{_text(what.replace('_', ' '))} {count} times" for what, count in would.items())
    return f"<h2>Observe mode</h2><p>The proxy only watches. It would have: {done}.</p>"


def _upstream_row(upstream: Mapping[str, Any]) -> str:
    state = '<td class="good">up</td>' if upstream["up"] else '<td class="bad">down</td>'
    streak = f"{upstream['streak']}/{upstream['threshold']}" if upstream["streak"] else "0"
    return (
        f'<th scope="row">{_text(upstream["name"])}</th>{state}'
        + _cells(upstream, "down_since", "class", "reason")
        + f"<td>{streak}</td>"
    )


def _verdict_row(verdict: Mapping[str, Any]) -> str:
    call = f"{_text(verdict['method'])} {_text(verdict['path'])}"
    wait = f"{verdict['wait_s']:g} s" if "wait_s" in verdict else ""
    return (
        _cells(verdict, "at", "upstream")
        + f'<td class="path">{call}</td>'
        + _cells(verdict, "status", "class", "reason", "rule")
        + f"<td>{wait}</td>"
        + _cells(verdict, "action", "client", "call_id")
    )


def _section(title: str, caption: str, columns: Sequence[str], rows: Iterable[str], when_empty: str) -> str:
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    if not body:
        return f"<h2>{title}</h2><p>{when_empty}</p>"
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    # A region that scrolls sideways has to be reachable by keyboard.
    return (
        f'<h2>{title}</h2><div class="scroll" role="region" aria-label="{title}" tabindex="0"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(values: Mapping[str, Any], *names: str) -> str:
    return "".join(f"<td>{_text(values.get(name, ''))}</td>" for name in names)


def _text(value: object) -> str:
    return escape(str(value))
