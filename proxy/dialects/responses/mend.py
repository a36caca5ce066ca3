"""How the items of a Responses request are written to where they are mended. When and where is the session's."""

from __future__ import annotations

from typing import Any, Final

from proxy.dialects.responses import history
from proxy.session.mending import NO_ANSWER, NO_BEGINNING, NO_RESULT, Mending, dump
from proxy.session.turn import Part


def placeholder(call: Part) -> bytes | None:
    if not call.id:
        return None
    output: dict[str, Any]
    match call.form:
        case "function_call" | "custom_tool_call":
            output = {"call_id": call.id, "output": NO_RESULT}
        case "local_shell_call":
            output = {"id": call.id, "output": NO_RESULT}
        case "shell_call":
            streams = {"stdout": "", "stderr": NO_RESULT, "outcome": {"type": "timeout"}}
            output = {"call_id": call.id, "output": [streams]}
        case "apply_patch_call":
            output = {"call_id": call.id, "status": "failed", "output": NO_RESULT}
        case _:  # a computer call is answered by a screenshot
            return None
    return dump({"type": f"{call.form}_output"} | output)


MENDING: Final = Mending(
    entry=history.entry,
    content="content",
    placeholder=placeholder,
    carry=lambda results: results,
    shares=False,
    text=lambda string: b'{"type":"input_text","text":' + string + b"}",
    opening=dump({"role": "user", "content": NO_BEGINNING}),
    bridge=dump({"role": "assistant", "content": NO_ANSWER}),
    result="output",
)
