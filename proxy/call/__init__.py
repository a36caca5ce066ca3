"""One request and its answer, in layers: what is `known` of it, what is `reported`, what the proxy says on its `own`, how a
provider's answer is `passed` on. The story that uses them is `proxy/handler.py`; `shared` is what all calls have in common.
"""
