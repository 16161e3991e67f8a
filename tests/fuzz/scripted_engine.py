"""A program that answers the words of USI as a script says: ``scripted_engine.py SCRIPT``.

The script is JSON: what to do at the start, and at each line by its first word, as a list of
[verb, text]. Text is Latin-1, so that it can be any bytes.
"""

import json
import os
import sys
import time
from collections.abc import Sequence

FLOOD_BYTES = 200 << 20


def do(verb: str, text: str) -> None:
    data = text.encode("latin-1")
    match verb:
        case "say":
            os.write(1, data)
        case "complain":
            os.write(2, data)
        case "flood":
            for _ in range(FLOOD_BYTES // (len(data) * 1000 + 1)):
                os.write(1, data * 1000)
        case "wait":
            time.sleep(float(text))
        case "close":
            os.close(int(text))
        case "fork":
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
        case _:
            os._exit(int(text))


def act(reactions: Sequence[Sequence[str]]) -> None:
    for verb, text in reactions:
        do(verb, text)


def main(path: str) -> None:
    with open(path) as file:  # noqa: PTH123 - pathlib would double the time of the start
        script = json.load(file)
    act(script.get("start", ()))
    while line := sys.stdin.readline():
        words = line.split()
        if words[:1] == ["quit"]:
            return
        act(script.get(words[0] if words else "", ()))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError:
        os._exit(1)
