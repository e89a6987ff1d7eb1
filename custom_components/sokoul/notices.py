"""What is told to people and asked of them, as notifications: pure text, whoever sends it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
import re

from .journal_report import act_text, rule_name, sentence
from .model.journal import JournalEntry
from .wording import Wording, clean

#: So many suggestions are asked about together instead of one by one.
BUNDLED_FROM = 3
#: So many lines of a list are shown.
LONGEST_LIST = 10

TAG_SUGGESTIONS = "sokoul_suggestions"
TAG_TOLD = "sokoul_told"


class Answer(StrEnum):
    """What a button means."""

    APPROVE = "approve"
    KEEP = "keep"
    NEVER = "never"
    ALONE = "alone"
    ASK = "ask"


_ACTION = re.compile(rf"SOKOUL_({'|'.join(Answer).upper()})_(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button of a notification, and what it is about: the id of an entry, or the key of a rule."""

    answer: Answer
    about: str
    title: str

    @property
    def action(self) -> str:
        """The name under which it comes back."""
        return f"SOKOUL_{self.answer.upper()}_{self.about}"


def read_action(action: object) -> tuple[Answer, str] | None:
    """Return what a button that was pressed means, None when it is none of ours."""
    found = _ACTION.fullmatch(action) if isinstance(action, str) else None
    return (Answer(found[1].lower()), found[2]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notification. The same tag replaces what was shown under it before."""

    tag: str
    title: str
    lines: tuple[str, ...]
    about: tuple[str, ...] = ()  # what it asks about or tells, by the keys of each
    buttons: tuple[Button, ...] = ()
    asks: bool = False  # an answer is wanted


def tag_of(entry: JournalEntry) -> str:
    """Return the tag of a single suggestion."""
    return f"sokoul_suggestion_{entry.id}"


def asked_text(entry: JournalEntry, words: Wording) -> str:
    """Return a suggestion as one of many in a list."""
    return words.text("list.pair", name=clean(entry.label), text=act_text(entry.act, entry.parameters, words))


def suggestions(entries: Sequence[JournalEntry], now: datetime, words: Wording) -> Iterable[Notice]:
    """Return the notices for what is being asked: each by itself, or many in one."""
    if len(entries) < BUNDLED_FROM:
        yield from (_suggestion(entry, now, words) for entry in entries)
        return
    lines = [asked_text(each, words) for each in entries]
    yield Notice(
        tag=TAG_SUGGESTIONS,
        title=words.text("notice.suggestions_title", count=len(entries)),
        lines=_shortened(lines, words),
        about=tuple(str(each.id) for each in entries),
        asks=True,
    )


def _suggestion(entry: JournalEntry, now: datetime, words: Wording) -> Notice:
    act = act_text(entry.act, entry.parameters, words)
    answers = {Answer.APPROVE: "answer_approve", Answer.KEEP: "answer_keep", Answer.NEVER: "answer_never"}
    return Notice(
        tag=tag_of(entry),
        title=words.text("notice.suggestion_title", title=entry.label),
        lines=(sentence(entry.reason, now, words), words.text("journal.suggested", act=act)),
        about=(str(entry.id),),
        buttons=_buttons(answers, str(entry.id), words),
        asks=True,
    )


def promotion(rule: str, right: int, words: Wording) -> Notice:
    """Return the offer that a rule acts alone."""
    return Notice(
        tag=f"sokoul_promotion_{rule}",
        title=words.text("notice.promotion_title", rule=rule_name(rule, words)),
        lines=(words.text("notice.promotion", count=right),),
        about=(rule,),
        buttons=_buttons({Answer.ALONE: "answer_alone", Answer.ASK: "answer_ask"}, rule, words),
        asks=True,
    )


def told(items: Sequence[tuple[str, str]], words: Wording) -> Notice:
    """Return what is only told: titles with their sentences, the newest last."""
    lines = [words.text("list.pair", name=clean(title), text=text) for title, text in reversed(items)]
    title = words.text("notice.told_title", count=len(items))
    return Notice(tag=TAG_TOLD, title=title, lines=_shortened(lines, words))


def _shortened(lines: Sequence[str], words: Wording) -> tuple[str, ...]:
    if len(lines) <= LONGEST_LIST:
        return tuple(lines)
    return (*lines[:LONGEST_LIST], words.text("notice.more", count=len(lines) - LONGEST_LIST))


def _buttons(answers: Mapping[Answer, str], about: str, words: Wording) -> tuple[Button, ...]:
    return tuple(
        Button(answer=answer, about=about, title=words.text(f"notice.{key}")) for answer, key in answers.items()
    )
