"""The words of release names, and what each stands for.

A name is cut into words at everything that is no letter or digit, so that `WEB-DL`, `WEB.DL` and `web dl` are one
phrase, and `Camelot` is never a CAM. Most phrases are words of plain languages, too ("French", "Extended", "Web"): only
where they stand tells what they are, which is the parser's business. The others are *sure*: they stand in no title.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
import re
from typing import Final
import unicodedata

from .attributes import Audio, Codec, Dub, Edition, Flag, Hdr, Resolution, Source

#: Phrases have at most so many words.
LONGEST_PHRASE: Final = 4


class Filler(Enum):
    """Words that belong to the tags but say nothing that is asked here."""

    FILLER = "filler"


class Hint(Enum):
    """Words that mean something together with others."""

    UHD = "uhd"  # 2160p where no number says otherwise
    FOUR_K = "4k"  # the same, in plain words
    PAL = "pal"  # 576 lines
    RIP = "rip"  # made small
    RAW = "raw"  # a codec in the words of discs: nobody has encoded it again
    ENCODED = "encoded"  # somebody has
    HEVC = "hevc"  # either of them
    NTSC = "ntsc"  # with PAL: a DVD, where no other source is named
    GERMAN_DUAL = "dl"  # "DL": dual, in German names
    COMPLETE = "complete"
    TRANSPORT = "ts"  # TS and TC: a recording in a cinema, or the container of a broadcast
    TELECINE = "tc"
    BLU_RAY = "blu-ray"  # spelled as on the box: of an encoding it is mostly BluRay
    M2TS = "m2ts"  # the container of discs


@dataclass(frozen=True, slots=True)
class Language:
    """A language that is spoken."""

    code: str


@dataclass(frozen=True, slots=True)
class Subtitles:
    """A language of subtitles."""

    code: str


@dataclass(frozen=True, slots=True)
class Depth:
    """Bits of a colour."""

    bits: int


@dataclass(frozen=True, slots=True)
class Channels:
    """Channels of the sound."""

    layout: str


@dataclass(frozen=True, slots=True)
class Version:
    """How often an anime release was made again."""

    number: int


type Tag = (
    Resolution
    | Source
    | Codec
    | Hdr
    | Audio
    | Dub
    | Edition
    | Flag
    | Filler
    | Hint
    | Language
    | Subtitles
    | Depth
    | Channels
    | Version
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a phrase stands for."""

    tags: tuple[Tag, ...]
    sure: bool
    loud: bool = False  # it counts in capitals only
    enclosed: bool = False  # it counts alone in square brackets only
    not_alone: bool = False  # it counts right behind another language, a sure tag or the year only


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a name: folded (lower case, no accents, no apostrophes), and where it stands."""

    text: str
    start: int
    end: int
    apart: bool = False  # a plus, a bar or a comma before it: no phrase goes on over that


#: (what they mean, phrases that stand in no title, phrases that may)
type _Row = tuple[Tag | tuple[Tag, ...], str, str]

_PICTURE: tuple[_Row, ...] = (
    (Source.CAM, "camrip, hdcam, hqcam, hq cam, hd cam, cam rip, hdcamrip, newcam, camhd, cam hd", "cam, cams"),
    (
        Source.TELESYNC,
        "telesync, telesynch, hdts, hqts, hd ts, hq ts, tsrip, hdtsrip, predvdrip, predvd, pdvdrip",
        "pdvd",
    ),
    (Source.TELECINE, "telecine, hdtc, hd tc", ""),
    (Hint.TRANSPORT, "", "ts"),
    (Hint.TELECINE, "", "tc"),
    (Source.WORKPRINT, "", "workprint, work print"),
    (Source.SCREENER, "bdscr, webscreener, scr rip, hdscr", "screener, scr"),
    ((Source.SCREENER, Hint.RIP), "dvdscr, dvdscreener, dvd scr", ""),
    (Source.R5, "", "r5, r5 line, regional"),
    (Source.VHS, "vhsrip", "vhs"),
    (Source.TV, "pdtv, sdtv, dsr, dsrip, satrip, dthrip, dvbrip, tvrip, tv rip, dvb", ""),
    (Source.HDTV, "hdtv, hdtvrip, hd tv, ahdtv, uhdtv", ""),
    (Source.DVD, "dvdrip, dvd rip, dvdmux, xvidvd", "dvd"),
    (
        (Source.DVD, Flag.DISC),
        "dvd5, dvd9, dvdr, dvd r, dvd 5, dvd 9, full dvd, 2xdvd9, 2xdvd5, 2dvd9, 2dvd5, mdvdr",
        "",
    ),
    ((Source.DVD, Flag.REMUX), "dvd remux, dvdremux", ""),
    (Source.WEBRIP, "webrip, web rip, webmux, web mux, hdrip, webcap, web cap, webdlrip, web dlrip, hd rip", ""),
    (Source.WEB_DL, "webdl, web dl, webhd, web hd, webuhd, amazonhd, amazonsd, amazonuhd, ituneshd, netflixhd", "web"),
    (Source.WEB_DL, "netflixuhd, disneyhd, maxdomehd, hbomaxhd, webdlmux, web dlmux, dlmux", ""),
    ((Source.BLURAY, Hint.BLU_RAY), "blu ray", ""),
    (Source.BLURAY, "bluray, bdmux, hddvd, hd dvd, hddvdrip, uhdrip, uhd rip, bdlight, mbluray", "bd"),
    (Source.BLURAY, "uhdbd, uhd2bd, uhdbdrip, bluraymux, brmux", ""),
    ((Source.BLURAY, Hint.RIP), "bdrip, brrip, bd rip, br rip, bdripmux, brripmux", ""),
    ((Source.BLURAY, Flag.REMUX), "bdremux, bd remux, brremux, uhdremux, uhdbdremux, uhd bdremux", ""),
    (
        (Source.BLURAY, Flag.DISC),
        "bdmv, bd25, bd50, bd66, bd100, bd 25, bd 50, bd 66, bd 100, bdiso, brdisk, bd iso",
        "",
    ),
    ((Source.BLURAY, Flag.DISC), "complete bluray, complete blu ray, full bluray", ""),
    ((Source.BLURAY, Flag.DISC, Hint.UHD), "complete uhd bluray, complete uhd blu ray, uhd100, uhd66", ""),
    (Flag.DISC, "", "iso"),
    (Flag.REMUX, "remux", ""),
    (Hint.UHD, "uhd", ""),
    (Resolution.P4320, "8k", ""),
    (Hint.FOUR_K, "", "4k"),
    (Resolution.P1080, "fhd, fullhd, full hd", ""),
    (Hint.PAL, "", "pal"),
    (Hint.NTSC, "ntsc", ""),
    ((Codec.H264, Hint.ENCODED), "x264, h264, h 264, x 264", ""),
    ((Codec.H264, Hint.RAW), "avc", ""),
    ((Codec.H265, Hint.ENCODED), "x265, h265, h 265, x 265", ""),
    ((Codec.H265, Hint.HEVC), "hevc", ""),
    ((Codec.H265, Hint.HEVC, Depth(10)), "hevc10, hevc10bit", ""),
    (Codec.H266, "x266, h266, h 266, vvc", ""),
    (Codec.AV1, "av1, svtav1, svt av1", ""),
    (Codec.VP9, "vp9", ""),
    ((Codec.VC1, Hint.RAW), "vc1, vc 1", ""),
    ((Codec.MPEG2, Hint.RAW), "mpeg2, mpeg 2, mpg2, h262, h 262", ""),
    (Hint.RAW, "", "untouched"),
    (Codec.XVID, "xvid", ""),
    (Codec.DIVX, "divx, divx3, divx4, divx5, divx6", ""),
    ((Codec.H264, Depth(10)), "hi10p, hi10", ""),
    (Depth(8), "8bit, 8 bit, 8bits", ""),
    (Depth(10), "10bit, 10 bit, 10bits, 10 bits", ""),
    (Depth(12), "12bit, 12 bit, 12bits", ""),
    (Hdr.DOLBY_VISION, "dovi, dolby vision, dolbyvision, dv p5, dv p7, dv p8", "dv"),
    (Hdr.HDR10_PLUS, "hdr10+, hdr10plus, hdr10p, hdr10 plus, hdr+", ""),
    (Hdr.HDR10, "hdr10", "hdr, pq"),
    (Hdr.HLG, "", "hlg"),
    (Hdr.SDR, "", "sdr"),
    (
        Flag.UPSCALED,
        "",
        "upscaled, upscale, ai upscaled, ai upscale, ai enhanced, ai enhance, upscalerip, upsuhd, uprez",
    ),
    (Flag.HARDSUB, "", "hc, hardsub, hardsubs, hardsubbed, hardcoded"),
    (Flag.THREE_D, "hsbs, half sbs, h sbs, full sbs, half ou, h ou", "3d, sbs, hou, ou"),
    ((Source.BLURAY, Flag.THREE_D), "bluray3d, bd3d", ""),
)

#: A D behind a sound: dubbed, in German names.
_SOUND: tuple[_Row, ...] = (
    (Audio.ATMOS, "", "atmos"),
    (Audio.DTS_X, "dtsx, dts x", ""),
    (Audio.TRUEHD, "truehd, true hd", ""),
    (Audio.DTS_HD_MA, "dts hd ma, dtshd ma, dts hdma, dtshdma, dts ma, dts hd master", ""),
    (Audio.DTS_HD, "dts hd, dtshd, dts hd hra, dts hra, dtshd hra, dts hd hr, dtshdd", ""),
    (Audio.DTS, "dts es, dtsd", "dts"),
    (Audio.DDP, "ddp, dd+, eac3, e ac3, e ac 3, eac3d, dolby digital plus", ""),
    ((Audio.DDP, Audio.ATMOS), "ddpa", ""),
    (Audio.DD, "ac3, ac 3, ac3d, dolby digital", "dd"),
    (Audio.AAC, "he aac, aac lc", "aac"),
    (Audio.FLAC, "", "flac"),
    (Audio.OPUS, "", "opus"),
    (Audio.MP3, "", "mp3"),
    (Audio.PCM, "", "pcm, lpcm"),
    (Audio.VORBIS, "", "vorbis, ogg"),
    (Channels("7.1"), "8ch", ""),
    (Channels("5.1"), "6ch", ""),
    (Channels("2.0"), "2ch", ""),
)

_FRENCH: Final = Language("fr")
_SPEECH: tuple[_Row, ...] = (
    (Dub.MULTI, "", "multi, multilang, multi lang, multi audio, multi language, ml"),
    (Dub.DUAL, "dual audio", "dual, 2audio, dual lang"),
    ((Dub.TRUEFRENCH, _FRENCH), "truefrench, true french", ""),
    ((Dub.VFF, _FRENCH), "vff", ""),
    ((Dub.VFQ, _FRENCH), "vfq, quebecois", ""),
    ((Dub.VF2, _FRENCH), "vf2", ""),
    ((Dub.VFI, _FRENCH), "vfi", ""),
    ((Dub.VF, _FRENCH), "", "vf"),
    ((Dub.VOF, _FRENCH), "", "vof"),
    ((Dub.VF, _FRENCH, Subtitles("fr")), "vfstfr, vfst", ""),
    ((Dub.VOSTFR, Subtitles("fr")), "vostfr, vost fr, subfrench, vostf, stfr", "vost"),
    (Dub.DUBBED, "", "dubbed, dub"),
    (Dub.SUBBED, "", "subbed"),
    ((Dub.DUBBED, Language("pt")), "", "dublado"),
    (Subtitles("pt"), "", "legendado"),
    (Subtitles("en"), "esub, esubs", ""),
    (
        Subtitles("zh"),
        "",
        "简繁外挂, 简繁内封字幕, 简繁内嵌, 简体内嵌, 繁体内嵌, 双语字幕, 中日双语字幕, 中英双语字幕, 中文字幕",
    ),
    ((Flag.HARDSUB, Subtitles("ko")), "korsub, korsubs", ""),
    (Hint.GERMAN_DUAL, "", "dl"),
    (
        Filler.FILLER,
        "multisubs, multi subs, multi sub, multisub, msubs, msub, multiple subtitle, multiple subtitles",
        "vo",
    ),
    (Filler.FILLER, "fastsub, subforced, fansub", "subs, softsubs, sub, nordic, nordicsubs"),
)

#: Words for a language that may stand in titles, and codes that mean nothing else between tags.
_LANGUAGES: Mapping[str, str] = {
    "fr": "french, francais, fre, fra, fr",
    "en": "english, eng, en, ing, ingles",
    "de": "german, deutsch, ger, deu, swissgerman, videomann",
    "es": "spanish, espanol, castellano, spa, esp, latino, cast",
    "it": "italian, italiano, ita",
    "pt": "portuguese, portugues, brazilian, por, ptbr, pt br",
    "nl": "dutch, flemish, nld",
    "ru": "russian, rus",
    "uk": "ukrainian, ukr",
    "pl": "polish, pldub, dubpl, pllek, lekpl, lektor pl, pl lek, pol",
    "cs": "czech, cze, cz",
    "sk": "slovak",
    "hu": "hungarian, hun, hundub, hundubbed",
    "ro": "romanian, rum, rodubbed",
    "bg": "bulgarian, bgaudio, bg audio",
    "el": "greek",
    "tr": "turkish, tur",
    "ar": "arabic",
    "he": "hebrew, heb, hebdub, hebdubbed",
    "fa": "persian",
    "hi": "hindi, hin",
    "ta": "tamil, tam",
    "te": "telugu, tel",
    "ml": "malayalam",
    "kn": "kannada",
    "bn": "bengali",
    "ja": "japanese, jap, jpn",
    "ko": "korean, kor",
    "zh": "chinese, mandarin, cantonese, chi, chs, cht, big5, 国语, 国语音轨, 国配, 简体, 繁体, 繁中, 简中, 简繁, 中字",
    "th": "thai",
    "vi": "vietnamese, vie",
    "id": "indonesian",
    "sv": "swedish, swe",
    "no": "norwegian, nor",
    "da": "danish, dan",
    "fi": "finnish, fin",
    "is": "icelandic",
    "lt": "lithuanian",
    "lv": "latvian",
    "et": "estonian",
    "ca": "catalan, catala, cat",
}
#: Codes of two letters, which count in capitals only: "de", "it" and "no" are words.
_CODES: Final = ("bg", "de", "es", "hu", "it", "ja", "ka", "ko", "lt", "lv", "pl", "ro", "ru", "sk", "sv", "ua")
#: "fin" is Finnish in Finland and the end in France; "tel", "dan" and "cat" are words: they count among tags only.
_NOT_ALONE = frozenset({"fin", "tel", "dan", "por", "pol", "nor", "tam", "tur", "cast", "vie", "cat", "ing"})

_REST: tuple[_Row, ...] = (
    (Edition.EXTENDED, "extended cut, extended edition", "extended, version longue, longer cut"),
    (Edition.DIRECTORS_CUT, "directors cut, director cut", "dc, directors, directors edition"),
    (Edition.FINAL_CUT, "", "final cut"),
    (Edition.ALTERNATE_CUT, "", "alternate cut, alternative cut, assembly cut, rogue cut"),
    (Edition.THEATRICAL, "theatrical cut", "theatrical, theatrical edition"),
    (Edition.UNRATED, "", "unrated"),
    (Edition.UNCUT, "", "uncut, uncensored"),
    (Edition.REMASTERED, "", "remastered, remaster, 4k remastered, 4k remaster"),
    (Edition.RESTORED, "", "restored, 4k restored, 4k restoration, 2k restoration, restoration"),
    (Edition.IMAX, "", "imax, imax edition"),
    (Edition.OPEN_MATTE, "", "open matte"),
    (Edition.CRITERION, "", "criterion, criterion collection, criterion edition"),
    (Edition.SPECIAL, "", "special edition, deluxe edition, limited edition, diamond edition, imperial edition"),
    (Edition.SPECIAL, "", "platinum edition, definitive edition, signature edition, gold edition"),
    (Edition.COLLECTORS, "", "collectors edition, collectors cut, collector edition"),
    (Edition.ANNIVERSARY, "", "anniversary edition, anniversary"),
    (Edition.ULTIMATE, "", "ultimate cut, ultimate edition, ultimate"),
    (Edition.TWO_IN_ONE, "2in1", ""),
    (Edition.FAN_EDIT, "", "fan edit, fanedit, despecialized"),
    (Flag.PROPER, "", "proper"),
    (Flag.REPACK, "repack2, repack3", "repack, rerip"),
    ((Flag.PROPER, Flag.REPACK), "", "proper repack"),
    (Flag.REAL, "", "real"),
    (Flag.SAMPLE, "", "sample"),
    (Flag.EXTRAS, "", "extras, bonus, bonus disc, bonus disk, les bonus, featurette, featurettes, behind the scenes"),
    (Flag.EXTRAS, "", "making of, the making of, deleted scenes, cut scenes, scenes coupees, gag reel"),
    (Flag.EXTRAS, "", "trailer, trailers, official trailer, teaser, teaser trailer, bande annonce"),
    (Hint.COMPLETE, "complete series, complete collection", "complete, integrale, integral, batch, box set, boxset"),
    # who sends it
    (
        Filler.FILLER,
        "amzn, dsnp, hmax, atvp, pcok, pmtp, hbomax",
        "nf, max, hulu, cr, ip, all4, it, now, ma, stan, red",
    ),
    (Filler.FILLER, "", "red, crav, sho, stz, bcore, cbc, itv, adn, funi, hbo, dsny, play, cx, at x, hd, sd, tv"),
    # how it was made
    (
        Filler.FILLER,
        "readnfo, hdlight, 4klight, mhd, microhd, lightdl, dxva",
        "limited, internal, hybrid, custom, retail, convert",
    ),
    (
        Filler.FILLER,
        "",
        "hfr, 60fps, md, ld, line, light, rip, encode, hq, vhq, hra, p5, p7, p8, st, fs, ws",
    ),
    (Filler.FILLER, "", "mp4, mkv, dirfix, nfofix, disc, widescreen, fullscreen, doc, doku, anime, final, end, org"),
    (Filler.FILLER, "", "version, edition, cut, roadshow, the, retail, audio, dubs"),
)


def _phrases(listed: str) -> Iterator[str]:
    return (phrase.strip() for phrase in listed.split(",") if phrase.strip())


def _compile(tables: Iterable[tuple[_Row, ...]]) -> dict[str, Meaning]:
    meanings: dict[str, Meaning] = {}
    for table in tables:
        for tag, sure, plain in table:
            tags = tag if isinstance(tag, tuple) else (tag,)
            meanings |= {phrase: Meaning(tags, sure=True) for phrase in _phrases(sure)}
            meanings |= {phrase: Meaning(tags, sure=False) for phrase in _phrases(plain)}
    return meanings


def _compile_languages() -> dict[str, Meaning]:
    meanings: dict[str, Meaning] = {}
    for code, listed in _LANGUAGES.items():
        spoken, read = Language(code), Subtitles(code)
        for word in _phrases(listed):
            meanings[word] = Meaning((spoken,), sure=False, not_alone=word in _NOT_ALONE)
            for dub in ("dub", "dubbed", "dubs"):
                meanings[f"{word} {dub}"] = Meaning((spoken, Dub.DUBBED), sure=False)
            for sub in ("sub", "subs", "subbed", "subtitles", "subtitled"):
                meanings[f"{word} {sub}"] = Meaning((read,), sure=False)
            meanings[f"sub {word}"] = meanings[f"subs {word}"] = Meaning((read,), sure=False)
            meanings[f"{word}subs"] = meanings[f"{word}sub"] = Meaning((read,), sure=False)
    for code in _CODES:
        language = Language("uk" if code == "ua" else code)
        meanings[code] = Meaning((language,), sure=False, loud=True)
    meanings["gb"] = Meaning((Language("zh"),), sure=False, enclosed=True)
    meanings["lav"] = Meaning((Language("lv"),), sure=False, loud=True)
    meanings["plsub"] = meanings["plsubs"] = meanings["pl sub"] = Meaning((Subtitles("pl"),), sure=False)
    meanings["nlsubs"] = meanings["nlsub"] = meanings["nl subs"] = Meaning((Subtitles("nl"),), sure=False)
    return meanings


PHRASES: Final[Mapping[str, Meaning]] = _compile_languages() | _compile((_PICTURE, _SOUND, _SPEECH, _REST))

_WORD = re.compile(r"\d{3,4}\*\d{3,4}(?![^\W_])|[^\W_]+(?:['\u2019][^\W_]+)*\+?")
_APART = re.compile(r"[+|,]")
_LINES = re.compile(
    r"(bd|bdrip|bluray|web|webdl|webrip|hdtv|m|hd|dvd|4kto)?"
    r"(240|360|480|540|576|720|960|1080|1440|2160|4320)[pi](?:\d\d)?(?:fps)?"
)
#: Heights that are none of the usual ones, and the next that is no more than they are; below 480 all is the same.
_ODD_LINES: Final = {240: 480, 360: 480, 540: 480, 960: 720}
_FRAME = re.compile(r"(\d{3,4})[x*](\d{3,4})")
#: "2016x231" is an episode: no frame is so wide and so low.
_YEARS: Final = range(1930, 2040)
_DAYS: Final = range(1, 400)
_TIMES = re.compile(r"\dx([a-z]{3,})")
_SOUND_TIMES = re.compile(r"([a-z]+\d?)x[2-9]")
_VERSION = re.compile(r"v([2-9])")
_SOUND_AND_CHANNELS = re.compile(r"([a-z]+\d?\+?|dts (?:x|es|hd|hd ma)|e?ac3)([1-9])")
#: "DD51", as German names have it.
_SOUND_WITH_CHANNELS = re.compile(r"(ddp?\+?|e?ac3|aac|dts|truehd|flac|opus)([1257])([01])")
#: Lines without their "p", where no title goes on.
_BARE_LINES: Final = frozenset({"720", "1080", "2160"})
_WIDTHS: Final = ((3800, Resolution.P2160), (1900, Resolution.P1080), (1200, Resolution.P720), (0, Resolution.P480))
_PREFIXES: Final[Mapping[str, Source]] = {
    "bd": Source.BLURAY,
    "bdrip": Source.BLURAY,
    "bluray": Source.BLURAY,
    "web": Source.WEB_DL,
    "webdl": Source.WEB_DL,
    "webrip": Source.WEBRIP,
    "hdtv": Source.HDTV,
    "dvd": Source.DVD,
}


#: Letters that Unicode doesn't take apart, as they are written without them.
_LETTERS: Final = str.maketrans(
    {"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)


def fold(text: str) -> str:
    """Return a text in lower case without accents and apostrophes."""
    lowered = text.lower().replace("'", "").replace("\u2019", "")
    if lowered.isascii():
        return lowered
    lowered = lowered.translate(_LETTERS)
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def words(name: str) -> list[Word]:
    """Cut a name into words."""
    listed: list[Word] = []
    end = 0
    for found in _WORD.finditer(name):
        apart = _APART.search(name, end, found.start()) is not None
        listed.append(Word(fold(found[0]), found.start(), end := found.end(), apart))
    return listed


def meaning_at(listed: list[Word], at: int) -> tuple[Meaning, int] | None:
    """Return what the longest phrase that starts at a word means, and how many words it has."""
    text = listed[at].text
    phrase = text
    best: tuple[Meaning, int] | None = None
    for count in range(1, min(LONGEST_PHRASE, len(listed) - at) + 1):
        if count > 1:
            if listed[at + count - 1].apart:
                break
            phrase = f"{phrase} {listed[at + count - 1].text}"
        if (meaning := PHRASES.get(phrase)) is not None:
            best = meaning, count
        elif count > 1 and (found := _sound_with_channels(phrase, listed, at + count - 1)) is not None:
            best = found[0], count + 1
    return best or _with_number(text, listed, at)


def starts_with_tags(text: str) -> bool:
    """Tell whether there is nothing before the first sure tag, or the end, but what may be a tag."""
    listed, at = words(text), 0
    while at < len(listed):
        if (found := meaning_at(listed, at)) is None:
            return False
        meaning, count = found
        if meaning.sure:
            return True
        at += count
    return True


def are_codecs(text: str) -> bool:
    """Tell whether a text names codecs and nothing else."""
    listed, at = words(text), 0
    while at < len(listed):
        found = meaning_at(listed, at)
        if found is None or not isinstance(found[0].tags[0], Codec):
            return False
        at += found[1]
    return at > 0


def _with_number(text: str, listed: list[Word], at: int) -> tuple[Meaning, int] | None:
    """Read a word that has a number in it: 1080p, 1920x1080, DDP5 with the 1 that follows, v2."""
    if text.endswith("+") and (meaning := PHRASES.get(text[:-1])) is not None:
        return meaning, 1
    if not any(each.isdigit() for each in text):
        return None
    if (lines := _lines(text, listed, at)) is not None:
        return lines, 1
    if (found := _TIMES.fullmatch(text)) and (meaning := PHRASES.get(found[1])) is not None:  # "2xUkr"
        return meaning, 1
    if found := _SOUND_WITH_CHANNELS.fullmatch(text):
        return Meaning((*PHRASES[found[1]].tags, Channels(f"{found[2]}.{found[3]}")), sure=False), 1
    if found := _VERSION.fullmatch(text):
        return Meaning((Version(int(found[1])),), sure=False), 1
    if (sound := _sound_with_channels(text, listed, at)) is not None:
        return sound
    if (found := _SOUND_TIMES.fullmatch(text)) and (meaning := PHRASES.get(found[1])) and _is_sound(meaning):  # "DTSx2"
        return meaning, 1
    return None


def _lines(text: str, listed: list[Word], at: int) -> Meaning | None:
    """Read `1080p`, `1920x1080`, and `1080` before what surely is a source or a codec."""
    if found := _LINES.fullmatch(text):
        lines = Resolution(_ODD_LINES.get(int(found[2]), int(found[2])))
        source = _PREFIXES.get(found[1] or "")
        return Meaning((lines, source) if source else (lines,), sure=True)
    if (found := _FRAME.fullmatch(text)) and not (int(found[1]) in _YEARS and int(found[2]) in _DAYS):
        width = int(found[1])
        return Meaning((next(lines for least, lines in _WIDTHS if width >= least),), sure=True)
    if text in _BARE_LINES and at > 0 and _is_of_picture(listed, at + 1):
        return Meaning((Resolution(int(text)),), sure=True)
    return None


def _is_of_picture(listed: list[Word], at: int) -> bool:
    """Tell whether a word is surely a source or a codec."""
    meaning = PHRASES.get(listed[at].text) if at < len(listed) else None
    return meaning is not None and meaning.sure and isinstance(meaning.tags[0], Source | Codec)


def _is_sound(meaning: Meaning) -> bool:
    return any(isinstance(tag, Audio) for tag in meaning.tags)


def _sound_with_channels(text: str, listed: list[Word], at: int) -> tuple[Meaning, int] | None:
    """Read `DDP5.1`, `AAC2.0`, `DTS-HD5.1`, and `5.1` alone; `at` is the last word before the dot."""
    following = listed[at + 1].text if at + 1 < len(listed) else ""
    if following not in {"0", "1"}:
        return None
    channels = Channels(f"{text[-1]}.{following}")
    if len(text) == 1 and text in "12567":
        return Meaning((channels,), sure=False), 2
    sound = PHRASES.get(text[:-1].rstrip()) if _SOUND_AND_CHANNELS.fullmatch(text) else None
    if sound is None or not _is_sound(sound):
        return None
    return Meaning((*sound.tags, channels), sure=True), 2
