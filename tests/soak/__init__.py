"""What the process holds stays the same over many runs: files, sockets, threads, temporary files."""
