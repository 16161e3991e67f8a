"""The formulas that the tests of the batch use for labels, on the data's own labels."""

from tests.conformance import records
from tests.vec.games import label


def test_formulas_give_the_recorded_labels() -> None:
    for record in records("mapping"):
        assert label(record["move"], white=record["side"] == "w") == record["label"], record["id"]
