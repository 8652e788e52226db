"""Supervision, what is due, retries, upkeep and bounded reading of tables."""

from tests.mutations.base import Mutation

DUE = ("tests/pipelines/flows/test_due.py",)
TASKS = ("tests/pipelines/flows/test_scheduled.py",)
HOME = ("tests/pipelines/flows/test_airflow_home.py",)
LIST = ("tests/pipelines/engine/test_run_list.py",)
WATCHDOG = ("tests/pipelines/operations/test_watchdog.py",)
FIGURES = ("tests/pipelines/operations/test_figures.py",)
DOCTOR = ("tests/pipelines/operations/test_doctor.py",)
UPKEEP = ("tests/pipelines/operations/test_upkeep.py", "-k", "folders_with_it")
LAUNCH = ("tests/pipelines/operations/test_services.py",)
PARQUET = ("tests/components/data/test_parquet.py", "-k", "hostile and repeated or stated")
GC = ("tests/pipelines/maintenance/test_gc.py", "-k", "open_run")

MUTATIONS = [
    Mutation("pipelines/flows/due.py", "run.output.get(\"champion\") == version", "True", DUE),
    Mutation("pipelines/flows/due.py", "2.0 ** (len(failures) - 1)", "1.0", DUE),
    Mutation("pipelines/flows/due.py", "recipe.file.stat().st_mtime <= ended", "True", DUE),
    Mutation("pipelines/flows/scheduled.py", "(passing and not driven)", "passing", TASKS),
    Mutation("pipelines/flows/scheduled.py", "if isinstance(error, ValueError) and not passing:", "if False:", TASKS),
    Mutation("pipelines/flows/scheduled.py", "min(file.stat().st_mtime, now)", "file.stat().st_mtime", TASKS),
    Mutation("pipelines/engine/run_list.py", "if needed or state == \"open\"", "if state == \"open\"", LIST),
    Mutation("pipelines/engine/journal.py", 'head.get("airflow")', "True", ("tests/pipelines/engine/test_journal.py",)),
    Mutation("pipelines/maintenance/gc.py", "journal.refuse_open_runs(settings.home)", "pass", GC),
    Mutation("pipelines/operations/watchdog.py", "if self.silent[service] >= SILENT:", "if silent:", WATCHDOG),
    Mutation("pipelines/operations/watchdog.py", "in FAILING", "> 0", WATCHDOG),
    Mutation("pipelines/operations/figures.py", "r.output.get(\"champion\") == version", "True", FIGURES),
    Mutation("pipelines/operations/doctor.py", "file.stat().st_size == size", "file.stat().st_size > 0", DOCTOR),
    Mutation("pipelines/operations/services.py", "    end_members(settings, name)\n    _b", "    _b", LAUNCH),
    Mutation("pipelines/operations/upkeep.py", "times.get(place, before)", "_written(place)", UPKEEP),
    Mutation("pipelines/flows/airflow_home.py", "os.O_TRUNC, 0o600)", "os.O_TRUNC, 0o644)", LAUNCH),
    Mutation("pipelines/flows/airflow_home.py", "dag.is_stale and", "", HOME),
    Mutation("components/data/parquet.py", "yield _plain(batch)", "yield batch", PARQUET),
    Mutation("components/data/parquet.py", "if stated > max(FREE, RATIO * size):", "if False:", PARQUET),
]  # fmt: skip
