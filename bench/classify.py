"""How good, how general and how fast the classifier is: `make bench-classify`.

Accuracy on the corpus beside the checkout where there is one, else on the rules' own cases; generalisation by leaving out each
provider's own rule file in turn; speed beside a bare `json.loads` of the same bodies, so that the ratio means something anywhere.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from proxy.classifier import Rules, classify, load_rules
from proxy.classifier.api import answer_of
from proxy.classifier.files.load import builtin_files
from proxy.classifier.hygiene.cases import read_cases
from proxy.model import Answer, Class, Confidence

_ROOT: Final = Path(__file__).resolve().parent.parent
CORPUS: Final = _ROOT.parent / "shared" / "corpus" / "answers.jsonl"
_MONEY: Final = {Class.BUDGET_EXHAUSTED.value}
_THROUGHPUT: Final = {Class.RATE_LIMITED.value, Class.OVERLOADED.value}
_ROUNDS: Final = 40
_PROCESSES: Final = 9


@dataclass(frozen=True, slots=True)
class Labelled:
    """An answer with its label."""

    answer: Answer
    cls: str
    accept: tuple[str, ...]
    wait_s: float | None

    def is_right(self, got: str) -> bool:
        return got == self.cls or got in self.accept


def labelled() -> tuple[str, list[Labelled]]:
    if CORPUS.is_file():
        rows = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
        return "corpus", [
            Labelled(answer_of(row), row["class"], tuple(row["accept"]), row["retry_after_s"]) for row in rows
        ]
    return "the rules' own cases", [
        Labelled(case.answer, case.expect["class"], (), case.expect.get("wait")) for case in read_cases()
    ]


def judged(rows: Iterable[Labelled], rules: Rules) -> list[tuple[Labelled, str, Confidence | None, float | None]]:
    told = []
    for row in rows:
        verdict = classify(row.answer, rules)
        wait = verdict.wait.seconds if verdict and verdict.wait else None
        told.append((row, verdict.cls.value if verdict else "ok", verdict.confidence if verdict else None, wait))
    return told


def accuracy(name: str, rows: Sequence[Labelled], rules: Rules) -> None:
    told = judged(rows, rules)
    right = sum(row.is_right(got) for row, got, _, _ in told)
    mixed = sum(
        not row.is_right(got)
        and ((row.cls in _MONEY and got in _THROUGHPUT) or (row.cls in _THROUGHPUT and got in _MONEY))
        for row, got, _, _ in told
    )
    print(
        f"\naccuracy on {name}: {right} of {len(rows)} right, {percent(right, len(rows))}; money and throughput mixed: {mixed}"
    )
    for confidence in Confidence:
        mine = [row.is_right(got) for row, got, said, _ in told if said is confidence]
        print(f"  confidence {confidence:7} {sum(mine):5} of {len(mine):5} right, {percent(sum(mine), len(mine))}")
    waits = [(stated, got) for row, _, _, got in told if (stated := row.wait_s) is not None]
    read = sum(got is not None and abs(got - stated) <= 1 for stated, got in waits)
    print(f"  stated waits   {read:5} of {len(waits):5} read within 1 s")


def leave_one_out(rows: Sequence[Labelled], rules: Rules) -> None:
    """Each provider's answers judged without its own rule file, and without its name."""
    files = builtin_files()
    by_file: dict[str, list[Labelled]] = {}
    for row in rows:
        provider = rules.provider(row.answer.provider)
        own = next((rule.file for rule in rules.rules if provider and rule.provider == provider.name), "")
        by_file.setdefault(own, []).append(row)
    print("\nleaving out each provider's own rule file (and its name)")
    total = right = 0
    for own, mine in sorted(by_file.items()):
        without = load_rules(files=[path for path in files if str(path) != own])
        blind = [replace(row, answer=replace(row.answer, provider="")) for row in mine]
        good = sum(row.is_right(got) for row, got, _, _ in judged(blind, without))
        total, right = total + len(mine), right + good
        print(f"  {Path(own).stem if own else '(no file)':16} {good:4} of {len(mine):4}  {percent(good, len(mine))}")
    print(f"  {'together':16} {right:4} of {total:4}  {percent(right, total)}")


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def fastest(call: Callable[[], object], times: int) -> float:
    """Seconds a call, of the best of many short rounds: other load on the machine only ever adds, and leaves some of them alone."""
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        for _ in range(times):
            call()
        best = min(best, (time.perf_counter() - start) / times)
    return best


def _typical() -> bytes:
    message = (
        "Rate limit reached for gpt-4o in organization org-XXXX on tokens per min (TPM): Limit 30000, Used 29937, Requested 385. "
        "Please try again in 644ms. Visit https://platform.openai.com/account/rate-limits to learn more."
    )
    return json.dumps(
        {"error": {"message": message, "type": "tokens", "param": None, "code": "rate_limit_exceeded"}}
    ).encode()


def _of_size(size: int) -> bytes:
    words = (
        "The quota limit of your account has been exceeded, the model was not found, please try again in 7 seconds. "
    )
    return json.dumps(
        {"error": {"message": (words * (size // len(words) + 1))[:size], "type": "server_error"}}
    ).encode()


def speed(rules: Rules) -> None:
    bodies = [
        ("typical rate limit", 429, _typical(), 50),
        (
            "typical model error",
            404,
            b'{"error":{"message":"The model `gpt-4o` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}',
            50,
        ),
        ("16 KB of prose", 500, _of_size(16 * 1024), 8),
        ("64 KB of prose", 500, _of_size(64 * 1024), 4),
        ("256 KB of prose", 500, _of_size(256 * 1024), 2),
        ("64 KB of brackets", 500, b"[" * 64 * 1024, 3),
        ("64 KB of HTML", 502, b"<html><body>" + b"<p>hello</p>" * 5460, 3),
        (
            "64 KB of events",
            500,
            (b'data: {"choices":[{"delta":{"content":"hello there"}}]}\n\n' * 1200)[: 64 * 1024],
            3,
        ),
    ]
    print("\nspeed                     bytes    classify   json.loads   ratio")
    for name, status, body, times in bodies:
        answer = Answer(status=status, headers=(("content-type", "application/json"),), body=body, provider="openai")
        took = fastest(lambda answer=answer: classify(answer, rules), times)  # type: ignore[misc]
        try:
            bare = fastest(lambda body=body: json.loads(body), times)  # type: ignore[misc]
        except (ValueError, RecursionError):
            bare = 0.0
        ratio = f"{took / bare:7.1f}" if bare else "      -"
        print(f"  {name:20} {len(body):9} {took * 1e6:8.1f} us {bare * 1e6:9.1f} us {ratio}")
    again, first = fastest(load_rules, 1) * 1e3, sorted(_first_load_ms() for _ in range(_PROCESSES))
    print(
        f"  all {len(rules.rules)} rules load in {again:.1f} ms; in a fresh process, which has to read all code and files:",
        end=" ",
    )
    print(f"{first[0]:.1f} ms at best, {first[len(first) // 2]:.1f} in the middle of {len(first)}")


def _first_load_ms() -> float:
    """Milliseconds that a fresh process takes to load the rules, imports aside."""
    program = (
        "import time; from proxy.classifier import load_rules; start = time.perf_counter(); load_rules();"
        "print((time.perf_counter() - start) * 1e3)"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=True)
    return float(told.stdout)


def main() -> None:
    rules = load_rules()
    name, rows = labelled()
    accuracy(name, rows, rules)
    if name == "corpus":
        accuracy(
            "the rules' own cases",
            [Labelled(case.answer, case.expect["class"], (), case.expect.get("wait")) for case in read_cases()],
            rules,
        )
    print("tried without any provider's name:", end=" ")
    blind = Counter(
        row.is_right(got)
        for row, got, _, _ in judged([replace(row, answer=replace(row.answer, provider="")) for row in rows], rules)
    )
    print(percent(blind[True], len(rows)))
    leave_one_out(rows, rules)
    speed(rules)


if __name__ == "__main__":
    main()
