from __future__ import annotations

import tasks


def test_every_option_of_every_task_has_its_help() -> None:
    silent = [
        f"{name} {each.name}"
        for name in tasks.namespace.task_names
        for each in tasks.namespace[name].get_arguments()
        if not each.help
    ]
    assert not silent
