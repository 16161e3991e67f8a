"""Clocks of games, and how a player that plays by one learns what time it has.

A game of a match against the clock carries a ``Clock`` (``Game.clock``). A player that plays by it
reads ``allowance`` before it thinks, measures what it took, charges its side with ``spend``, and
answers ``Forfeit.OUT_OF_TIME`` where that is refused. Players that do not look at clocks just move.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TimeControl:
    """How much time each side of a game has, in milliseconds."""

    main: int = 0
    """For the whole game."""
    increment: int = 0
    """Added before each move, the first one too, as USI has it
    (http://shogidokoro.starfree.jp/usi.html): a side may use what it has left and this."""
    byoyomi: int = 0
    """For each move when the main time is used up."""
    margin: int = 100
    """Overstepped by no more than this, a move still counts: pipes and the system's scheduler take
    time that is not the player's. Nothing is left on the clock then."""


@dataclass(slots=True)
class Clock:
    """The clock of one game; it runs only while a player thinks."""

    control: TimeControl
    left: list[float] = field(init=False)
    """Main time left of Black and White, without what the next move adds."""

    def __post_init__(self) -> None:
        """Give both sides their main time."""
        self.left = [float(self.control.main)] * 2

    def allowance(self, colour: int) -> float:
        """Milliseconds that a side may use for its next move, the margin apart."""
        return self.left[colour] + self.control.increment + self.control.byoyomi

    def spend(self, colour: int, milliseconds: float) -> bool:
        """Charge a side for a move; False when it has overstepped its time and the margin."""
        allowance = self.allowance(colour)
        self.left[colour] = max(0.0, self.left[colour] + self.control.increment - milliseconds)
        return milliseconds <= allowance + self.control.margin

    def usi(self, *, swapped: bool = False) -> str:
        """What follows ``go``, as clients send it: increments, or else the byoyomi.

        Args:
            swapped: For an engine that takes Black's time for White's.
        """
        black, white = map(int, self.left[::-1] if swapped else self.left)
        control = self.control
        added = (
            f"binc {control.increment} winc {control.increment}"
            if control.increment
            else f"byoyomi {control.byoyomi}"
        )
        return f"btime {black} wtime {white} {added}"
