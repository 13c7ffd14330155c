"""One call at a time, and an order is finished before the next one is begun."""

import asyncio

import pytest

from services.dns.turns import Turns


async def test_one_at_a_time_and_who_began_first_goes_first() -> None:
    turns, calls, inside = Turns(), [], 0

    async def order(name: str) -> None:
        nonlocal inside
        for call in range(3):
            async with turns.turn():
                inside += 1
                assert inside == 1
                calls.append(f"{name}{call}")
                await asyncio.sleep(0)
                inside -= 1
            await asyncio.sleep(0)

    await asyncio.gather(*(order(name) for name in "abc"))
    assert calls.index("a2") < calls.index("c1")
    assert calls.index("b2") < calls.index("c2")
    assert sorted(calls) == [f"{name}{call}" for name in "abc" for call in range(3)]


async def test_a_turn_that_is_cancelled_is_passed_on() -> None:
    turns, served = Turns(), []

    async def wait(name: str) -> None:
        async with turns.turn():
            served.append(name)

    async with turns.turn():
        tasks = [asyncio.create_task(wait(name)) for name in "abc"]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
    tasks[1].cancel()  # its turn has just come
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1), turns.turn():
        assert served == ["c"]


async def test_an_error_inside_passes_the_turn_on() -> None:
    turns = Turns()
    with pytest.raises(asyncio.InvalidStateError):
        async with turns.turn():
            asyncio.get_running_loop().create_future().result()
    async with asyncio.timeout(1), turns.turn():
        pass
