"""What the commands are called, take and say of themselves; a file for each thing that they are about.

What a command does is imported when it is called, so that `--help` and `sql` start at once.
"""
