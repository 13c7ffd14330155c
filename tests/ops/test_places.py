"""Where the logs of a run go."""

import os
from pathlib import Path

from ops.places import LOGS_KEPT, new_log_folder


def test_old_logs_are_removed_but_the_newest_and_those_of_a_run_that_goes_on(tmp_path: Path) -> None:
    ended = 2**22 + 1  # above Linux's largest process id
    runs = [tmp_path / f"20260101-{number:06}-{ended}" for number in range(LOGS_KEPT + 3)]
    runs[1] = runs[1].with_name(f"20260101-000001-{os.getpid()}")
    for folder in runs:
        (folder / "inner").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    new = new_log_folder(tmp_path)
    assert new.name.endswith(f"-{os.getpid()}")
    assert sorted(tmp_path.iterdir()) == sorted([runs[1], *runs[3:], tmp_path / "notes"])
