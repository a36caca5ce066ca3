"""LiteLLM's SDK, in both dialects."""

import sys

import litellm
from telling import tell

url = sys.argv[1]
ASKED = [{"role": "user", "content": "Good day?"}]


def ask(vendor, base, model, **options):
    return litellm.completion(f"{vendor}/{model}", ASKED, api_base=base, api_key="sk-of-nobody", **options)


def whole(vendor, base, model):
    return ask(vendor, base, model).choices[0].message.content


def streamed(vendor, base, model):
    return "".join(part.choices[0].delta.content or "" for part in ask(vendor, base, model, stream=True))


for vendor, base in (("openai", f"{url}/v1"), ("anthropic", url)):
    for model in ("good", "fail-budget", "fail-context"):
        tell(f"{vendor} {model}", lambda v=vendor, b=base, m=model: whole(v, b, m))
    for model in ("good", "fail-midstream"):
        tell(f"{vendor} {model} streamed", lambda v=vendor, b=base, m=model: streamed(v, b, m))
