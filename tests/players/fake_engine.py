"""A USI engine for the tests: ``fake_engine.py PID_FILE BEHAVIOUR``.

It adds its process id to the file, and plays the alphabetically first legal move unless its
behaviour at ``go`` is another.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cshogi


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(file: Path, text: str) -> None:
    with file.open("a") as lines:
        lines.write(f"{text}\n")


def best_move(board: "cshogi.Board") -> str:
    import cshogi  # noqa: PLC0415 - a slow import, which is not to delay the process id

    return min(cshogi.move_to_usi(move) for move in board.legal_moves)


def answer(behaviour: str, board: "cshogi.Board") -> None:
    match behaviour:
        case "hang" | "close":
            os.closerange(1, 2 if behaviour == "close" else 1)  # standard output, or nothing
            time.sleep(1000)
        case "late":
            time.sleep(0.3)
            say(f"bestmove {best_move(board)}")
        case "flood" | "line":
            end = "\n" if behaviour == "flood" else ""
            while True:
                sys.stdout.write("info string " + 500 * "a" + end)
        case "die":
            sys.exit("out of cheese")
        case "illegal":
            say("bestmove 5i5a")
        case "garbage":
            say("what?\nbestmove")
        case "resign" | "win" | "long" | "twice":
            answers = {"long": 900_000 * "a", "twice": f"{best_move(board)}\nbestmove resign"}
            say(f"bestmove {answers.get(behaviour, behaviour)}")
        case "noisy":
            sys.stderr.write(1_000_000 * "!")
            sys.stderr.flush()
            say(f"bestmove {best_move(board)}")
        case _:
            say(f"info depth 1 pv 7g7f\nbestmove {best_move(board)} ponder 3c3d")


def set_up(board: "cshogi.Board", words: str) -> None:
    start, _, moves = words.partition(" moves ")
    if start == "startpos":
        board.reset()
    else:
        board.set_sfen(start.removeprefix("sfen "))
    for move in moves.split():
        board.push_usi(move)


def serve(pid_file: Path, behaviour: str) -> None:
    import cshogi  # noqa: PLC0415 - as above

    board, games = cshogi.Board(), 0
    for line in sys.stdin:
        match line.split():
            case ["usi"]:
                say("id name Fake\noption name Skill Level type spin default 0\nusiok")
            case ["isready"]:
                note(pid_file.with_name("ready"), str(games))
                say("readyok")
            case ["usinewgame"]:
                games += 1
            case ["position", *words]:
                set_up(board, " ".join(words))
            case ["go", *limit]:
                note(pid_file.with_name("limits"), f"{games} {' '.join(limit)}")
                answer(behaviour, board)
            case ["quit"]:
                return
            case _:
                pass


def main(pid_file: Path, behaviour: str) -> None:
    note(pid_file, str(os.getpid()))
    if behaviour == "mute":
        time.sleep(1000)
    while behaviour == "slow":
        say("info string wait")
        time.sleep(0.05)
    while behaviour == "options":
        say(f"option name {time.monotonic_ns()} type check")
    if behaviour == "orphan":
        # Holds standard error open after the engine's death.
        note(pid_file, str(subprocess.Popen(["sleep", "1000"], stdin=-3, stdout=-3).pid))
        return
    if behaviour == "parent":
        note(pid_file, str(subprocess.Popen(["sleep", "1000"]).pid))
    serve(pid_file, behaviour)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
