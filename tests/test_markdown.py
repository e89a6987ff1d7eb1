"""Text from strangers in the Markdown of a form."""

from html import unescape

import pytest

from custom_components.sokoul import markdown

HOSTILE = (
    "![x](http://evil.example/p.png?i=1) [Update now](http://evil.example)",
    "<img src=x onerror=alert(1)>",
    "www.evil.example and mail@evil.example",
    "`code` **bold** _italic_ ~~gone~~ | table | # heading",
    "\\[escaped\\]",
    "&lt;b&gt;",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_left_that_means_something(text: str) -> None:
    safe = markdown.plain(text)
    assert not set("\\`*_[]()!<>|~:.@") & set(safe)
    assert unescape(safe) == text


def test_a_usual_release_name_shows_as_it_is() -> None:
    name = "Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1-GROUP"
    assert unescape(markdown.plain(name)) == name


def test_a_path_is_code() -> None:
    assert markdown.code("/data/`x`") == "<code>/data/&#96;x&#96;</code>"
