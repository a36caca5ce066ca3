"""From a file, the environment and the command line to a configuration, or to every problem at once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import (
    Config,
    ConfigError,
    History,
    Mode,
    Overrides,
    changed_needs_restart,
    file_of,
    fingerprint,
    from_values,
    load,
    reloaded,
    warnings,
)

UPSTREAM = "upstreams: [{url: https://api.openai.com}]\n"
SHA = hashlib.sha256(b"key").hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "proxy.yaml"


def loaded(file: Path, text: str, env: dict[str, str] | None = None, **overrides: object) -> Config:
    file.write_text(text, "utf-8")
    return load(file, env=env or {}, overrides=Overrides(**overrides))  # type: ignore[arg-type]


def problems(file: Path, text: str, env: dict[str, str] | None = None, **overrides: object) -> list[str]:
    """The problems, with the file's name cut down to `F`."""
    with pytest.raises(ConfigError) as caught:
        loaded(file, text, env, **overrides)
    return [problem.replace(str(file), "F") for problem in caught.value.problems]


def test_an_upstream_on_the_command_line_needs_no_file() -> None:
    config = load(None, env={}, overrides=Overrides(upstream="https://api.openai.com/"))
    (upstream,) = config.upstreams
    assert (upstream.name, upstream.url, upstream.host) == (
        "api.openai.com",
        "https://api.openai.com",
        "api.openai.com",
    )
    assert config == from_values({"upstreams": [{"url": "https://api.openai.com"}]})


def test_values_are_read_with_their_units(file: Path) -> None:
    config = loaded(
        file,
        """
listen: "[::1]:9000"
timeouts: {connect: 250ms, total: 1m30s, first_byte: 2}
limits: {replay_bytes: 64KiB, held_bytes: 1GB, inflight: "7"}
retry: {deadline: 8s, budget: 0}
history: off
gate: on
upstreams: [{url: http://a, name: 007, compat: {budget_status: 402, error_in_200: status}}]
""",
    )
    assert (config.listen.host, config.listen.port) == ("::1", 9000)
    assert (config.timeouts.connect, config.timeouts.total, config.timeouts.first_byte) == (0.25, 90.0, 2.0)
    assert (config.limits.replay_bytes, config.limits.held_bytes, config.limits.inflight) == (65536, 10**9, 7)
    assert (config.retry.deadline, config.retry.budget) == (8.0, 0.0)
    assert config.history is History.OFF
    assert config.gate is True
    assert config.upstreams[0].name == "007"
    assert config.upstreams[0].compat.budget_status == 402
    assert config.upstreams[0].compat.error_in_200 == "status"


def test_an_upstream_inherits_the_global_sections_key_by_key(file: Path) -> None:
    config = loaded(
        file,
        """
mode: observe
timeouts: {connect: 1s, head: 2s}
stream: {hold: 3s}
retry: {max: 1, deadline: 4s}
history: heal
gate: on
upstreams:
  - url: https://a
  - url: https://b
    mode: act
    timeouts: {connect: 9s}
    stream: {end: eof}
    retry: {deadline: auto}
    history: off
    gate: off
""",
    )
    a, b = config.upstreams
    assert a.timeouts == config.timeouts
    assert a.retry == config.retry
    assert (a.mode, a.history, a.gate, a.stream.hold, a.stream.end) == (
        Mode.OBSERVE,
        History.HEAL,
        True,
        3.0,
        "protocol",
    )
    assert (b.timeouts.connect, b.timeouts.head, b.timeouts.upload_idle) == (9.0, 2.0, 60.0)
    assert (b.mode, b.history, b.gate, b.stream.hold, b.stream.end) == (Mode.ACT, History.OFF, False, 3.0, "eof")
    assert (b.retry.max, b.retry.deadline) == (1, None)


def test_the_command_line_outranks_the_environment_which_outranks_the_file(file: Path) -> None:
    text = "listen: 127.0.0.1:1\nadmin: 127.0.0.1:2\n" + UPSTREAM
    env = {"LLM_TRIAGE_LISTEN": "127.0.0.1:3", "LLM_TRIAGE_ADMIN": "127.0.0.1:4", "LLM_TRIAGE_UPSTREAM": "http://env"}
    config = loaded(file, text, env, admin="127.0.0.1:5")
    assert (config.listen.port, config.admin.port) == (3, 5)
    assert [u.url for u in config.upstreams] == ["http://env"]
    assert [u.url for u in loaded(file, text, env, upstream="http://option").upstreams] == ["http://option"]


def test_observe_on_the_command_line_holds_for_upstreams_that_would_act(file: Path) -> None:
    config = loaded(file, "upstreams: [{url: http://a, mode: act}, {url: http://b, prefix: /b}]", observe=True)
    assert config.mode is Mode.OBSERVE
    assert {u.mode for u in config.upstreams} == {Mode.OBSERVE}


def test_the_file_may_be_named_by_the_environment(file: Path) -> None:
    file.write_text(UPSTREAM)
    env = {"LLM_TRIAGE_CONFIG": str(file)}
    assert file_of(None, env) == file
    assert file_of(Path("other"), env) == Path("other")
    assert file_of(None, {"LLM_TRIAGE_CONFIG": ""}) is None
    assert load(None, env=env).upstreams[0].url == "https://api.openai.com"


def test_a_key_without_value_is_the_default_of_what_holds_several(file: Path) -> None:
    assert loaded(file, UPSTREAM + "retry:\nclients:\nrules:\nlog:\n") == loaded(file, UPSTREAM)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("client: 1", 'F:2: client: unknown key, did you mean "clients"?'),
        ("upstream: []", 'F:2: upstream: unknown key, did you mean "upstreams"?'),
        ("lame-duck: 1s", 'F:2: lame-duck: unknown key, did you mean "lame_duck"?'),
        ("retry: {deadlin: 1s}", 'F:2: retry.deadlin: unknown key, did you mean "deadline"?'),
        ("outage: {x: 1}", "F:2: outage.x: unknown key, known here: threshold, clear"),
        ("outage: {threshold: 0}", 'F:2: outage.threshold: expected a whole number of at least 1, found "0"'),
        ("workers: 0", 'F:2: workers: expected a whole number from 1 to 256, found "0"'),
        ("workers: 1.5", 'F:2: workers: expected a whole number from 1 to 256, found "1.5"'),
        ("workers: [1]", "F:2: workers: expected one value, not a list or mapping"),
        ("workers:", "F:2: workers: is empty: give it a value, or leave the key out"),
        ("drain: soon", 'F:2: drain: expected a duration such as 250ms, 5s, 1m30s or 24h, found "soon"'),
        ("drain: -1s", 'F:2: drain: expected a duration such as 250ms, 5s, 1m30s or 24h, found "-1s"'),
        ("limits: {head_bytes: big}", 'F:2: limits.head_bytes: expected a size such as 65536, 64KiB or 8MiB, found "big"'),
        ("mode: watch", 'F:2: mode: expected one of act, observe, found "watch"'),
        ("history: on", 'F:2: history: expected one of off, hint, heal, found "on"'),
        ("gate: maybe", 'F:2: gate: expected true or false, found "maybe"'),
        ("forward_client: 2", 'F:2: forward_client: expected true or false, found "2"'),
        ("retry: {budget: 20%}", 'F:2: retry.budget: expected a number from 0 to 1 such as 0.2, found "20%"'),
        ("retry: {budget: 1.1}", 'F:2: retry.budget: expected a number from 0 to 1 such as 0.2, found "1.1"'),
        ("retry: 5", "F:2: retry: expected a mapping of keys to values"),
        ("cors: https://a", "F:2: cors: expected a list"),
        ("cors: [nowhere]", 'F:2: cors[0]: expected * or an origin such as https://app.example.com, found "nowhere"'),
        ('admin_hosts: ["a:80"]', 'F:2: admin_hosts[0]: expected a host name without scheme and port such as triage.internal, found "a:80"'),
        ("log: {level: loud}", 'F:2: log.level: expected one of debug, info, warning, error, found "loud"'),
        ("store: mysql://u:pw@h", "F:2: store: expected memory://, redis://HOST:PORT/N or rediss://HOST:PORT/N"),
        ("stream: {end: eof}", "F:2: stream.end: unknown key, known here: peek_bytes, hold, idle_timeout, heartbeat"),
        ("listen: 8080", 'F:2: listen: expected HOST:PORT such as 127.0.0.1:8080, [::1]:8080 or :8080 for every address, found "8080"'),
        ("rules: [nowhere.yaml]", "F:2: rules[0]: there is no such file"),
        ("clients: [{name: web, sha256: sk-plain}]", "F:2: clients[0].sha256: expected the SHA-256 of the key, 64 hexadecimal digits: printf %s KEY | sha256sum"),
        ("clients: [{name: web}]", "F:2: clients[0].sha256: is missing"),
        ("clients: [web]", "F:2: clients[0]: expected a mapping of keys to values"),
        ("drain: 1s\ndrain: 2s", "F:3: drain: stands here a second time, first in line 2"),
        ("retry:\n  max: 1\n  base: 1s\n  max: 2", "F:5: retry.max: stands here a second time, first in line 3"),
        ("drain: ${NOPE}", "F:2: drain: environment variable NOPE is not set: set it, or write ${NOPE:-default}"),
        ("drain: ${}", "F:2: drain: a variable is written ${VAR} or ${VAR:-default}"),
        ("drain: ${NOPE-1s}", "F:2: drain: a variable is written ${VAR} or ${VAR:-default}"),
        ("a b c: 1", "F:2: (…): unknown key, known here: "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(file: Path, text: str, expected: str) -> None:
    (problem,) = problems(file, UPSTREAM + text)
    assert problem == expected or (expected.endswith(": ") and problem.startswith(expected))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("{}", "F:1: upstreams[0].url: is missing"),
        ("{url: ftp://x}", "F:1: upstreams[0].url: expected http:// or https:// with a host such as https://api.openai.com"),
        ("{url: https://u:hunter2@x}", "F:1: upstreams[0].url: must not hold a user or password: set credential instead"),
        ("{url: https://x, name: a b}", "F:1: upstreams[0].name: expected 1 to 64 letters, digits, and . _ : - after the first"),
        ("{url: https://x, prefix: v1}", 'F:1: upstreams[0].prefix: expected a path that starts with / such as /anthropic, found "v1"'),
        ("{url: https://x, credential: ''}", "F:1: upstreams[0].credential: is empty: set it, or leave the key out to pass on the client's own"),
        ("{url: https://x, credential: }", "F:1: upstreams[0].credential: is empty: give it a value, or leave the key out"),
        ("{url: https://x, credential: '${EMPTY}'}", "F:1: upstreams[0].credential: is empty: set it, or leave the key out to pass on the client's own"),
        ("{url: https://x, credential: '${EMPTY:-}'}", "F:1: upstreams[0].credential: is empty: set it, or leave the key out to pass on the client's own"),
        ("{url: https://x, credential: '${UNSET}'}", "F:1: upstreams[0].credential: environment variable UNSET is not set: set it, or write ${UNSET:-default}"),
        ("{url: https://x, credential_file: nowhere}", "F:1: upstreams[0].credential_file: the file cannot be read"),
        ("{url: https://x, ca: nowhere}", "F:1: upstreams[0].ca: expected a readable file of PEM certificates"),
        ("{url: https://x, allow: }", "F:1: upstreams[0].allow: is empty: give it a value, or leave the key out"),
        ("{url: https://x, allow: [/v1]}", 'F:1: upstreams[0].allow[0]: expected METHOD /path such as POST /v1/messages or GET /v1/files/**, found "/v1"'),
        ("{url: https://x, headers: {Host: y}}", "F:1: upstreams[0].headers.Host: expected header names; not the hop's own"),
        ("{url: https://x, proxy: socks5://h}", "F:1: upstreams[0].proxy: expected http://HOST:PORT or https://HOST:PORT of a forward proxy"),
        ("{url: https://x, timeout: 1s}", 'F:1: upstreams[0].timeout: unknown key, did you mean "timeouts"?'),
        ("{url: https://x, compat: {budget_status: 200}}", 'F:1: upstreams[0].compat.budget_status: expected off or a status from 400 to 599 such as 402, found "200"'),
        ("{url: https://x, retry: {base: 64s}}", "F:1: upstreams[0].retry.cap: must not be below retry.base"),
        ("api.openai.com", "F:1: upstreams[0]: expected a mapping of keys to values"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_upstream_is_told(file: Path, keys: str, expected: str) -> None:
    (problem,) = problems(file, f"upstreams: [{keys}]", {"EMPTY": ""})
    assert problem.startswith(expected)


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(file: Path) -> None:
    text = """\
workers: two
retry: {max: -1, bugdet: 1}
upstreams:
  - name: a
    url: nowhere
  - name: a
    url: https://b
    prefix: /p
    credential: ${UNSET}
  - name: c
    url: https://c
    prefix: /p/
    allow: [GET]
clients: [{name: web, sha256: x}, {name: web}]
workers: 3
"""
    assert [tuple(problem.split(": ", 2)[:2]) for problem in problems(file, text)] == [
        ("F:1", "workers"),
        ("F:2", "retry.bugdet"),
        ("F:2", "retry.max"),
        ("F:5", "upstreams[0].url"),
        ("F:6", "upstreams[1].name"),
        ("F:9", "upstreams[1].credential"),
        ("F:12", "upstreams[2].prefix"),
        ("F:13", "upstreams[2].allow[0]"),
        ("F:14", "clients[0].sha256"),
        ("F:14", "clients[1].sha256"),
        ("F:14", "clients[1].name"),
        ("F:15", "workers"),
    ]


def test_a_mistake_in_a_global_section_is_told_once_and_not_for_each_upstream(file: Path) -> None:
    text = "upstreams: [{url: https://a}, {url: https://b, prefix: /b, retry: {max: 1}}]\nretry: {base: 64s, cap: 1x}"
    assert problems(file, text) == [
        'F:2: retry.cap: expected a duration such as 250ms, 5s, 1m30s or 24h, found "1x"',
    ]


def test_no_upstream_at_all_is_a_mistake(file: Path) -> None:
    expected = "upstreams: needs at least one, as - url: https://… here or as --upstream URL"
    assert problems(file, "") == [f"F:1: {expected}"]
    assert problems(file, "drain: 1s\nupstreams: []") == [f"F:2: {expected}"]
    assert problems(file, "drain: 1s") == [f"F:1: {expected}"]
    with pytest.raises(ConfigError) as caught:
        load(None, env={})
    assert caught.value.problems == (f"llm-triage: {expected}",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n- b", "F:1: expected a mapping of keys to values"),
        ("just words", "F:1: expected a mapping of keys to values"),
        ("a: 1\n b: 2", "F:2: is not YAML: "),
        ("a: [1\n", "F:2: is not YAML: "),
        ("credential: *sk-secret", "F:1: is not YAML: "),
        ("a: \x00", "F:1: is not YAML: "),
        ("a: " + "[" * 5000 + "]" * 5000, "F:1: is "),
    ],
)
def test_what_is_no_yaml_mapping_is_told_without_its_text(file: Path, text: str, expected: str) -> None:
    (problem,) = problems(file, text)
    assert problem.startswith(expected)
    assert "secret" not in problem


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            load(path, env={})
        assert caught.value.problems == (f"{path}:1: cannot be read: {why}",)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: caf\xe9")
    with pytest.raises(ConfigError, match="cannot be read: it is not UTF-8"):
        load(latin, env={})


def test_a_wrong_option_is_told_by_its_name(file: Path) -> None:
    assert problems(file, UPSTREAM, {"LLM_TRIAGE_ADMIN": "x"}, listen="y") == [
        "--listen: listen: expected HOST:PORT such as 127.0.0.1:8080, [::1]:8080 or :8080 for every address",
        "LLM_TRIAGE_ADMIN: admin: expected HOST:PORT such as 127.0.0.1:8080, [::1]:8080 or :8080 for every address",
    ]
    (problem,) = problems(file, UPSTREAM, upstream="nowhere")
    assert problem.startswith("--upstream: upstreams[0].url: expected http://")


SECRET = "sk-SECRET"


@pytest.mark.parametrize(
    "text",
    [
        f'upstreams: [{{url: https://a, credential: "{SECRET}\\n{SECRET}"}}]',
        f"upstreams: [{{url: https://a, credential: [{SECRET}]}}]",
        f"upstreams: [{{url: https://a, credential: {SECRET}, credential_file: {SECRET}}}]",
        f"upstreams: [{{url: https://a, credential_file: {SECRET}}}]",
        f"upstreams: [{{url: 'https://u:{SECRET}@a'}}]",
        f"upstreams: [{{url: '{SECRET}'}}]",
        f"upstreams: [{{url: https://a, credential:{SECRET}1}}]",
        f'upstreams: [{{url: https://a, headers: {{x-a: "{SECRET}\\n{SECRET}"}}}}]',
        f"upstreams: [{{url: https://a, proxy: '{SECRET}'}}]",
        f"upstreams: [{{url: https://a, name: '{SECRET} '}}, {{url: https://b, name: '{SECRET}!'}}]",
        f"{UPSTREAM}admin_token: [{SECRET}]",
        f"{UPSTREAM}clients: [{{name: a, sha256: {SECRET}}}]",
        f"{UPSTREAM}store: mysql://{SECRET}",
        f"{UPSTREAM}rules: [{SECRET}]",
        f"{UPSTREAM}drain: ${{KEY}}",
        f"{UPSTREAM}mode: ${{NONE:-{SECRET}}}",
        f"{UPSTREAM}mode: ${{{SECRET}}}",
        f"{UPSTREAM}drain: &{SECRET} [*{SECRET}]",
    ],
)  # fmt: skip
def test_no_problem_repeats_a_secret(file: Path, text: str) -> None:
    found = problems(file, text, {"KEY": SECRET})
    assert found
    assert SECRET not in "\n".join(found)


def test_no_secret_shows_in_a_configuration(file: Path) -> None:
    config = loaded(
        file,
        f"""
admin_token: {SECRET}
store: redis://:{SECRET}@h/0
upstreams:
  - {{url: https://a, credential: {SECRET}, headers: {{x: {SECRET}}}, proxy: "http://u:{SECRET}@h:1", allow: [GET /a]}}
""",
    )
    assert config.upstreams[0].secret() == SECRET
    assert config.admin_token.get_secret_value() == SECRET
    assert SECRET not in f"{config!r} {config} {config.upstreams[0]!r} {list(warnings(config))}"


def test_a_credential_may_come_from_a_file_beside_the_configuration(file: Path) -> None:
    (file.parent / "key").write_text("sk-from-file\n")
    config = loaded(file, "upstreams: [{url: https://a, credential_file: key, allow: []}]")
    assert config.upstreams[0].secret() == "sk-from-file"
    assert config.upstreams[0].credential_file == file.parent / "key"
    (file.parent / "key").write_text("\n")
    assert problems(file, "upstreams: [{url: https://a, credential_file: key}]") == [
        "F:1: upstreams[0].credential_file: the file's content is empty: set it, or leave the key out to pass on the client's own"
    ]
    assert problems(file, "upstreams: [{url: https://a, credential_file: key, credential: x}]") == [
        "F:1: upstreams[0].credential_file: stands beside credential: one of the two"
    ]


def test_rule_files_are_found_from_the_configurations_directory(file: Path) -> None:
    rules = file.parent / "own.yaml"
    rules.write_text("rules: []")
    assert loaded(file, UPSTREAM + "rules: [own.yaml]").rules == (rules,)
    with pytest.raises(ConfigError) as caught:
        loaded(file, UPSTREAM + "rules: [own.yaml]\nworkers: x")
    assert caught.value.rules == (rules,)


def test_allow_bounds_the_calls_of_an_upstream(file: Path) -> None:
    upstream, shut, free = loaded(
        file,
        "upstreams: [{url: http://a, allow: [POST /v1/messages, GET /v1/files/**]}, "
        "{url: http://b, prefix: /b, allow: []}, {url: http://c, prefix: /c}]",
    ).upstreams
    assert upstream.allows("POST", "/v1/messages")
    assert upstream.allows("GET", "/v1/files/a/b")
    assert not upstream.allows("GET", "/v1/messages")
    assert not upstream.allows("GET", "/v1/files/../admin")
    assert not upstream.allows("GET", "/v1/files/%2e%2e/admin")
    assert not shut.allows("POST", "/v1/messages")
    assert free.allows("DELETE", "/v1/../x")


def test_merge_keys_and_aliases_work_as_in_yaml(file: Path) -> None:
    config = loaded(
        file,
        """
timeouts: &slow {connect: 9s, head: 8s}
upstreams:
  - {url: http://a, timeouts: {<<: *slow, head: 1s}}
  - {url: http://b, prefix: /b, timeouts: {<<: [{connect: 7s}, *slow]}}
""",
    )
    a, b = (u.timeouts for u in config.upstreams)
    assert (a.connect, a.head, b.connect, b.head) == (9.0, 1.0, 7.0, 8.0)


def test_the_fingerprint_follows_content_and_not_time(file: Path) -> None:
    rules = file.parent / "own.yaml"
    rules.write_text("rules: []")
    config = loaded(file, UPSTREAM + "rules: [own.yaml]")
    first = fingerprint(file, config)
    file.write_text(file.read_text())
    assert fingerprint(file, config) == first
    rules.write_text("rules: [ ]")
    second = fingerprint(file, config)
    file.write_text(UPSTREAM)
    third = fingerprint(file, config)
    rules.unlink()
    assert len({first, second, third, fingerprint(file, config), fingerprint(None, config)}) == 5


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ("", ()),
        ("drain: 1s", ()),
        ("listen: 127.0.0.1:9", ("listen",)),
        ("store: redis://h\nworkers: 2\nadmin: 127.0.0.1:9", ("admin", "workers", "store")),
    ],
)
def test_what_a_reload_cannot_change_is_named(file: Path, change: str, keys: tuple[str, ...]) -> None:
    assert changed_needs_restart(loaded(file, UPSTREAM), loaded(file, UPSTREAM + change)) == keys


def test_a_reload_leaves_what_needs_a_restart(file: Path) -> None:
    old = loaded(file, UPSTREAM)
    new = loaded(file, UPSTREAM + "listen: 127.0.0.1:9\nworkers: 3\nstore: redis://a\nadmin: 0.0.0.0:7\ndrain: 1s\n")
    kept = reloaded(old, new)
    assert (kept.listen, kept.admin, kept.workers, kept.store) == (old.listen, old.admin, old.workers, old.store)
    assert kept.drain == 1


def test_a_reload_is_held_against_the_address_that_is_still_listened_on(file: Path) -> None:
    clients = f"clients: [{{name: web, sha256: {SHA}}}]\n"
    keyed = "upstreams: [{url: https://api.openai.com, credential: secret-key}]\n"
    old = loaded(file, keyed + clients + "listen: 0.0.0.0:8080\n")
    with pytest.raises(ConfigError) as raised:
        reloaded(old, loaded(file, keyed + "listen: 127.0.0.1:8080\n"))
    (problem,) = raised.value.problems
    assert problem.startswith("upstreams[0].credential: anyone who reaches listen could spend it")
    assert "0.0.0.0:8080" in problem
    assert "secret-key" not in problem


@given(st.text())
def test_any_text_is_a_configuration_or_a_list_of_problems(text: str) -> None:
    try:
        from_values({"upstreams": [{"url": text, "name": text, "prefix": text, "allow": [text], "headers": {text: text}}],
                     "listen": text, "drain": text, text: text})  # fmt: skip
    except ConfigError as error:
        assert error.problems
        assert all(problem.startswith("values:1: ") for problem in error.problems)
