"""What the rules about torrents say reads well in both languages, with the values that they give."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.autopilot.rules import broken, content, no_metadata, pack, slow, stalled
from custom_components.sokoul.autopilot.rules.slow import SlowPolicy
from custom_components.sokoul.model.journal import Proposal
from tests.autopilot.rules import test_broken, test_content, test_no_metadata, test_pack, test_slow, test_stalled
from tests.autopilot.rules.queue import days
from tests.model.make import NOW

TABLES: tuple[tuple[Any, Any], ...] = (
    *((broken.RULE, row) for row in test_broken.ROWS),
    *((content.RULE, row) for row in (*test_content.CERTAIN, *test_content.ASKED)),
    *((no_metadata.RULE, row) for row in test_no_metadata.ROWS),
    *((pack.RULE, row) for row in test_pack.ROWS),
    *((stalled.RULE, row) for row in test_stalled.ROWS),
)
RULES = (broken.RULE, content.RULE, no_metadata.RULE, pack.RULE, slow.RULE, stalled.RULE)


def proposals() -> list[Proposal]:
    late = replace(test_slow.LATE, policy=SlowPolicy(latest_finish=days(1)))
    verdicts = [row.verdict(rule) for rule, row in TABLES]
    verdicts += [late.wants(), test_slow.REPLACED[0].wants()]
    return [verdict for verdict in verdicts if isinstance(verdict, Proposal)]


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_reason_can_be_read_and_none_is_left_over(language: str) -> None:
    words, said = wording.load(language), set()
    for proposal in proposals():
        sentence = words.reason(proposal.reason, NOW)
        assert "{" not in sentence
        assert sentence.endswith(".")
        words.evidence(proposal.reason.evidence, NOW)
        said.add(proposal.reason.key)
    ours = tuple(f"heal.{rule.key}" for rule in RULES)
    assert {key for key in words.keys if key.startswith(ours)} == said


SENTENCES = {
    "heal.slow": (
        "It has been crawling for 6 hours: at 40 kB/s of late.",
        "Il se traîne depuis 6 heures : 40 ko/s dernièrement.",
    ),
    "heal.stalled": ("Nothing has arrived for 6 hours.", "Rien n\u2019est arrivé depuis 6 heures."),
    "heal.content_samples": ("There\u2019s nothing in it but samples.", "Il ne contient que des extraits."),
}


@pytest.mark.parametrize("key", SENTENCES)
def test_sentences(key: str) -> None:
    reasons = [each.reason for each in proposals() if each.reason.key == key]
    for language, sentence in zip(wording.LANGUAGES, SENTENCES[key], strict=True):
        said = {
            wording.load(language).reason(reason, NOW).replace("\u00a0", " ").replace("\u202f", " ")
            for reason in reasons
        }
        assert sentence in said
