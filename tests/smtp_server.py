"""A small SMTP server on loopback that keeps what it is sent, or answers that it cannot take it now."""

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self


class SmtpServer:
    """Takes messages without a login; `is_refusing`: every message is put off with 451."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.is_refusing = False
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 test\r\n")
                for line in self.rfile:
                    verb = line.split(maxsplit=1)[0].upper() if line.strip() else b""
                    if verb == b"DATA":
                        self._take()
                    else:
                        self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
                    if verb == b"QUIT":
                        return

            def _take(self) -> None:
                self.wfile.write(b"354 go on\r\n")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                if server.is_refusing:
                    self.wfile.write(b"451 not now\r\n")
                    return
                server.messages.append(message_from_bytes(body, policy=policy.default))
                self.wfile.write(b"250 taken\r\n")

        return Handler
