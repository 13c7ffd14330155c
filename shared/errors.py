"""The two ways in which a step can fail. Vendor errors inherit from them, so handlers don't translate.

Anything else that a handler raises counts as temporary: it is tried again until the step's deadline.
"""

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
