"""Good streams, as providers send them: none of them may ever be called broken.

`RECORDED` has one of each dialect, with the wire's own spacing; `ODD` those that look as if something were wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.model import Dialect


@dataclass(frozen=True, slots=True)
class Good:
    name: str
    text: bytes
    dialect: Dialect | None = None  # the path's
    is_array: bool = False
    ends_at_eof: bool = False


def _sse(*events: str, eol: str = "\n") -> bytes:
    return "".join(event.replace("\n", eol) + eol + eol for event in events).encode()


def _chat(delta: str, finish: str = "null", index: int = 0, more: str = "") -> str:
    return (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1759478901,"model":"gpt-4o-mini",'
        f'"choices":[{{"index":{index},"delta":{{{delta}}},"logprobs":null,"finish_reason":{finish}}}]{more}}}'
    )


def _block(kind: str, rest: str) -> str:
    return f'event: {kind}\ndata: {{"type":"{kind}"{rest}}}'


DONE = "data: [DONE]"

CHAT = _sse(
    _chat('"role":"assistant","content":""', more=',"obfuscation":"8s"'),
    _chat('"content":"Grüß"', more=',"obfuscation":"d9"'),
    _chat(r'"content":" {\"error\": {\"code\": 429}}\n\nevent: error\n"', more=',"obfuscation":""'),
    _chat('"content":"[DONE]"', more=',"obfuscation":"a"'),
    _chat("", '"stop"', more=',"obfuscation":"xy"'),
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":{"total_tokens":9}}',
    DONE,
)

ANTHROPIC = _sse(
    _block("message_start", ',"message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5",'
           '"content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}'),
    _block("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}'),
    _block("ping", ""),
    _block("content_block_delta", ',"index":0,"delta":{"type":"text_delta","text":"Hello"}'),
    _block("content_block_delta", r',"index":0,"delta":{"type":"text_delta","text":"event: error\n\ndata: {\"type\":\"error\"}"}'),
    _block("content_block_delta", ',"index":0,"delta":{"type":"text_delta","text":" message_stop"}'),
    _block("content_block_stop", ',"index":0'),
    _block("message_delta", ',"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}'),
    _block("message_stop", ""),
)  # fmt: skip

_RESPONSE = '"response":{"id":"resp_1","object":"response","created_at":1759510079,"model":"gpt-4o-mini","error":null'

RESPONSES = _sse(
    _block("response.created", f',"sequence_number":0,{_RESPONSE},"status":"in_progress","output":[]}}'),
    _block("response.in_progress", f',"sequence_number":1,{_RESPONSE},"status":"in_progress","output":[]}}'),
    _block("response.output_item.added", ',"sequence_number":2,"output_index":0,"item":{"id":"msg_1","type":"message",'
           '"status":"in_progress","role":"assistant","content":[]}'),
    _block("response.output_text.delta", ',"sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,'
           '"delta":"Hi","logprobs":[]'),
    _block("response.output_text.delta", ',"sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,'
           r'"delta":"response.failed: {\"error\":1} response.completed","logprobs":[]'),
    _block("response.output_text.done", ',"sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,'
           '"text":"Hi","logprobs":[]'),
    _block("response.completed", f',"sequence_number":6,{_RESPONSE},"status":"completed","output":[]}}'),
)  # fmt: skip


def _pieces(finish: str = '"finishReason": "STOP",') -> list[str]:
    usage = '"usageMetadata": {"promptTokenCount": 4,"totalTokenCount": 9},"modelVersion": "gemini-2.5-flash","responseId": "x"'
    return [
        f'{{"candidates": [{{"content": {{"parts": [{{"text": "{text}"}}],"role": "model"}},{end}"index": 0}}],{usage}}}'
        for text, end in (("Hello", ""), (r"{\"error\": {\"code\": 503}} ] } [", ""), ("finishReason", finish))
    ]


GEMINI = _sse(*(f"data: {piece}" for piece in _pieces()), eol="\r\n")
GEMINI_ARRAY = ("[" + "\n,\r\n".join(_pieces()) + "\n]\n").encode()

RECORDED = (
    Good("chat", CHAT, Dialect.OPENAI_CHAT),
    Good("anthropic", ANTHROPIC, Dialect.ANTHROPIC),
    Good("responses", RESPONSES, Dialect.RESPONSES),
    Good("gemini", GEMINI, Dialect.GEMINI),
    Good("gemini array", GEMINI_ARRAY, Dialect.GEMINI, is_array=True),
)

_LONG = "x" * 100_000

ODD = (
    Good("no [DONE], one choice", _sse(_chat('"content":"a"'), _chat("", '"stop"')), Dialect.OPENAI_CHAT),
    Good(
        "no [DONE], two choices that end apart",
        _sse(_chat('"content":"a"'), _chat('"content":"b"', index=1), _chat("", '"stop"', 1), _chat("", '"length"')),
    ),
    Good("a null error beside the choices", _sse(_chat('"content":"a"', more=',"error":null'), _chat("", '"stop"'))),
    Good("an empty error beside the choices", _sse(_chat('"content":"a"', more=',"error":{}'), _chat("", '"stop"'))),
    Good("an error without content", _sse(_chat("", '"stop"', more=',"error":{"code":0,"message":""}'), DONE)),
    Good("usage after the finish, no [DONE]", _sse(_chat("", '"stop"'), 'data: {"choices":[],"usage":{"total_tokens":1}}')),
    Good("Azure's first event has no choice", _sse('data: {"choices":[],"prompt_filter_results":[]}', _chat("", '"stop"'), DONE)),
    Good("only Azure's filter results", _sse('data: {"choices":[],"prompt_filter_results":[]}'), Dialect.OPENAI_CHAT),
    Good("[DONE] without its blank line", CHAT[:-2]),
    Good("no finish_reason ever, but [DONE]", _sse('data: {"choices":[{"delta":{"content":"a"}}]}', DONE)),
    Good("something after [DONE]", _sse(_chat('"content":"a"'), DONE, ": bye", "event: done\ndata: {}")),
    Good("ends at eof by rule", _sse(_chat('"content":"a"')), Dialect.OPENAI_CHAT, ends_at_eof=True),
    Good("json.dumps spacing", CHAT.replace(b'":', b'": ').replace(b",", b", ")),
    Good("members in another order", _sse('data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"a"}}]}',
                                          'data: {"choices":[{"finish_reason":"stop","index":0,"delta":{}}]}')),
    Good("legacy completions of two", _sse('data: {"choices":[{"text":"a","index":0,"finish_reason":null}]}',
                                           'data: {"choices":[{"text":"b","index":1,"finish_reason":null}]}',
                                           'data: {"choices":[{"text":"","index":0,"finish_reason":"stop"}]}',
                                           'data: {"choices":[{"text":"","index":1,"finish_reason":"stop"}]}')),
    Good("two tool calls", _sse(_chat('"tool_calls":[{"index":0,"id":"a","function":{"name":"error","arguments":""}}]'),
                                _chat('"tool_calls":[{"index":1,"id":"b","function":{"arguments":"{}"}}]'),
                                _chat("", '"tool_calls"'))),
    Good("refused by a filter", _sse(_chat('"content":"a"'), _chat("", '"content_filter"'), DONE)),
    Good("comments before, between and after", b": OPENROUTER PROCESSING\n\n" + CHAT.replace(b"\n\n", b"\n\n: keep-alive\n\n")),
    Good("a byte order mark", b"\xef\xbb\xbf" + CHAT),
    Good("CR alone", CHAT.replace(b"\n", b"\r")),
    Good("several data lines", _sse('data: {"choices":\ndata: [{"index":0,"delta":{},"finish_reason":"stop"}]}')),
    Good("no space after the colon, ids and retry", _sse('id:1\nretry:5\ndata:{"choices":[{"index":0,"finish_reason":"stop"}]}')),
    Good("an empty stream of no known path", b""),
    Good("comments of no known path", b": hello\n\n"),
    Good("message stop without its blank line", ANTHROPIC[:-1]),
    Good("pings around a message", _sse(_block("ping", "")) + ANTHROPIC + _sse(_block("ping", ""))),
    Good("Anthropic without event lines", b"".join(line + b"\n\n" for line in ANTHROPIC.split(b"\n") if line.startswith(b"data"))),
    Good("incomplete response", _sse(_block("response.created", f",{_RESPONSE}}}"),
                                     _block("response.incomplete", f',{_RESPONSE},"status":"incomplete"}}'))),
    Good("Codex begins with its limits", _sse(_block("codex.rate_limits", ',"rate_limits":{"limit_reached":true}')) + RESPONSES),
    Good("a response longer than what is held", RESPONSES.replace(b'"output":[]}}\n\n', f'"output":["{_LONG}"]}}}}\n\n'.encode())),
    Good("Gemini gives a reason with every piece", _sse(*(f'data: {{"candidates":[{{"finishReason":"STOP","text":"{t}"}}]}}' for t in "abc"))),
    Good("Gemini with usage after the reason", GEMINI + _sse('data: {"usageMetadata":{},"modelVersion":"g","responseId":"x"}')),
    Good("Gemini without a blank line at the end", GEMINI[:-4]),
    Good("Gemini blocks the prompt", b'data: {"promptFeedback": {"blockReason": "SAFETY"}}\n', Dialect.GEMINI),
    Good("Gemini with feedback that blocks nothing", _sse('data: {"candidates":[{"content":{}}],"promptFeedback":{"safetyRatings":[]}}',
                                                        'data: {"candidates":[{"finishReason":"STOP"}]}')),
    Good("Code Assist wraps Gemini", _sse('data: {"response":{"candidates":[{"content":{}}]},"traceId":"1"}',
                                          'data: {"response":{"candidates":[{"finishReason":"STOP"}]}}')),
    Good("an image in a long event", _sse(f'data: {{"candidates":[{{"content":{{"parts":[{{"inlineData":{{"data":"{_LONG}"}}}}]}},'
                                          '"finishReason":"STOP"}]}'), Dialect.GEMINI),
    Good("an empty array", b"[]", Dialect.GEMINI, is_array=True),
    Good("an object in place of an array", b'{"candidates":[{"finishReason":"STOP"}]}', Dialect.GEMINI, is_array=True),
    Good("a long object in place of an array", f'{{"candidates":["{_LONG}"]}}'.encode(), Dialect.GEMINI, is_array=True),
    Good("an answer in JSON that calls itself a stream", b'{"choices":[{"message":{"content":"a"}}]}', Dialect.OPENAI_CHAT),
    Good("a long one", f'{{"choices":[{{"message":{{"content":"{_LONG}"}}}}]}}'.encode(), Dialect.OPENAI_CHAT),
    Good("speech", _sse(*[_block("speech.audio.delta", ',"audio":"AAAA"')] * 12, _block("speech.audio.done", ',"usage":{}'))),
    Good("speech in long events", _sse(_block("speech.audio.delta", f',"audio":"{_LONG}"'))),
    Good("transcription", _sse(_block("transcript.text.delta", ',"delta":"error"'), _block("transcript.text.done", ',"text":"error"'))),
    Good("images", _sse(_block("image_generation.partial_image", ',"b64_json":"AA"'), _block("image_generation.completed", ',"b64_json":"AA"'))),
    Good("a tool's error over MCP", _sse('event: message\ndata: {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}')),
    Good("Cohere", _sse(_block("message-start", ',"delta":{}'), _block("content-delta", ',"delta":{}'),
                        _block("message-end", ',"delta":{"finish_reason":"COMPLETE"}'))),
    Good("DashScope's own", _sse('id:1\nevent:result\n:HTTP_STATUS/200\ndata:{"output":{"text":"429 Throttling"}}')),
    Good("an assistant's run", _sse('event: thread.run.created\ndata: {"object":"thread.run","last_error":null}',
                                    'event: thread.run.completed\ndata: {"object":"thread.run"}', "event: done\ndata: [DONE]")),
)  # fmt: skip
