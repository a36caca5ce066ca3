"""Where the shipped configuration lies: in a checkout beside the package, in an installed copy inside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def config_dir() -> Path:
    """The directory with `proxy.yaml` and `rules/`. The wheel carries it as `proxy/_config`."""
    packaged = _PACKAGE / "_config"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "config"
