"""Write the poisoned files into a folder, and print what must become of each."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.poison.corpus import CORPUS


def main() -> None:
    """Write below the folder that is named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.poison FOLDER")
    folder, now = Path(sys.argv[1]), datetime.now(UTC).replace(tzinfo=None)
    names = [f"{poison.file_format}/{poison.name}" for poison in CORPUS]
    widths = max(map(len, names)), max(len(poison.defect) for poison in CORPUS)
    for name, poison in zip(names, CORPUS, strict=True):
        written = poison.write(folder, now)
        print(f"{name:{widths[0]}}  {poison.defect:{widths[1]}}  {written.expected}")
    print(f"{len(CORPUS)} files, {sum(path.stat().st_size for path in folder.rglob('*')):,} bytes in {folder}")


if __name__ == "__main__":
    main()
