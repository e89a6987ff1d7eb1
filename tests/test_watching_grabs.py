"""What is held of a search until somebody lets the best of it be downloaded."""

import gc

from custom_components.sokoul.acquire.grabbing import MOST_RELEASES
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.watching_grabs import Findings

from .acquire.make import DUNE_2021, DUNE_2024, FakeCatalogue, FakeSource, World, offer


def objects_behind(found: Findings) -> int:
    """Count what the garbage collector goes over because of it."""
    seen, waiting = dict[int, object](), [found.results, found.answer.results if found.answer is not None else ()]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen and gc.is_tracked(each) and not isinstance(each, type):
            seen[id(each)] = each
            waiting += gc.get_referents(each)  # type: ignore[arg-type]  # of anything
    return len(seen)


async def test_little_is_held_until_it_is_grabbed() -> None:
    many = [offer(f"Dune.Part.Two.2024.1080p.WEB-DL.H264-G{number}") for number in range(200)]
    world = World([FakeCatalogue("lookup", [DUNE_2021, DUNE_2024])], [FakeSource("prowlarr", many)])
    answer = await world.engine.search(SearchRequest(text="dune 2"))
    findings = Findings(answer=answer, found=len(answer.results), results=tuple(answer.results))
    held = findings.to_grab()
    assert held.results == findings.results[:MOST_RELEASES]
    assert (held.reference, held.release, held.found) == (findings.reference, findings.release, 200)
    assert held.answer is not None
    assert (held.answer.target, held.answer.request) == (answer.target, answer.request)
    assert objects_behind(held) < objects_behind(findings) / 20
    await world.engine.stop()
