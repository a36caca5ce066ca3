"""The way of a request, one file a stage: accept, address, ask, judge, deliver.

`endpoint`, `headers`, `credential` and `body` serve the stages; `refuse` writes what the proxy says itself and `tunnel`
carries WebSockets.
"""
