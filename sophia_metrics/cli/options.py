"""Options that several commands have."""

from typing import Annotated

import typer

__all__ = ["Host", "Json", "Port", "UsePrefect"]

Json = Annotated[bool, typer.Option("--json", help="Print the same facts for machines.")]
Host = Annotated[
    str | None, typer.Option("--host", help="Listen on this address. Any other than this machine's own needs a token.")
]
Port = Annotated[int | None, typer.Option("--port", help="Listen on this port; 0: any free one.", min=0, max=65535)]
UsePrefect = Annotated[bool, typer.Option("--prefect", help="Run it as a Prefect flow run.")]
