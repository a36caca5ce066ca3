"""What each part of the status page says, from one look at everything: the same HTML for a first load and a live event.

The names of the parts are the places in `status.html`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from proxy.admin.chart import chart
from proxy.admin.explain import explain
from proxy.admin.markup import dot, moment, seconds, table, text, times
from proxy.report.event import Would

NUMBERS: Final = (
    ("Calls in flight", "inflight"),
    ("Open streams", "open_streams"),
    ("Waiting for a retry", "waiting"),
    ("Turns in quarantine", "quarantined_turns"),
)
COLUMNS: Final = ("Time", "Class and reason", "Upstream", "Status", "Rule", "Wait", "Session")
WOULD: Final[Mapping[Would, str]] = {
    Would.RETRY: "retried a call",
    Would.HOLD: "held an answer's head for its first event",
    Would.WRITE_EVENT: "written an error into a stream",
    Would.END_STREAM: "ended a silent stream",
    Would.HEARTBEAT: "kept a waiting client alive by comments",
    Would.COMMENT: "said behind an error event what it means",
    Would.CHANGE_STATUS: "changed a failure's status",
    Would.ANNOTATE: "written into a failure's body",
    Would.REPAIR: "mended a history",
    Would.FORGET: "sent a call again without its stale handle",
    Would.GATE: "answered from an earlier answer",
    Would.REPLAY: "answered a refused request from the last refusal",
    Would.REFUSE_CREDENTIAL: "refused a missing credential",
    Would.REFUSE_SIZE: "refused a request's size",
    Would.REFUSE_INFLIGHT: "refused a call beyond the limit",
}


def draw(look: Mapping[str, Any]) -> dict[str, str]:
    now = look["at"]
    return {
        "clock": f"As of {moment(now, now)} UTC, running since {moment(look['began_at'], now)}."
        ' <a href="status.json">As JSON</a>',
        "headline": _headline(look),
        "would": _would(look["upstreams"], look["would"]),
        "numbers": _numbers(look),
        "upstreams": _upstreams(look["upstreams"], now),
        "hour": _hour(look["failures_last_hour"]),
        "retries": _counts("Attempts that were repeated, by class", "Retries", look["retries"]) or _soft("None."),
        "quarantine": _quarantine(look["quarantine"], look["quarantined_turns"], now),
        "verdicts": _verdicts(look["verdicts"], now),
    }


def _headline(look: Mapping[str, Any]) -> str:
    down = [upstream["name"] for upstream in look["upstreams"] if not upstream["up"]]
    said = [
        f'<p class="bad">Down: {text(", ".join(down))}.</p>' if down else '<p class="good">All upstreams are well.</p>'
    ]
    if look["draining"]:
        said.append('<p class="warn">Stopping: running calls have time to end, new ones should go elsewhere.</p>')
    workers = look.get("workers", ())  # none where one process is all
    missing = sum(worker["state"] != "ready" for worker in workers)
    if missing:
        said.append(f'<p class="warn">{missing} of {len(workers)} workers not ready: started again.</p>')
    return "".join(said)


def _would(upstreams: Sequence[Mapping[str, Any]], would: Mapping[str, int]) -> str:
    observed = [upstream["name"] for upstream in upstreams if upstream["mode"] == "observe"]
    if not observed:
        return ""
    all_are = len(observed) == len(upstreams)
    watches = "the proxy only watches" if all_are else f"calls to {text(', '.join(observed))} are only watched"
    done = ", ".join(f"{WOULD[Would(what)]} {times(count)}" for what, count in would.items())
    said = f"It would have {done}." if done else "So far it would have changed nothing."
    return f'<p class="warn">Observe mode: {watches}. {said}</p>'


def _numbers(look: Mapping[str, Any]) -> str:
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{look[key]}</dd></div>" for name, key in NUMBERS) + "</dl>"


def _upstreams(upstreams: Sequence[Mapping[str, Any]], now: str) -> str:
    if not upstreams:
        return _soft("None is configured.")
    return table(
        "Whether each upstream is well, since when not, and why",
        ("Upstream", "State", "Since", "Why", "#Failures in a row", "#Stalled streams"),
        (_upstream(upstream, now) for upstream in upstreams),
    )


def _upstream(upstream: Mapping[str, Any], now: str) -> str:
    streak, threshold = upstream["streak"], upstream["threshold"]
    if not upstream["up"]:
        state = '<span class="state bad">down</span>'
    elif streak:
        state = '<span class="state warn">failing</span>'
    else:
        state = '<span class="state good">well</span>'
    since = moment(upstream["down_since"], now) if "down_since" in upstream else ""
    why = f"{dot(upstream['class'])}{text(upstream['class'])} {text(upstream['reason'])}" if "class" in upstream else ""
    row = f"{streak} of {threshold}" if streak and upstream["up"] else str(streak)
    return (
        f'<th scope="row">{text(upstream["name"])}</th><td>{state}</td><td>{since}</td><td>{why}</td>'
        f'<td class="number">{row}</td><td class="number">{upstream["stalled_streams"]}</td>'
    )


def _hour(hour: Mapping[str, Any]) -> str:
    drawn = chart(hour["minutes"], hour["total"])
    return drawn + (_counts("Failures of the last hour, by class", "Failures", hour["by_class"]) or _soft("None."))


def _counts(caption: str, name: str, counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    rows = (f'<th scope="row">{dot(cls)}{text(cls)}</th><td class="number">{count}</td>' for cls, count in ordered)
    return table(caption, ("Class", f"#{name}"), rows)


def _quarantine(turns: Sequence[Mapping[str, Any]], known: int, now: str) -> str:
    if not turns:
        return _soft("None." if not known else f"{known}, which are kept where this page cannot list them.")
    more = f"<p>The latest {len(turns)} of {known}.</p>" if known > len(turns) else ""
    return more + table(
        "Turns that a provider refused for what they contain",
        ("Turn", "Client", "Upstream", "Why", "Since", "Until", "#Refused", "Release"),
        (_turn(turn, now) for turn in turns),
    )


def _turn(turn: Mapping[str, Any], now: str) -> str:
    short = text(turn["id"][:12])
    return (
        f'<th scope="row"><code>{text(turn["id"])}</code></th><td>{text(turn["client"])}</td><td>{text(turn["upstream"])}</td>'
        f"<td>{dot(turn['class'])}{text(turn['class'])} {text(turn['reason'])}</td><td>{moment(turn['since'], now)}</td>"
        f'<td>{moment(turn["until"], now)}</td><td class="number">{turn["refusals"]}</td>'
        f'<td data-key="{text(turn["id"])}"><button type="button" data-release="{text(turn["id"])}">'
        f'Release<span class="hidden"> turn {short}</span></button></td>'
    )


def _verdicts(verdicts: Sequence[Mapping[str, Any]], now: str) -> str:
    if not verdicts:
        return _soft("No failure so far.")
    names = "".join(f"<span>{name}</span>" for name in COLUMNS)
    rows = "".join(_verdict(verdict, now) for verdict in verdicts)
    return f'<div class="verdicts"><div class="names" aria-hidden="true">{names}</div><ol>{rows}</ol></div>'


def _verdict(verdict: Mapping[str, Any], now: str) -> str:
    cls = verdict.get("class", "healed")
    wait = f"wait {seconds(verdict['wait_s'])}" if "wait_s" in verdict else ""
    told = (
        moment(verdict["at"], now),
        f'<span class="what"><span>{dot(cls)}{text(cls)}</span> <small>{text(verdict.get("reason", ""))}</small></span>',
        f'<span class="more">{_named("upstream", text(verdict["upstream"]))}</span>',
        f'<span class="status">{_named("status", text(verdict.get("status", "")))}</span>',
        f'<span class="more">{_named("rule", _code(verdict.get("rule", "")))}</span>',
        f'<span class="more">{wait}</span>',
        f'<span class="more">{_named("session", text(verdict.get("action", "")))}</span>',
    )
    why = "".join(f"<dt>{question}</dt><dd>{text(answer)}</dd>" for question, answer in explain(verdict))
    # Drawn anew on the next day, when its time needs a date.
    key = text(f"{verdict['at']} {verdict['event']} {verdict['call_id']} {now[:10]}")
    return f'<li data-key="{key}"><details><summary>{" ".join(told)}</summary><dl class="why">{why}</dl></details></li>'


def _code(value: str) -> str:
    return f"<code>{text(value)}</code>" if value else ""


def _named(column: str, shown: str) -> str:
    """For those who do not see the column's name above it."""
    return f'<span class="hidden">{column} </span>{shown}' if shown else ""


def _soft(words: str) -> str:
    return f'<p class="soft">{words}</p>'
