"""What a check has found."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Finding(NamedTuple):
    """One fault.

    Attributes:
        rule: A short name of what is wanted, such as "seeding" or "reset_mask".
        text: What was seen instead.
    """

    rule: str
    text: str


class VectorEnvError(AssertionError):
    """A vector environment does not keep to Gymnasium's contract.

    Attributes:
        findings: All faults that were found, in the order of the check.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        lines = [f"  {each.rule}: {each.text}" for each in findings]
        super().__init__("\n".join([f"{len(lines)} fault(s) found:", *lines]))


class Report:
    """Findings and remarks, as the check goes on.

    Attributes:
        findings: Faults; of each rule only the first, for the others mostly follow from it.
        remarks: What is allowed and yet worth knowing.
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.remarks: list[str] = []

    def wants(self, holds: object, rule: str, text: str) -> bool:
        """Whether a rule holds; note a finding if it does not."""
        if not holds and not self.has(rule):
            self.findings.append(Finding(rule, text))
        return bool(holds)

    def needs(self, holds: object, rule: str, text: str) -> None:
        """End the check if a rule does not hold that all that follows rests on.

        Raises:
            VectorEnvError: With all findings so far.
        """
        if not self.wants(holds, rule, text):
            raise VectorEnvError(self.findings)

    def has(self, *rules: str) -> bool:
        """Whether there is a finding of one of these rules."""
        return any(each.rule in rules for each in self.findings)

    def remark(self, text: str) -> None:
        """Note something that is no fault, once."""
        if text not in self.remarks:
            self.remarks.append(text)


def is_a(value: Any, *kinds: type) -> bool:
    """Isinstance for foreign values, of which nothing else is known."""
    return isinstance(value, kinds)
