#!/bin/sh
# curl, as a person calls it: -f fails on a status, and a stream that broke does not look whole.
url=$1
ask() { # case, path, body, further options
  name=$1 path=$2 body=$3; shift 3
  out=$(curl -s -S -i -N -X POST "$url$path" -H 'content-type: application/json' -H 'authorization: Bearer sk-of-nobody' -d "$body" "$@" 2>&1)
  class=$(printf '%s' "$out" | tr -d '\r' | sed -n 's/^x-llm-error-class: //p; s/.*"class":"\([a-z_]*\)".*/\1/p' | head -1)
  status=$(printf '%s' "$out" | sed -n '1s/HTTP[^ ]* \([0-9]*\).*/\1/p')
  printf '{"case": "%s", "status": %s, "class": "%s"}\n' "$name" "${status:-0}" "$class"
}
ask "good" /v1/chat/completions '{"model": "good", "messages": []}'
ask "fail-budget" /v1/chat/completions '{"model": "fail-budget", "messages": []}'
ask "fail-context" /v1/messages '{"model": "fail-context", "max_tokens": 9, "messages": []}'
ask "fail-midstream streamed" /v1/chat/completions '{"model": "fail-midstream", "stream": true, "messages": []}'
