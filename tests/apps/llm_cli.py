"""simonw's llm, as a person calls it: `python -m llm -m MODEL PROMPT`, with a model of one's own in its directory."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

url = sys.argv[1]
MODELS = ("good", "fail-budget", "fail-context", "fail-midstream")

with tempfile.TemporaryDirectory() as place:
    known = [
        {"model_id": name, "model_name": name, "api_base": f"{url}/v1", "api_key_name": "nobody"} for name in MODELS
    ]
    (Path(place) / "extra-openai-models.yaml").write_text(json.dumps(known))
    (Path(place) / "keys.json").write_text('{"nobody": "sk-of-nobody"}')
    for name, streams in [(name, False) for name in MODELS[:3]] + [(name, True) for name in (MODELS[0], MODELS[3])]:
        asked = [sys.executable, "-m", "llm", "-m", name, *([] if streams else ["--no-stream"]), "Good day?"]
        done = subprocess.run(
            asked, env=os.environ | {"LLM_USER_PATH": place}, capture_output=True, text=True, check=False
        )
        failed = done.returncode != 0
        print(
            json.dumps(
                {
                    "case": name + (" streamed" if streams else ""),
                    "text": "" if failed else done.stdout.removesuffix("\n"),
                    "error": "Error" if failed else "",
                    "class": "",
                    "message": done.stderr[-400:],
                }
            ),
            flush=True,
        )
