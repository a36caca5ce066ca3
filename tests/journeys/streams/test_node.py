"""The official JavaScript clients, and Vercel's, on streams that are cut: they raise, or have had the whole answer.

npm installs them once into a cache of the user's, named after what is asked for. `read.mjs` says what each client saw.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Final

import pytest

from tests.journeys.streams.cutting import HOWS, STREAMS, Cutting, cutting, near_ends

HERE: Final = Path(__file__).parent / "node"
STREAM_OF: Final = {
    "openai chat": "chat",
    "openai responses": "responses",
    "anthropic": "anthropic",
    "ai chat": "chat",
    "ai responses": "responses",
    "ai anthropic": "anthropic",
}
OUR_WORDS: Final = "The stream ended before the answer was complete."
MEMBERS: Final = ('"class":"network"', '"reason":"truncated_stream"', '"session":"reset"')


@pytest.fixture(scope="module")
def installed() -> Path:
    """Where the clients are; only what is missing is fetched."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not at hand")
    wanted = HERE / "package.json"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llm-triage-tests"
    place = cache / f"node-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]}"
    if not place.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=cache))
        shutil.copy(wanted, fresh)
        npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
        done = subprocess.run(npm, cwd=fresh, capture_output=True, text=True, check=False, timeout=150)
        if done.returncode:
            shutil.rmtree(fresh)
            pytest.skip(f"npm could not install the clients: {done.stderr[-200:]}")
        try:
            fresh.rename(place)
        except OSError:  # another process was quicker
            shutil.rmtree(fresh)
    return place


def read(installed: Path, client: str, urls: list[str]) -> list[Any]:
    """What the client saw at each address."""
    # A module is looked for from where the script lies.
    script = Path(shutil.copy(HERE / "read.mjs", installed / f"read-{os.getpid()}.mjs"))
    try:
        jobs = json.dumps([{"client": client, "url": url} for url in urls])
        node = subprocess.run(["node", script], input=jobs, capture_output=True, text=True, check=True, timeout=80)
    finally:
        script.unlink()
    answers: list[Any] = json.loads(node.stdout)
    return answers


@pytest.mark.timeout(240)  # the first one installs
@pytest.mark.parametrize("client", STREAM_OF)
def test_a_client_raises_or_has_had_the_whole_answer(cut: Cutting, installed: Path, client: str) -> None:
    name = STREAM_OF[client]
    text = STREAMS[name].text
    places = [(len(text), "clean"), *((at, HOWS[at % len(HOWS)]) for at in near_ends(text))]
    whole, *answers = read(installed, client, [cut.url(name, *place) for place in places])
    assert whole["error"] is None
    assert len(whole["told"]) >= 3
    raised = [judge(client, place, answer, whole) for place, answer in zip(places[1:], answers, strict=True)]
    assert any(raised)
    assert not all(raised)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("client", STREAM_OF)
def test_heartbeats_are_nothing_to_a_client(cut: Cutting, installed: Path, client: str) -> None:
    name = STREAM_OF[client]
    place = (name, len(STREAMS[name].text), "slow")
    with cutting(stream={"heartbeat": "20ms"}) as beating:
        with urllib.request.urlopen(beating.url(*place) + "/v1/chat/completions", data=b"{}") as raw:
            assert raw.read().count(b"\n:\n") >= 3
        without, read_on = read(installed, client, [cut.url(*place)]), read(installed, client, [beating.url(*place)])
    assert read_on == without
    assert read_on[0]["error"] is None
    assert len(read_on[0]["told"]) >= 3


def judge(client: str, place: tuple[int, str], answer: Any, whole: Any) -> bool:
    """Whether the client has raised; fails where it has neither raised nor had all."""
    error = answer["error"]
    if error is None:
        # Without the last event's blank line Vercel's client has all of the answer but why it ended, as it has directly.
        is_unfinished = client == "ai anthropic" and place[0] == len(STREAMS["anthropic"].text) - 1
        kept = slice(-1) if is_unfinished else slice(None)
        assert answer["told"][kept] == whole["told"][kept], place
        return False
    assert answer["told"] == whole["told"][: len(answer["told"])], place
    if error["tag"] is not None:
        assert (error["status"], error["tag"]) in {(502, "network"), (502, "provider_error")}, (place, error)
        return True
    assert OUR_WORDS in error["message"], (place, error)
    if not client.startswith("ai "):  # which hands out the members that it knows, and no others
        seen = error["seen"].replace('\\"', '"')
        assert all(member in seen for member in MEMBERS), (place, error)
    return True
