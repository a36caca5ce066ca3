"""What an answer says, read once and with nothing decided.

`answer` gathers it into `layers`: `decode` undoes a content coding, `unwrap` finds the values in a text (JSON in strings, pages,
streams), `hidden` and `failure` tell what fails under a good status, `walk` sorts a body's members by their `kinds` (those of waits are
`wait_names`), without what it `quotes` of the request. `telltale` says in words what told of a failure.
"""

from proxy.classifier.evidence.answer import gather
from proxy.classifier.evidence.layers import Evidence, Layer

__all__ = ["Evidence", "Layer", "gather"]
