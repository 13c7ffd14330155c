"""Dead letters: found, understood, replayed, edited, discarded. What `vrs dlq` and the admin UI call.

A dead step stands twice: as a row of the waiting room (state ``dead``) and as a message in ``<service>.dead``.
`look` reads both and says where they differ; `replay`, `edit` and `discard` take the message from its queue and leave
the step to the kernel, which knows by ``vrs-death`` whether it has been replayed before.
"""
