"""A small platform that lives for some minutes, breaks and is mended: `python -m tests.story FOLDER`."""
