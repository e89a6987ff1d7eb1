"""On which day an episode aired: releases of what airs daily are named by that, not by season and number."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Final

from ..model.catalogue import SeriesType
from .ports import Days, Target

#: Whoever knows it has read it, or is asked for one season: sources wait so long for that.
PATIENCE: Final = timedelta(seconds=1)


async def with_day(target: Target, days: Days) -> Target:
    """Return a target with the day on which its episode aired, where it is named by it and anybody tells in time."""
    wanted = target.wanted
    daily = target.title is not None and target.title.series_type is SeriesType.DAILY
    if not daily or wanted.aired is not None or wanted.season is None or len(wanted.episodes) != 1:
        return target
    (episode,) = wanted.episodes
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            day = await days.aired_on(target, wanted.season, episode)
    except TimeoutError:
        return target
    return replace(target, wanted=replace(wanted, aired=day))
