"""The settings of decluttarr: `config.yaml` of version 2, `config.conf` and the environment of versions 1 and 2.

It looks every `timer` minutes and counts a strike for what is wrong; an item goes at the look after its last one, so
after `timer * max_strikes` minutes at the earliest. Numbers without a value there are at its own defaults: ten minutes,
three strikes, 100 kB/s. Source: its README and example files.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from .draft import NEVER, Draft, ImportedSettings
from .reading import Settings, read_json, read_yaml

TOOL = "decluttarr"

#: The sections of version 2 that matter here, and what is in them in an environment.
SECTIONS = frozenset({"general", "jobs"})
_GENERAL = (
    "log_level", "test_run", "timer", "request_timeout", "ssl_verification", "ignored_download_clients",
    "private_tracker_handling", "public_tracker_handling", "obsolete_tag", "protected_tag", "detect_deletions",
)  # fmt: skip
_JOB_DEFAULTS = ("max_strikes", "min_days_between_searches", "max_concurrent_searches")
#: What these are in version 1.
_JOBS_BEFORE = {
    "remove_failed": "remove_failed_downloads",
    "remove_failed_imports": "remove_failed_imports",
    "remove_metadata_missing": "remove_metadata_missing",
    "remove_missing_files": "remove_missing_files",
    "remove_orphans": "remove_orphans",
    "remove_slow": "remove_slow",
    "remove_stalled": "remove_stalled",
    "remove_unmonitored": "remove_unmonitored",
}
_JOBS = (*_JOBS_BEFORE.values(), "remove_bad_files", "remove_done_seeding", "search_unmet_cutoff", "search_missing")
_ONLY_BEFORE = frozenset(
    {"remove_timer", "permitted_attempts", "min_download_speed", "no_stalled_removal_qbit_tag"}
    | {"ignore_private_trackers", "failed_import_message_patterns", "run_periodic_rescans", "remove_failed"}
)
_ONLY_NOW = frozenset({"timer", "max_strikes", "protected_tag", "remove_failed_downloads", "remove_bad_files"})

#: Our rules, and the jobs that do the same. Off is a rule when all of them are. (There is nothing to set about bad and
#: missing files, and who didn't have those jobs may still want to be told of them.)
_RULES = {
    "stalled": ("remove_stalled",),
    "no_metadata": ("remove_metadata_missing",),
    "slow": ("remove_slow",),
    "failed": ("remove_failed_downloads",),
    "import": ("remove_failed_imports",),
    "orphan": ("remove_orphans", "remove_unmonitored"),
}
_ELSEWHERE = ("remove_done_seeding", "search_unmet_cutoff", "search_missing")


def is_environment(names: Mapping[str, Any]) -> bool:
    """Tell whether variables are those of this tool."""
    known = {name.casefold() for name in names}
    return bool(known & (_ONLY_BEFORE | _ONLY_NOW))


def from_sections(config: Mapping[str, Any]) -> ImportedSettings:
    """Convert `config.yaml` of version 2. Raises `CannotImport`."""
    everything = Settings(config)
    draft = Draft(TOOL)
    general, given = everything.group("general"), everything.group("job_defaults")
    timer = timedelta(minutes=general.number("timer", 10, most=10_000))
    strikes = given.number("max_strikes", 3, most=1_000)
    given_jobs = everything.group("jobs")
    jobs = _jobs(given_jobs)
    _convert(draft, jobs, timer, strikes)
    _private(draft, general.text("private_tracker_handling", "remove").casefold() != "remove")
    if general.text("public_tracker_handling", "remove").casefold() != "remove":
        draft.note("public_kept")
    draft.protect([general.text("protected_tag", "Keep")])
    if ignored := general.texts("ignored_download_clients"):
        draft.note("clients_ignored", clients=ignored)
    if general.flag("test_run", default=False):
        draft.note("dry_run")
    general.ignore("log_level", "request_timeout", "ssl_verification", "obsolete_tag", "web", "detect_deletions")
    given.ignore("min_days_between_searches", "max_concurrent_searches")
    everything.ignore("web")
    backends = [*_addresses(everything.group("instances")), *_addresses(everything.group("download_clients"))]
    if backends:
        draft.note("connect", backends=tuple(backends))
    for group in (general, given, given_jobs, everything):
        draft.left_out += [group.name_of(name) for name in group.unread]
    return draft.done()


def from_environment(variables: Mapping[str, Any]) -> ImportedSettings:
    """Convert the environment of version 1 or 2, where values may be YAML. Raises `CannotImport`."""
    values = {name.casefold(): value for name, value in variables.items()}
    if values.keys() & _ONLY_BEFORE:
        return from_sections(_as_now(values))
    config: dict[str, dict[str, Any]] = {"general": {}, "job_defaults": {}, "jobs": {}}
    for section, names in (("general", _GENERAL), ("job_defaults", _JOB_DEFAULTS), ("jobs", _JOBS)):
        for name in names:
            if name in values:
                config[section][name] = _plain(values[name])
    return from_sections(config)


def _plain(value: Any) -> Any:
    return read_yaml(value) if isinstance(value, str) else value


def _as_now(before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of version 1 as version 2 has them."""
    values = Settings(before)
    jobs: dict[str, Any] = {
        now: values.flag(name, default=False) for name, now in _JOBS_BEFORE.items() if name in values
    }
    if jobs.get("remove_slow"):
        jobs["remove_slow"] = {"min_speed": values.number("min_download_speed", 0)}
    if patterns := values.raw("failed_import_message_patterns"):
        jobs["remove_failed_imports"] = {
            "enabled": jobs.get("remove_failed_imports", False),
            "message_patterns": read_json(patterns) if isinstance(patterns, str) else patterns,
        }
    if values.raw("run_periodic_rescans"):
        jobs["search_missing"] = True
    private = values.flag("ignore_private_trackers", default=True)
    return {
        "general": {
            "timer": values.number("remove_timer", 10),
            "test_run": values.flag("test_run", default=False),
            "protected_tag": values.text("no_stalled_removal_qbit_tag", "Don't Kill").strip("'\""),
            "private_tracker_handling": "skip" if private else "remove",
        },
        "job_defaults": {"max_strikes": values.number("permitted_attempts", 3)},
        "jobs": jobs,
    }


def _jobs(given: Settings) -> dict[str, Settings]:
    """Return the jobs that are on, each with its own settings."""
    jobs = {}
    for name in _JOBS:
        if name not in given:
            continue
        value = given.raw(name)
        if isinstance(value, bool | str):
            if Settings({name: value}, "jobs").flag(name, default=False):
                jobs[name] = Settings({}, f"jobs.{name}")
            continue
        job = Settings(value, f"jobs.{name}")
        if job.flag("enabled", default=True):
            jobs[name] = job
    return jobs


def _convert(draft: Draft, jobs: Mapping[str, Settings], timer: timedelta, strikes: float) -> None:
    for rule, names in _RULES.items():
        if not any(name in jobs for name in names):
            draft.switch_off(rule)
    for rule, name in (
        ("stalled", "remove_stalled"),
        ("no_metadata", "remove_metadata_missing"),
        ("slow", "remove_slow"),
    ):
        if job := jobs.get(name):
            draft.set(rule, "patience", timer * job.number("max_strikes", strikes, most=1_000))
    if job := jobs.get("remove_slow"):
        draft.set("slow", "slowest_rate", int(job.number("min_speed", 100) * 1000))
    if (job := jobs.get("remove_failed_imports")) and job.texts("message_patterns"):
        draft.note("no_patterns")
    if elsewhere := [name for name in _ELSEWHERE if name in jobs]:
        draft.note("elsewhere", names=tuple(elsewhere))


def _private(draft: Draft, kept: bool) -> None:  # noqa: FBT001 -- the one thing that it is about
    if kept:
        draft.set("stalled", "patience_when_rare", NEVER)
        draft.note("private_kept")


def _addresses(group: Settings) -> list[str]:
    """Return which backends there are, by kind: of their addresses and keys nothing is kept."""
    return [kind for kind in list(group.unread) for _ in group.groups(kind)]
