"""The conversation with a shogi program: who hears what, in which order it is done.

The Universal Shogi Interface: http://shogidokoro.starfree.jp/usi.html.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from keisei.shogi.moves import shown
from keisei.usi.going import Going
from keisei.usi.limits import parse_go
from keisei.usi.options import OptionError, Options
from keisei.usi.output import Output
from keisei.usi.worker import Leave, Worker

if TYPE_CHECKING:
    from keisei.players.opened import PolicyLoader

_LONGEST_LINE = 1 << 20
_QUIT_SECONDS = 2.0
_DONE = 0


class Engine:
    """Reads commands and never waits for what they ask for.

    What takes time goes to a ``Worker`` in the order of the input; ``stop``, ``ponderhit``,
    ``gameover`` and ``quit`` take effect at once on the ``go`` that was heard last. Each ``go`` is
    answered once: a new one stops the one before.

    Args:
        name: For ``id name``.
        options: Their defaults.
        load_policy: Loads a network.
        output: Bytes to the shogi program.
        leave: Ends the process at once.
    """

    def __init__(
        self,
        name: str,
        options: Options,
        load_policy: "PolicyLoader",
        output: BinaryIO,
        leave: Leave,
    ) -> None:
        self._name = name
        self._options = options
        self._say = Output(output, lambda: leave(_DONE)).say
        self._worker = Worker(self._say, load_policy, leave)
        self._going: Going | None = None
        self._commands: dict[str, Callable[[list[str]], None]] = {
            "usi": self._introduce,
            "isready": self._make_ready,
            "setoption": self._set_option,
            "usinewgame": self._stop,
            "position": self._worker.place,
            "go": self._go,
            "stop": self._stop,
            "ponderhit": self._hit,
            "gameover": self._stop,
        }

    def run(self, file: BinaryIO) -> bool:
        """Obey until ``quit`` or the end of the input.

        At the end of the input without ``quit`` what was asked for is answered first, as when
        commands come from a file.

        Returns:
            Whether nothing is left running.
        """
        while line := file.readline(_LONGEST_LINE):
            if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                self._say(f"info string Error: a line is longer than {_LONGEST_LINE} bytes")
                continue
            words = line.decode("utf-8", "replace").split()
            if words[:1] == ["quit"]:
                self._worker.end(at_once=True)
                return self._worker.wait(_QUIT_SECONDS)
            if not words:
                continue
            command = self._commands.get(words[0])
            if command is None:
                self._say(f"info string Error: {shown(words[0])} is no command of USI")
            else:
                command(words[1:])
        self._worker.end(at_once=False)
        return self._worker.wait(None)

    def _introduce(self, _: list[str]) -> None:
        for line in (
            f"id name {self._name}",
            "id author the Keisei authors",
            *self._options.declarations(),
            "usiok",
        ):
            self._say(line)

    def _make_ready(self, _: list[str]) -> None:
        if self._worker.is_thinking:
            self._say("readyok")
        else:
            self._worker.make_ready(self._options)

    def _set_option(self, words: list[str]) -> None:
        if words[:1] != ["name"] or len(words) < 2:
            self._say("info string Error: setoption: name has to follow, and the option's name")
            return
        place = words.index("value") if "value" in words else len(words)
        name, value = " ".join(words[1:place]), " ".join(words[place + 1 :])
        try:
            self._options = self._options.changed(name, value)
        except OptionError as error:
            self._say(f"info string Error: {error}")

    def _go(self, words: list[str]) -> None:
        limits, complaints = parse_go(words)
        for complaint in complaints:
            self._say(f"info string Error: {complaint}")
        self._stop([])
        self._going = Going(limits)
        self._worker.go(self._going, self._options)

    def _stop(self, _: list[str]) -> None:
        if self._going is not None:
            self._going.stop()

    def _hit(self, words: list[str]) -> None:
        if self._going is not None:
            self._going.hit(parse_go(words)[0])
