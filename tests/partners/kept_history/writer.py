"""Goes on with a history until its standard input is closed; prints each turn."""

import json
import selectors
import sys
from pathlib import Path

from kept_history import MODEL, Keeper


def main() -> None:
    told = json.loads(sys.argv[1])
    keeper = Keeper(Path(told["folder"]), told["environ"], MODEL)
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        turn = 0
        while not selector.select(0):
            turn += 1
            keeper.turn(f"w{turn}")
            sys.stdout.write(f"{turn}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
