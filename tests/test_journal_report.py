"""The journal in words: every key that the autopilot writes has its text, and every entry a sentence."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
import re
from typing import Any

import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.journal_report import describe_entry, entry_sentence, outcome, rule_name, undo_until
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, JournalEntry
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.wording import Wording

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EN, FR = wording.load("en"), wording.load("fr")
AUTOPILOT = Path(wording.__file__).parent / "autopilot"

# --- what is written has a text --------------------------------------------------------------------------------------


class Written:
    """The reasons that one module writes: their keys, as patterns where a part is known only at run time."""

    def __init__(self, path: Path) -> None:
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.constants = {
            target.id: node.value.value
            for node in self.tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    def reasons(self) -> Iterator[tuple[str, frozenset[str] | None]]:
        """Return each key with the names of the values that it is given, None where that can't be seen."""
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call):
                continue
            arguments = {each.arg: each.value for each in node.keywords}
            match getattr(node.func, "id", ""):
                case "Reason" if (key := self.pattern(arguments["key"])) is not None:
                    yield key, self.names(arguments.get("parameters"))
                case "Declined":
                    yield f"result\\.{self.pattern(node.args[0])}", frozenset(name for name in arguments if name)
                case "proposal" if len(node.args) >= 4:
                    variant = self.pattern(node.args[4]) if len(node.args) > 4 else ""
                    yield "_".join(filter(None, (rf"heal\.{self.pattern(node.args[2])}", variant))), None

    def pattern(self, node: ast.expr) -> str | None:
        match node:
            case ast.Constant(str(text)):
                return re.escape(text)
            case ast.Name(name) if name in self.constants:
                return re.escape(str(self.constants[name]))
            case ast.JoinedStr(parts):
                return "".join(
                    part
                    if (part := self.pattern(each.value if isinstance(each, ast.FormattedValue) else each))
                    else r"\w+"
                    for each in parts
                )
            case ast.IfExp(body=body, orelse=orelse):
                return f"(?:{self.pattern(body)}|{self.pattern(orelse)})"
        return r"[\w.]+"

    @staticmethod
    def names(node: ast.expr | None) -> frozenset[str] | None:
        if node is None:
            return frozenset()
        if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
            return frozenset(str(key.value) for key in node.keys if isinstance(key, ast.Constant))
        return None


WRITTEN = [
    pytest.param(key, names, id=f"{path.stem}-{key}")
    for path in sorted(AUTOPILOT.rglob("*.py"))
    for key, names in Written(path).reasons()
]


def test_the_search_finds_what_is_written() -> None:
    found = {each.values[0] for each in WRITTEN}
    assert {r"result\.gone", r"result\.over", r"gate\.settling", r"claimed\.label", r"heal\.stalled"} <= found
    assert len(found) > 40


@pytest.mark.parametrize(("key", "names"), WRITTEN)
def test_every_reason_that_the_autopilot_writes_has_a_text(key: str, names: frozenset[str] | None) -> None:
    for words in (EN, FR):
        fitting = {each for each in words.keys if re.fullmatch(key, each)}
        assert fitting
        if names is not None and len(fitting) == 1:
            assert {name for name, _ in words.slots(*fitting)} <= names


@pytest.mark.parametrize("words", [EN, FR], ids=["en", "fr"])
def test_every_word_of_the_journal_has_a_text(words: Wording) -> None:
    needed = {f"act.{act}" for act in ActKind} | {f"journal.{status}" for status in EntryStatus}
    needed |= {f"autonomy.{level}" for level in Autonomy} | {f"rule.{rule.key}" for rule in RULES}
    assert needed <= words.keys


def test_no_text_of_the_journal_is_left_over() -> None:
    used: set[str] = set()
    for path in AUTOPILOT.parent.rglob("*.py"):
        written = Written(path)
        used |= {key.replace("\\", "") for key, _ in written.reasons()}
        used |= {
            node.value
            for node in ast.walk(written.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    left = {key for key in EN.keys if key.startswith(("result.", "gate.", "claimed."))}
    left = {key for key in left if not used & {key, key.partition(".")[2]}}  # the last part may be a constant
    assert left == set()


# --- entries ---------------------------------------------------------------------------------------------------------

CANDIDATE = {
    "title": "Dune.2021.1080p-NEW",
    "info_hash": None,
    "indexer": "Open Harbour",
    "size_bytes": 8_000_000_000,
    "seeders": 40,
    "quality": "Bluray-1080p",
    "score": 0,
}


def entry(status: EntryStatus = EntryStatus.DONE, **fields: Any) -> JournalEntry:
    made: dict[str, Any] = {
        "id": 7,
        "at": NOW - DAY,
        "changed_at": NOW - timedelta(hours=1),
        "rule": "failed",
        "subject": "qbt/abc",
        "label": "Dune (2021)",
        "act": ActKind.REPLACE,
        "status": status,
        "reason": Reason(key="heal.failed", parameters={"arr": "Radarr"}, evidence={"seeds": 0}),
        **fields,
    }
    return JournalEntry(**made)


WHY = "Radarr counts it as failed, and hasn\u2019t dealt with it by itself."
SENTENCES = (
    (entry(EntryStatus.OBSERVED), f"{WHY} Only noted, not done: fetch another release instead."),
    (
        entry(EntryStatus.SUGGESTED, parameters={"candidate": CANDIDATE}),
        f"{WHY} SOKOUL suggests: fetch “Dune.2021.1080p-NEW” instead, 8 GB from Open Harbour.",
    ),
    (
        entry(EntryStatus.DONE, result=Reason(key="result.replaced", parameters={"release": "Dune-NEW"})),
        f"{WHY} “Dune-NEW” is on its way instead.",
    ),
    (
        entry(EntryStatus.KEPT, result=Reason(key="result.no_alternative", parameters={"count": 12})),
        f"{WHY} None of the 12 other releases is good enough, so it stays.",
    ),
    (entry(EntryStatus.REJECTED, result=Reason(key="result.rejected")), f"{WHY} It stays, as you wish."),
    (
        entry(EntryStatus.REJECTED, act=ActKind.RESTART, result=Reason(key="result.rejected")),
        f"{WHY} It isn\u2019t restarted, as you wish.",
    ),
    (
        entry(EntryStatus.EXPIRED, act=ActKind.RESTART, result=Reason(key="result.unanswered")),
        f"{WHY} Nobody answered, so it isn\u2019t restarted.",
    ),
    (entry(EntryStatus.RUNNING, act=ActKind.LEAVE_QUEUE), f"{WHY} Under way: take it out of the queue."),
    (entry(EntryStatus.DONE, act=ActKind.TELL), WHY),
    (entry(EntryStatus.OBSERVED, act=ActKind.TELL), WHY),
    (entry(EntryStatus.FAILED, reason=Reason(key="heal.from_the_future")), "Another version of SOKOUL wrote this. It didn\u2019t work: fetch another release instead."),  # noqa: E501 -- one line a case
    (entry(EntryStatus.DONE, act=ActKind.TELL, reason=Reason(key="heal.failed")), "Another version of SOKOUL wrote this."),  # noqa: E501
)  # fmt: skip


@pytest.mark.parametrize(("given", "said"), SENTENCES)
def test_an_entry_in_a_sentence(given: JournalEntry, said: str) -> None:
    assert entry_sentence(given, NOW, EN).replace("\u00a0", " ") == said


@pytest.mark.parametrize("words", [EN, FR], ids=["en", "fr"])
@pytest.mark.parametrize("act", ActKind)
@pytest.mark.parametrize("status", EntryStatus)
def test_every_status_of_every_act_can_be_said(status: EntryStatus, act: ActKind, words: Wording) -> None:
    said = outcome(entry(status, act=act), NOW, words)
    assert said.endswith(".")
    assert words.text("journal.unreadable") not in entry_sentence(entry(status, act=act), NOW, words)


def test_what_is_said_of_an_act_keeps_its_spaces() -> None:
    """In French they are such that no line breaks between a word and its marks."""
    asked = entry(EntryStatus.SUGGESTED, parameters={"candidate": CANDIDATE})
    assert "prendre «\u00a0Dune.2021.1080p-NEW\u00a0» à la place" in outcome(asked, NOW, FR)


def test_all_that_is_told_of_an_entry() -> None:
    done = entry(
        result=Reason(key="result.replaced", parameters={"release": "Dune-NEW"}),
        parameters={"candidate": CANDIDATE, "undone_by": "somebody"},
        undo={"hash": "abc"},
    )
    said = describe_entry(done, NOW, EN, DAY)
    assert said["reason"]["evidence"] == ["connected to no source"]
    assert (said["result"]["key"], said["result"]["text"]) == ("result.replaced", "“Dune-NEW” is on its way instead.")
    assert said["instead"] == {
        "release": "Dune.2021.1080p-NEW",
        "indexer": "Open Harbour",
        "size_bytes": 8_000_000_000,
        "seeders": 40,
        "quality": "Bluray-1080p",
    }
    assert (said["can_undo"], said["undo_until"]) == (True, (NOW - timedelta(hours=1) + DAY).isoformat())
    assert (said["id"], said["rule_name"], said["undone_by"]) == (7, "Failed downloads", "somebody")
    strange = describe_entry(entry(reason=Reason(key="heal.from_the_future")), NOW, EN, DAY)
    assert (strange["reason"]["key"], strange["reason"]["facts"]) == ("heal.from_the_future", {})
    assert (strange["instead"], strange["result"], strange["can_undo"]) == (None, None, False)


@pytest.mark.parametrize(
    ("given", "can"),
    [
        (entry(undo={"hash": "abc"}), True),
        (entry(EntryStatus.FAILED, undo={"hash": "abc"}), True),  # it stopped half-way, and is still aside
        (entry(undo=None), False),
        (entry(EntryStatus.UNDONE, undo={"hash": "abc"}), False),
        (entry(EntryStatus.RUNNING, undo={"hash": "abc"}), False),
    ],
)
def test_what_can_be_taken_back(given: JournalEntry, *, can: bool) -> None:
    assert (undo_until(given, DAY) is not None) is can


def test_a_rule_that_is_not_known_keeps_its_key() -> None:
    assert rule_name("from_the_future", EN) == "from_the_future"
    assert rule_name("stalled", FR) == "Téléchargements au point mort"
