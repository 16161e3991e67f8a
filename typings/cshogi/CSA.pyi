"""The part of cshogi.CSA that tests use."""

class Parser:
    moves: list[int]
    names: list[str]
    win: int
    @staticmethod
    def parse_str(csa_str: str) -> list[Parser]: ...
