"""The benchmark measures the corpus by what it says."""

import pytest

from benchmarks import releases
from custom_components.sokoul.releases.parse import parse

from .reading import corpus, plain


def test_what_is_expected_is_what_we_read() -> None:
    known = [sample for sample in corpus() if not sample.held_out]
    assert [releases.ours(parse(sample.name)) for sample in known] == [releases.expected(sample) for sample in known]
    assert set(releases.expected(known[0])) == set(releases.FACTS)


def test_others_are_compared_kindly() -> None:
    said = dict.fromkeys(releases.FACTS) | {"title": "Ocean's  Eleven", "group": "GRP"}
    assert releases.theirs(said)["title"] == plain("oceans eleven")
    assert releases.theirs(said)["group"] == "grp"


def test_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert releases.main(["--alone", "--offers", "300"]) == 0
    shown = capsys.readouterr().out
    assert "read right, 220 names, held out" in shown
    assert "the budget is 1,000: kept" in shown


def test_offers_of_one_release_come_from_several_indexers() -> None:
    made = releases.offers(30)
    assert len({offer.name for offer in made}) == 10
    assert len({offer.indexer for offer in made}) == 3
