"""How fast the proxy is, beside others: `python -m bench` (minutes), `python -m bench --smoke` (in CI, judges no times).

    cases.py      what is measured: kinds of load
    targets.py    whom it is measured on: nothing between, nginx, a bare aiohttp pass-through, the proxy, other gateways
    tools.py      the provider and the clients: upstream.c and load.c, or their stand-ins in Python where no compiler is
    process.py    what the system knows of a process: CPU time, memory; and its pauses while others are measured
    run.py        the interleaved run: every case on every target in turn, again and again
    report.py     from measurements to a table
    plot.py       from measurements to an SVG

`soak.py` (memory and latency over a quarter of an hour of mixed load), `streams.py` (what watching streams costs, beside `unwatched.py`), `classify.py`,
`amplification.py` and `retry_cost.py` measure other things, and run on their own.
"""
