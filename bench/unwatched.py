"""The proxy as it would be without a look at streams: what watching costs is the difference. Takes the proxy's own arguments.

Nothing in the proxy knows of this: the one function that says which answers are watched is replaced before it starts.
"""

from __future__ import annotations

import sys

from proxy.cli import main
from proxy.way import judge

if __name__ == "__main__":
    vars(judge)["watch_for"] = lambda **_: None
    sys.exit(main(sys.argv[1:]))
