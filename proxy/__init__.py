"""llm-triage: a transparent proxy before LLM providers that says what every failure means.

The way of a request; `handler.py` tells it as a story, `way/` has a file for each stage:

    server       bytes on the data port become a request
    accept       the request becomes a call: limits, hop-by-hop headers, the body held or streamed
    address      which upstream, path and credential; who may call at all
    amend        with `history: heal`, a history out of order is mended: `session/`
    gate         with `gate: on`, a call that cannot succeed is answered from the last real answer
    ask          one attempt upstream: an answer's head and beginning, or how it broke
    judge        what the answer means: `classifier/`, and `stream/` for a first event
    persist      wait and ask again where that helps, by what `retry/` decides
    advise       what the client is told beside it: whether to try again, and, from `session/`, what becomes of its session
    deliver      head, tags and body to the client; `watched` where it is an event stream
    report       metrics, log line, outages, the status page: `report/`, shown by `admin/`

Around it: `cli` and `commands/` start it, `config/` says how, `app` holds a running one together, `workers/` runs several,
`dialects/` alone knows providers' wire shapes, `store/` keeps what outlives a call, `model` has the words that all of them share.

The classifier is a library of its own: `from proxy import Answer, classify`.
"""

from __future__ import annotations

from .classifier import classify
from .model import Answer, Verdict

__all__ = ["Answer", "Verdict", "classify"]
