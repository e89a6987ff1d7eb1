"""What the rules about queues say reads well in both languages, with the values that they give."""

from typing import Any

import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.autopilot.rules import delayed, failed, imports, orphan, restored
from custom_components.sokoul.autopilot.rules.base import Rule
from custom_components.sokoul.model.journal import Proposal
from tests.autopilot.rules import test_delayed, test_failed, test_imports, test_orphan, test_restored
from tests.autopilot.rules.queue import Row
from tests.model.make import NOW

TABLES: tuple[tuple[Rule[Any], Row], ...] = (
    *((failed.RULE, row) for row in test_failed.ROWS),
    *((imports.RULE, row) for row in (*test_imports.IMPORTS, *test_imports.NO_IMPROVEMENT, *test_imports.SYMPTOM)),
    *((imports.RULE, row) for row in test_imports.ASKS),
    *((orphan.RULE, row) for row in (*test_orphan.NOT_IN_CLIENT, *test_orphan.UNKNOWN, *test_orphan.UNMONITORED)),
    *((delayed.RULE, row) for row in test_delayed.ROWS),
    *((restored.RULE, row) for row in test_restored.ROWS),
)
OURS = tuple(f"heal.{rule.key}" for rule in {rule.key: rule for rule, _ in TABLES}.values())


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_reason_can_be_read(language: str) -> None:
    words = wording.load(language)
    said = set()
    for rule, row in TABLES:
        verdict = row.verdict(rule)
        if isinstance(verdict, Proposal):
            sentence = words.reason(verdict.reason, NOW)
            assert "{" not in sentence
            assert sentence.endswith(".")
            words.evidence(verdict.reason.evidence, NOW)
            said.add(verdict.reason.key)
    assert len(said) >= 13
    assert {key for key in words.keys if key.startswith(OURS)} - said == {"heal.restored_stuck"}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "It\u2019s here, and Radarr doesn\u2019t import it by itself, though its 2 files fit exactly."),
        (
            "fr",
            "Il est là, et Radarr ne l\u2019importe pas tout seul, alors que ses 2 fichiers correspondent exactement.",
        ),
    ],
)
def test_a_pack_that_fits(language: str, sentence: str) -> None:
    row = next(row for row in test_imports.IMPORTS if row.name.startswith("a pack: what is missing is here"))
    verdict = row.verdict(imports.RULE)
    assert wording.load(language).reason(verdict.reason, NOW) == sentence
