"""Reading ahead: while the engine reads one block, the next one is copied."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

from sophia_metrics.sources.block import Block

__all__ = ["read_ahead"]


def read_ahead(blocks: Generator[Block]) -> Generator[Block]:
    """Yield the blocks in their order; behind a copy the next one is made meanwhile, in a thread of its own.

    Close it, so that nothing is copied any more when the caller goes on. Errors come where their block would.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as thread:
        try:
            coming = thread.submit(next, blocks, None)
            while (block := coming.result()) is not None:
                if block.is_copy:
                    coming = thread.submit(next, blocks, None)
                    yield block
                else:
                    yield block
                    coming = thread.submit(next, blocks, None)
        finally:
            thread.submit(blocks.close).result()
