"""`workers: N`: one parent with the signals, the admin port, reloads and replacements; N children with the data port.

`parent.py` looks like a `Service` to whoever runs it; `child.py` is a `Service` without an admin port; `pipe.py` is what
they say to each other. `worker.py` is one child as its parent sees it, `pace.py` how soon a dead one is replaced,
`merge.py` makes one status of many, `shared.py` one set of metrics, `reserve.py` holds the port that they share.

Why not a library. cotyledon's manager (the best kept) sends its own signals to the whole process group, so that all
children stop the moment it is told to, and each reloads by itself; uvicorn's and gunicorn's replace the children at a
reload, which ends their streams. None has a way to ask a child something. What would be left to use is starting a
process again.
"""
