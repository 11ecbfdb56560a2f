"""The webhook receiver as a process of its own, which writes down every whole message."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.chaos.children import Child
from tests.chaos.notes import Notes
from tests.receiver import Post, Receiver


class NotedPosts(list[Post]):
    """Posts on their way to a file; a request that broke off is no message."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes

    def append(self, post: Post) -> None:
        """Write a message down before it is answered."""
        if len(post.body) == int(post.headers["Content-Length"]):
            content = json.loads(post.body)
            told = {key: content[key] for key in ("delivery_id", "dedup_key", "kind", "rule", "subject")}
            self._notes.add(path=post.path, **told)


class Webhook:
    """A receiver that lives until this object is closed."""

    def __init__(self, folder: Path) -> None:
        self.notes = Notes(folder / "posts.jsonl")
        reading, writing = os.pipe()
        port_reading, port_writing = os.pipe()
        self._closing = writing

        def serve() -> None:
            os.close(writing)
            sys.stderr = (folder / "receiver.log").open("a", encoding="utf-8")  # senders that die leave broken pipes
            with Receiver(posts=NotedPosts(self.notes)) as receiver:
                os.write(port_writing, f"{receiver.port} {receiver.url}".encode())
                os.read(reading, 1)

        self._child = Child.start(serve, folder / "receiver-error.txt")
        os.close(reading)
        os.close(port_writing)
        port, _, self.url = os.read(port_reading, 4096).decode().partition(" ")
        os.close(port_reading)
        self.port = int(port)

    def close(self) -> None:
        """End the receiver."""
        os.close(self._closing)
        self._child.wait()

    def messages(self, url: str) -> list[dict[str, Any]]:
        """Return the whole messages that came to a URL, in order."""
        return [message for message in self.notes.read() if url.endswith(message["path"])]
