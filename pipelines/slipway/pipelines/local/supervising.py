"""The supervisor's process, started by `slipway local up` below the guardian: `supervising.py ROOT …`."""

import argparse
import os
import sys
import time
from pathlib import Path

from slipway.pipelines.local import layer
from slipway.pipelines.local.choosing import Request, components, ports_of, remembered
from slipway.pipelines.local.place import CONTEXT, STACKS_CONTEXT, Place
from slipway.pipelines.local.standing import Standing
from slipway.pipelines.local.supervisor import Supervisor, given_to
from slipway.platform.settings import load


def main(words: list[str]) -> int:
    """Look at what was founded, tell commands where servers will be, and keep all of it running."""
    asked = arguments(words)
    given_to([*asked.hold, asked.lock])
    place = Place(Path(asked.root), os.environ)
    request = Request(only=asked.only, agents=asked.agents)
    layer.remove(place)
    loaded = load(place.root, {**os.environ, CONTEXT: STACKS_CONTEXT})
    founded = remembered(place)
    standing = Standing(
        supervisor=os.getpid(),
        by=asked.by,
        since=time.time(),
        detached=asked.detached,
        only=tuple(request.only),
        agents=request.agents,
    )
    with ports_of(place).holding() as ports:
        chosen = components(place, loaded, ports, request, founded)
        layer.write(place, chosen, founded.settings)
        return Supervisor(place, chosen, standing, holds=asked.hold).run()


def arguments(words: list[str]) -> argparse.Namespace:
    """What `up` and the guardian say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--agents", type=int, required=True)
    parser.add_argument("--by", required=True)
    parser.add_argument("--detached", action="store_true")
    parser.add_argument("--lock", type=int, required=True)
    parser.add_argument("--hold", type=int, action="append", default=[])
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
