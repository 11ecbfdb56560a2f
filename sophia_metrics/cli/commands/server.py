"""Commands that serve until they are stopped."""

from sophia_metrics.cli.options import Host, Port

__all__ = ["dashboard", "serve"]


def dashboard(*, host: Host = None, port: Port = None) -> None:
    """Serve the page and its API, from what is published, until Ctrl-C or SIGTERM.

    It listens on 127.0.0.1 only. Another address needs a token in the environment: see docs/dashboard.md.
    """
    from sophia_metrics.cli.serve import serve_page

    serve_page(host, port)


def serve(*, host: Host = None, port: Port = None) -> None:
    """Serve the page, and run every schedule of prefect.yaml, until Ctrl-C or SIGTERM.

    Schedules run on the configured or running Prefect API, else on a server that this command starts, which takes a
    while. Each run is a process of its own.
    """
    from sophia_metrics.cli.serve import serve_everything

    serve_everything(host, port)
