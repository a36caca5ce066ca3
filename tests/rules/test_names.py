"""Providers, gateways and local servers are known by the names that people call them."""

from __future__ import annotations

import pytest

from proxy.classifier import builtin

NAMES = """
    OpenAI, Anthropic, Azure OpenAI, Bedrock, Vertex AI, Gemini, Mistral, Groq, DeepSeek, Moonshot, Qwen, Zhipu, MiniMax, OpenRouter
    Cohere, Together, Fireworks, xAI, Perplexity, Cerebras, SambaNova, NVIDIA, Hugging Face, HuggingFace Router, Replicate, DeepInfra
    Novita, AI21, Cloudflare Workers AI, Cloudflare AI Gateway, Vercel AI Gateway, GitHub Models, GitHub Copilot, ChatGPT, ChatGPT plan
    Baidu, Volcengine, Tencent, SiliconFlow, StepFun, iFlytek, Upstage, vLLM, SGLang, TGI, LM Studio, llama.cpp, Ollama, LocalAI
    Triton, LiteLLM, New API, Portkey, Kong, APISIX, Envoy, Envoy AI Gateway, CDN, CloudFront, Fastly, Akamai, nginx
"""


@pytest.mark.parametrize("name", [name.strip() for name in NAMES.replace("\n", ",").split(",") if name.strip()])
def test_a_name_is_known_however_it_is_spelled(name: str) -> None:
    rules = builtin()
    found = {rules.provider(spelled) for spelled in (name, name.lower(), name.lower().replace(" ", "-"))}
    assert None not in found
    assert len(found) == 1


def test_a_provider_has_rules_of_its_own() -> None:
    """A head alone says who it is and nothing of what its failures mean."""
    rules = builtin()
    assert set(rules.providers) - {rule.provider for rule in rules.rules} == set()
