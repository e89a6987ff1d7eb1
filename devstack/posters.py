"""Posters drawn by us: a picture and the title, the same ones for the same title. 300 x 450 JPEG."""

from collections.abc import Callable
from functools import lru_cache
import hashlib
import io
import math
import random
import textwrap
from typing import cast
import unicodedata

from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 300, 450
_SCALE = 2  # drawn larger, then made smaller: smooth edges
_W, _H = WIDTH * _SCALE, HEIGHT * _SCALE

type Colour = tuple[int, int, int]

#: sky above, sky below, near, far, light
_PALETTES: tuple[tuple[Colour, Colour, Colour, Colour, Colour], ...] = (
    ((18, 22, 54), (231, 111, 81), (20, 16, 38), (94, 52, 84), (255, 209, 128)),
    ((6, 37, 56), (46, 140, 148), (4, 20, 33), (14, 74, 92), (222, 243, 220)),
    ((48, 12, 44), (206, 66, 87), (24, 8, 28), (112, 28, 66), (255, 186, 120)),
    ((22, 30, 28), (186, 170, 104), (14, 20, 18), (74, 82, 58), (250, 240, 202)),
    ((14, 18, 34), (88, 86, 168), (10, 10, 24), (48, 44, 104), (198, 214, 255)),
    ((236, 226, 208), (214, 122, 78), (58, 40, 44), (150, 78, 66), (255, 246, 230)),
    ((10, 44, 40), (120, 180, 96), (6, 24, 24), (28, 92, 70), (240, 250, 180)),
    ((30, 30, 34), (150, 150, 158), (14, 14, 18), (74, 74, 82), (246, 246, 240)),
)


@lru_cache(maxsize=256)
def poster(title: str, year: int) -> bytes:
    """Return the poster of a title."""
    seed = hashlib.sha1(f"{title} {year}".encode(), usedforsecurity=False).digest()
    chance = random.Random(seed)
    palette = chance.choice(_PALETTES)
    picture = _gradient(palette[0], palette[1])
    chance.choice(_SCENES)(picture, palette, chance)
    picture = _shade(picture)
    _write(picture, title, year)
    picture = picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=86, optimize=True)
    return out.getvalue()


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    return cast("Colour", tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True)))


def _gradient(above: Colour, below: Colour) -> Image.Image:
    column = Image.new("RGB", (1, _H))
    for y in range(_H):
        column.putpixel((0, y), _mix(above, below, (y / _H) ** 1.3))
    return column.resize((_W, _H))


def _glow(picture: Image.Image, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """Lay a soft light with a sharp disc in it."""
    halo = Image.new("L", picture.size, 0)
    x, y = centre
    ImageDraw.Draw(halo).ellipse((x - radius * 1.9, y - radius * 1.9, x + radius * 1.9, y + radius * 1.9), fill=95)
    halo = halo.filter(ImageFilter.GaussianBlur(radius * 0.7))
    picture.paste(Image.new("RGB", picture.size, colour), (0, 0), halo)
    ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _ridge(chance: random.Random, base: float, height: float) -> list[tuple[float, float]]:
    """Return the outline of hills, made of a few waves."""
    waves = [(chance.uniform(0.4, 3.2), chance.uniform(0, math.tau), chance.uniform(0.2, 1)) for _ in range(4)]
    total = sum(weight for *_, weight in waves)
    line = []
    for x in range(0, _W + 8, 8):
        lift = sum(weight * math.sin(x / _W * math.tau * rate + phase) for rate, phase, weight in waves) / total
        line.append((float(x), base - height * (0.5 + lift / 2)))
    return [(0.0, float(_H)), *line, (float(_W), float(_H))]


type _Palette = tuple[Colour, Colour, Colour, Colour, Colour]


def _hills(picture: Image.Image, palette: _Palette, chance: random.Random) -> None:
    _glow(
        picture, (chance.uniform(0.25, 0.75) * _W, chance.uniform(0.22, 0.4) * _H), chance.uniform(45, 95), palette[4]
    )
    draw = ImageDraw.Draw(picture)
    for layer in range(4):
        colour = _mix(palette[3], palette[2], layer / 3)
        draw.polygon(_ridge(chance, _H * (0.55 + layer * 0.09), _H * 0.18), fill=colour)


def _orbits(picture: Image.Image, palette: _Palette, chance: random.Random) -> None:
    draw = ImageDraw.Draw(picture)
    for _ in range(140):
        x, y, dot = chance.uniform(0, _W), chance.uniform(0, _H), chance.choice((1, 1, 2, 3))
        draw.ellipse((x, y, x + dot, y + dot), fill=_mix(palette[1], palette[4], chance.random()))
    centre = (chance.uniform(0.3, 0.7) * _W, chance.uniform(0.32, 0.45) * _H)
    _glow(picture, centre, chance.uniform(60, 90), palette[4])
    draw = ImageDraw.Draw(picture)
    for ring in range(3, 7):
        radius = ring * 52
        draw.ellipse(
            (centre[0] - radius, centre[1] - radius * 0.42, centre[0] + radius, centre[1] + radius * 0.42),
            outline=_mix(palette[1], palette[4], 0.5),
            width=2,
        )
        angle = chance.uniform(0, math.tau)
        x, y = centre[0] + radius * math.cos(angle), centre[1] + radius * 0.42 * math.sin(angle)
        size = chance.uniform(7, 20)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=_mix(palette[4], palette[3], chance.random()))


def _skyline(picture: Image.Image, palette: _Palette, chance: random.Random) -> None:
    _glow(picture, (chance.uniform(0.2, 0.8) * _W, 0.3 * _H), chance.uniform(60, 110), palette[4])
    draw = ImageDraw.Draw(picture)
    for layer in range(3):
        colour = _mix(palette[3], palette[2], layer / 2)
        x = -20.0
        while x < _W:
            width = chance.uniform(34, 90)
            top = _H * (0.62 + layer * 0.07) - chance.uniform(20, 220 - layer * 50)
            draw.rectangle((x, top, x + width, _H), fill=colour)
            for window in range(int(top) + 14, _H, 26):
                for column in range(int(x) + 8, int(x + width) - 10, 18):
                    if chance.random() < 0.2:  # noqa: PLR2004 -- the share of lit windows
                        draw.rectangle((column, window, column + 7, window + 10), fill=_mix(colour, palette[4], 0.7))
            x += width + chance.uniform(-6, 10)


def _sea(picture: Image.Image, palette: _Palette, chance: random.Random) -> None:
    horizon = _H * 0.52
    x = chance.uniform(0.25, 0.75) * _W
    _glow(picture, (x, horizon - chance.uniform(0, 130)), chance.uniform(60, 100), palette[4])
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, horizon, _W, _H), fill=_mix(palette[3], palette[2], 0.3))
    for row in range(60):
        y = horizon + (row / 60) ** 1.6 * (_H - horizon)
        for _ in range(5):
            start, length = chance.uniform(-60, _W), chance.uniform(20, 60 + row * 3)
            near = max(0.0, 1 - abs(start + length / 2 - x) / (_W * 0.4))
            draw.line(
                (start, y, start + length, y), fill=_mix(palette[2], palette[4], 0.12 + 0.6 * near), width=1 + row // 14
            )
    boat = chance.uniform(0.15, 0.8) * _W
    draw.polygon(
        [(boat, horizon - 4), (boat + 70, horizon - 4), (boat + 56, horizon + 12), (boat + 12, horizon + 12)],
        palette[2],
    )
    draw.polygon([(boat + 34, horizon - 8), (boat + 34, horizon - 84), (boat + 66, horizon - 14)], palette[2])


def _rays(picture: Image.Image, palette: _Palette, chance: random.Random) -> None:
    centre = (chance.uniform(0.3, 0.7) * _W, chance.uniform(0.3, 0.5) * _H)
    draw = ImageDraw.Draw(picture)
    count = chance.choice((14, 18, 24))
    turn = chance.uniform(0, math.tau)
    for ray in range(count):
        one, other = turn + math.tau * ray / count, turn + math.tau * (ray + 0.5) / count
        far = _H * 1.5
        draw.polygon(
            [
                centre,
                (centre[0] + far * math.cos(one), centre[1] + far * math.sin(one)),
                (centre[0] + far * math.cos(other), centre[1] + far * math.sin(other)),
            ],
            fill=_mix(palette[1], palette[3], 0.75),
        )
    _glow(picture, centre, chance.uniform(80, 120), palette[4])
    draw = ImageDraw.Draw(picture)
    x, y = centre
    # somebody stands in the light
    draw.ellipse((x - 16, y - 34, x + 16, y - 2), fill=palette[2])
    draw.polygon([(x - 26, y + 130), (x - 20, y + 2), (x + 20, y + 2), (x + 26, y + 130)], fill=palette[2])
    draw.rectangle((0, y + 128, _W, _H), fill=palette[2])


_SCENES: tuple[Callable[[Image.Image, _Palette, random.Random], None], ...] = (_hills, _orbits, _skyline, _sea, _rays)


def _shade(picture: Image.Image) -> Image.Image:
    """Darken the lower part, where the title stands."""
    mask = Image.new("L", (1, _H))
    for y in range(_H):
        mask.putpixel((0, y), round(205 * max(0.0, (y / _H - 0.52) / 0.48) ** 0.8))
    return Image.composite(Image.new("RGB", (_W, _H), (8, 8, 12)), picture, mask.resize((_W, _H)))


def _font(size: int) -> ImageFont.FreeTypeFont:
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size))


def _write(picture: Image.Image, title: str, year: int) -> None:
    draw = ImageDraw.Draw(picture)
    folded = unicodedata.normalize("NFKD", title.upper())  # Pillow's own font has no accents
    capitals = "".join(character for character in folded if not unicodedata.combining(character))
    size = 64
    lines: list[str] = []
    while size > 30:  # noqa: PLR2004 -- smaller can't be read
        lines = textwrap.wrap(capitals, width=max(6, int(_W / (size * 0.74))), break_long_words=False)
        if len(lines) <= 3 and all(_font(size).getlength(line) < _W - 60 for line in lines):  # noqa: PLR2004
            break
        size -= 4
    font = _font(size)
    y = _H - 92 - len(lines) * size * 1.12
    for line in lines:
        draw.text(
            (_W / 2, y), line, font=font, fill=(250, 248, 242), anchor="ma", stroke_width=1, stroke_fill=(250, 248, 242)
        )
        y += size * 1.12
    draw.line((_W / 2 - 40, y + 18, _W / 2 + 40, y + 18), fill=(250, 248, 242), width=3)
    draw.text((_W / 2, y + 32), str(year), font=_font(28), fill=(220, 218, 210), anchor="ma")
