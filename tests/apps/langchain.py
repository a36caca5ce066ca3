"""LangChain's two official models, whole and streamed; their exceptions are the official clients', with the tags."""

import sys

from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from telling import tell

url = sys.argv[1]


def openai(model):
    return ChatOpenAI(model=model, base_url=f"{url}/v1", api_key="sk-of-nobody")


def anthropic(model):
    return ChatAnthropic(model=model, base_url=url, api_key="sk-of-nobody")


for name, of in (("openai", openai), ("anthropic", anthropic)):
    for model in ("good", "fail-budget", "fail-context"):
        tell(f"{name} {model}", lambda of=of, model=model: of(model).invoke("Good day?").text)
    for model in ("good", "fail-midstream"):
        tell(
            f"{name} {model} streamed",
            lambda of=of, model=model: "".join(part.text for part in of(model).stream("Good day?")),
        )
