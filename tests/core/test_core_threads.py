"""Work in blocks: every row once, results in order whatever the threads, exceptions raised."""

from __future__ import annotations

import threading
import time

import pytest

from attribution.core import threads


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(threads, "thread_count", lambda length: request.param)
    return request.param


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 95])
def test_every_row_belongs_to_one_block(workers: int, length: int) -> None:
    found = threads.in_blocks(lambda start, stop: list(range(start, stop)), length, block=10)
    assert [row for rows in found for row in rows] == list(range(length))
    assert all(len(rows) == 10 for rows in found[:-1])


def test_results_come_in_order_though_the_first_block_is_last(workers: int) -> None:
    def work(start: int, stop: int) -> int:
        if workers > 1 and start == 0:
            time.sleep(0.05)
        return start

    assert threads.in_blocks(work, 50, block=10) == [0, 10, 20, 30, 40]


def test_the_first_exception_is_raised_and_the_rest_is_left_out(workers: int) -> None:
    begun: list[int] = []

    def work(start: int, stop: int) -> None:
        begun.append(start)
        if start >= 2:
            raise ValueError(f"block {start}")
        time.sleep(0.001)

    with pytest.raises(ValueError, match="block 2"):
        threads.in_blocks(work, 1000, block=1)
    assert len(begun) < 1000


def test_several_threads_work_when_there_are_several(workers: int) -> None:
    meeting = threading.Barrier(workers, timeout=30)

    def work(start: int, stop: int) -> str:
        meeting.wait()
        return threading.current_thread().name

    names = threads.in_blocks(work, workers, block=1)
    assert len(set(names)) == workers


def test_few_rows_are_left_to_one_thread() -> None:
    assert threads.thread_count(999_999) == 1
    assert 1 <= threads.thread_count(1_000_000) <= 8
