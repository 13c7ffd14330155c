"""The kernel: how an event is taken, acted upon, completed and said, each in groups of whatever is ready.

1. `intake` claims deliveries into the waiting room, then acks them.
2. `act` runs the handlers, outside any transaction.
3. `commit` writes records and outcomes under the projects' locks; `verdict` is the one place that decides about errors.
4. `say` publishes the outbox and removes what the broker confirmed.

`schedule` takes what is due or has an expired lease; `run` puts it all together.
"""
