#!/bin/sh
# Does what the Dockerfile does, without a container engine: the wheel is installed in a fresh Debian root, and the entry
# point runs there as nobody in particular, with the root read-only. Needs root, debootstrap and a way to Debian and PyPI.
#
#   deploy/debootstrap-check.sh [WHEEL]    the wheel is built when none is given
#
# SUITE (trixie) and MIRROR choose the Debian, PYTHON one that has pip; pip's settings (PIP_INDEX_URL, …) are passed on.
# ROOT keeps the root for another run.
set -eu

SUITE=${SUITE:-trixie}
MIRROR=${MIRROR:-http://deb.debian.org/debian}
HERE=$(cd "$(dirname "$0")/.." && pwd)

[ "$(id -u)" = 0 ] || { echo "needs root, for debootstrap and chroot" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "needs debootstrap: apt-get install debootstrap" >&2; exit 2; }

WORK=$(mktemp -d)
ROOT=${ROOT:-$WORK/root}
SERVER=
finish() {
    [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || true
    umount -l "$ROOT/proc" 2>/dev/null || true
    rm -rf --one-file-system "$WORK"
}
trap finish EXIT
trap 'exit 1' INT TERM

WHEEL=${1:-}
if [ -z "$WHEEL" ]; then
    echo "== the wheel"
    "${PYTHON:-python3}" -m pip wheel --quiet --no-deps --wheel-dir "$WORK/wheel" "$HERE"
    WHEEL=$(echo "$WORK"/wheel/llm_triage-*.whl)
fi

if [ ! -x "$ROOT/usr/bin/python3" ]; then
    echo "== a fresh Debian $SUITE"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$SUITE" "$ROOT" "$MIRROR" >"$WORK/log" ||
        { tail -5 "$WORK/log" >&2; exit 1; }
fi
cp -L /etc/resolv.conf "$ROOT/etc/resolv.conf"
# Where the way out has an authority of its own, this machine knows it, and a fresh Debian does not.
TRUSTED=/etc/ssl/certs/ca-certificates.crt
[ ! -e "$TRUSTED" ] || cp -L "$TRUSTED" "$ROOT$TRUSTED"
export PIP_CERT="$TRUSTED"
mount -t proc proc "$ROOT/proc" 2>/dev/null || echo "   (no /proc in it: mounting is not allowed here)"

echo "== installed beside nothing else"
cp "$WHEEL" "$ROOT/tmp/"
INSIDE="/tmp/$(basename "$WHEEL")[redis,codings]"
rm -rf "$ROOT/opt/llm-triage"
chroot "$ROOT" python3 -m venv /opt/llm-triage
if [ -n "${WHEELHOUSE:-}" ]; then # wheels of the dependencies, for a machine without a way to PyPI
    rm -rf "$ROOT/tmp/wheelhouse"
    cp -r "$WHEELHOUSE" "$ROOT/tmp/wheelhouse"
    chroot "$ROOT" /opt/llm-triage/bin/pip install --quiet --no-index --find-links /tmp/wheelhouse "$INSIDE"
else
    chroot "$ROOT" /opt/llm-triage/bin/pip install --quiet "$INSIDE"
fi

echo "== runs as nobody in particular"
# exec: the process that is told to stop below has to be the program, and not a shell around it.
as_nobody() { exec chroot --userspec=10001:10001 "$ROOT" /usr/bin/env -i PATH=/opt/llm-triage/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 "$@"; }
(as_nobody llm-triage --version)
: >"$WORK/said"
as_nobody LLM_TRIAGE_LISTEN=127.0.0.1:0 LLM_TRIAGE_ADMIN=127.0.0.1:0 \
    llm-triage serve --upstream https://api.openai.com >"$WORK/said" 2>&1 &
SERVER=$!

tries=0
until grep -q "^llm-triage listens on" "$WORK/said"; do
    tries=$((tries + 1))
    [ $tries -lt 40 ] && kill -0 "$SERVER" 2>/dev/null || { cat "$WORK/said" >&2; exit 1; }
    sleep 0.25
done
chroot "$ROOT" python3 - $(sed -n 's/^llm-triage listens on \(.*\), admin on /\1 /p' "$WORK/said") <<'PY'
import sys, urllib.error, urllib.request
data, admin = sys.argv[1:3]
assert urllib.request.urlopen(admin + "/readyz", timeout=5).read() == b"ready\n"
assert b"llm-triage" in urllib.request.urlopen(admin + "/status", timeout=5).read()
try:
    urllib.request.urlopen(urllib.request.Request(data + "/v1/chat/completions", b"{}"), timeout=5)
except urllib.error.HTTPError as refused:
    # No credential: refused by the proxy itself, so that no provider is called.
    assert (refused.code, refused.headers["x-llm-error-class"]) == (401, "auth"), refused.headers
else:
    raise SystemExit("a call without a credential was not refused")
PY

echo "== stops when told"
kill -TERM "$SERVER"
wait "$SERVER" && code=0 || code=$?
SERVER=
[ "$code" = 0 ] || { echo "it ended with $code" >&2; cat "$WORK/said" >&2; exit 1; }
cat "$WORK/said"
echo "good"
