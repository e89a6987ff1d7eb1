"""What a watchlist can't do, as an error of Home Assistant that says why."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .store import StoreError
from .watchlist.errors import KeptByArr, NoList, NoSuchChoice, NoSuchWish, NothingToAsk, TooMany
from .wording import clean


@contextmanager
def watchlist_errors() -> Iterator[None]:
    """Raise what can't be done as an error of Home Assistant that says why."""
    try:
        yield
    except NoSuchWish as error:
        raise no_such_wish(error.wish_id) from error
    except NoSuchChoice as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="no_such_choice",
            translation_placeholders={
                "title": clean(error.label),
                "choice": clean(error.choice),
                "count": str(error.count),
            },
        ) from error
    except KeptByArr as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="kept_by_arr",
            translation_placeholders={"title": clean(error.label), "backend": error.backend},
        ) from error
    except TooMany as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="too_many_wishes",
            translation_placeholders={"count": str(error.most)},
        ) from error
    except NothingToAsk as error:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_to_look_for") from error
    except NoList as error:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="no_watchlist") from error
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="store_failed", translation_placeholders={"detail": str(error)}
        ) from error


def no_such_wish(item: str) -> ServiceValidationError:
    """Return that nothing like that is on the list."""
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key="no_such_wish", translation_placeholders={"item": clean(item)}
    )


def several_such_wishes(item: str, titles: Sequence[str]) -> ServiceValidationError:
    """Return that a name fits several that are on the list."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="several_such_wishes",
        translation_placeholders={"item": clean(item), "titles": ", ".join(titles)},
    )
