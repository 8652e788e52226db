"""Supervision, what is due, retries, upkeep and bounded reading of tables."""

from tests.mutations.base import Mutation

GC = ("tests/pipelines/maintenance/test_gc.py", "-k", "open_run")
UPKEEP = ("tests/pipelines/operations/test_upkeep.py", "-k", "folders_with_it")
LAUNCH = ("tests/pipelines/operations/test_services.py",)
PARQUET = ("tests/components/data/test_parquet.py", "-k", "hostile and repeated or stated")

MUTATIONS = [
    Mutation("due.finished", 'run.output.get("champion") == version', "True"),
    Mutation("_waits", "2.0 ** (len(failures) - 1)", "1.0"),
    Mutation("_waits", "recipe.file.stat().st_mtime <= ended", "True"),
    Mutation("worth_retrying", "(passing and not driven)", "passing"),
    Mutation("worth_retrying", "if isinstance(error, ValueError) and not passing:", "if False:"),
    Mutation("seconds_to_look", "min(file.stat().st_mtime, now)", "file.stat().st_mtime"),
    Mutation("shorten", 'if needed or state == "open"', 'if state == "open"'),
    Mutation("unended", 'head.get("airflow")', "True"),
    Mutation("gc.gc", "journal.refuse_open_runs(settings.home)", "pass", GC),
    Mutation("Pages.hung", "if self.silent[service] >= SILENT:", "if silent:"),
    Mutation("message_of", "in FAILING", "> 0"),
    Mutation("_backlog.left", 'r.output.get("champion") == version', "True"),
    Mutation("doctor._has", "file.stat().st_size == size", "file.stat().st_size > 0"),
    Mutation("launch", "    end_members(settings, name)\n    _b", "    _b"),
    Mutation("delete_older", "times.get(place, before)", "_written(place)", UPKEEP),
    Mutation("_write_private", "os.O_TRUNC, 0o600)", "os.O_TRUNC, 0o644)", LAUNCH),
    Mutation("end_runs_without_recipe", "dag.is_stale and", ""),
    Mutation("parquet._read", "yield _plain(batch)", "yield batch", PARQUET),
    Mutation("parquet._refused", "if stated > max(FREE, RATIO * size):", "if False:", PARQUET),
]
