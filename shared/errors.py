"""The two ways in which a step can fail, and how a person's wish is refused.

Vendor errors inherit from the first two, so handlers don't translate. Anything else that a handler raises counts as
temporary: it is tried again until the step's deadline.
"""

from dataclasses import dataclass

from contracts import CustomerText


class TemporaryError(Exception):
    """Worth another try: later the same call may go through.

    `code` is a stable cause such as ``coolify_429``; `retry_after` is the vendor's own wish in seconds.
    """

    def __init__(self, message: str, *, code: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


class PermanentError(Exception):
    """No repetition helps; a person must change something and replay the dead letter.

    The message says what to do. `customer_text` is what the customer reads, a general sentence if not given.
    """

    def __init__(self, message: str, *, code: str, customer_text: CustomerText | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.customer_text = customer_text


class StepVoidError(Exception):
    """This try of the step may not act any more: the lease is lost, or the project was cancelled.

    Raised by the kernel inside a handler; a handler lets it pass.
    """


class RefusedError(Exception):
    """What somebody asked for can't be done as things are; nothing was changed. The message says why and what to do.

    For whoever says it in another language: `code` is a stable cause, empty where nobody needs one, `facts` are what
    the message names.
    """

    def __init__(self, message: str, *, code: str = "", **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.facts = facts


class UnknownError(RefusedError):
    """What somebody named is not there."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with a field: its path with dots, and a sentence with the value and what is expected."""

    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


class WrongFieldsError(RefusedError):
    """Fields of what was asked for cannot be taken; `where` they stood: body or query."""

    def __init__(self, *problems: FieldProblem, where: str = "body") -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        self.where = where
