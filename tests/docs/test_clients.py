"""The programs of docs/clients.md run as they stand, and print what they say."""

from __future__ import annotations

import re
import shutil
import sys

import pytest

from proxy.model import Action
from tests.apps.at_hand import node_with, python_with
from tests.docs.markdown import fences, page, quoted, section, table

CLIENTS = page("docs/clients.md")


def program(heading: str, language: str) -> tuple[str, str]:
    """The program below a heading, and what it says that it prints."""
    [text] = fences(section(CLIENTS, f"## {heading}"), language)
    found = re.search(r"^(?:#|//) prints (.*)\n\Z", text, re.MULTILINE)
    assert found
    return text, found[1]


@pytest.mark.parametrize("heading", ["openai-python", "anthropic"])
def test_the_official_clients(heading, run):
    text, said = program(heading, "python")
    assert run([sys.executable, "-"], text).strip() == said


def test_langchain(run):
    text, said = program("LangChain", "python")
    assert run([python_with("langchain_openai"), "-"], text).strip() == said


@pytest.mark.skipif(shutil.which("node") is None, reason="no node at hand")
def test_fetch(run):
    text, said = program("fetch", "js")
    assert run(["node", "--input-type=module"], text).strip() == said


def test_the_vercel_ai_sdk(run):
    text, said = program("Vercel AI SDK", "js")
    assert run(["node", "--input-type=module"], text, cwd=node_with("@ai-sdk/openai")).strip() == said


def test_every_action_has_its_line():
    assert [quoted(row[0])[0] for row in table(CLIENTS, "session action")] == [*Action]
