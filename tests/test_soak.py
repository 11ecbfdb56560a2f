"""Nothing that a process holds grows from run to run; `python -m tests.soak --runs 500` is the long form."""

from tests.soak.life import live


def test_descriptors_sockets_threads_and_temporary_files_are_the_same_after_every_run(tmp_path):
    first, *_, last = live(tmp_path, runs=9, every=3)

    assert last.countable == first.countable
    assert last.temporary_files == 0
