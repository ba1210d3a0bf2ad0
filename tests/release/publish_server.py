"""Publish handmade candidates, each in a forked process that a test may kill: `publish_server.py HOME`.

Reads release ids from standard input. For each: prints the child's process id, waits for it, prints what it
said or `killed`. Forking pays for the imports once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from handmade import prepared
from shirube.audit.results import read_audit
from shirube.home import Home
from shirube.release import publish


def _serve(home: Home) -> None:
    for line in sys.stdin:
        release_id = line.strip()
        said, say = os.pipe()
        child = os.fork()
        if child == 0:
            status = publish(home, prepared(home, release_id), read_audit(home, release_id)).status
            os.write(say, status.encode())
            os._exit(0)
        os.close(say)
        print(child, flush=True)
        _, code = os.waitpid(child, 0)
        with os.fdopen(said) as answer:
            print(answer.read() if code == 0 else "killed", flush=True)


if __name__ == "__main__":
    _serve(Home.resolve(sys.argv[1]))
