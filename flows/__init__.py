"""When things run: one flow a file, each a sentence of steps."""
