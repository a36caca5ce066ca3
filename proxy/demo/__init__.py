"""The built-in provider of `llm-triage demo`: a real server on loopback that fails on request.

The name of the model says how: `scenario.py` reads it. One file a dialect (a `Shape`) has its wire shapes: good answers, good
streams, refusals as the real provider words them, what the real one refuses in a request. `resources.py` has what lies
beside generation (models, files, embeddings, stored responses), `provider.py` the server, `faults.py` how it breaks
connections. `tour.py` is a round of calls through the proxy, `row.py` shows what came back.

Nothing of it is imported where the proxy serves.
"""
