"""What a release's name says, in the words by which a person chooses."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum


class Resolution(IntEnum):
    """How many lines a picture has. The larger, the better."""

    P480 = 480
    P576 = 576
    P720 = 720
    P1080 = 1080
    P1440 = 1440
    P2160 = 2160
    P4320 = 4320

    @property
    def label(self) -> str:
        """How a person writes it."""
        return f"{self.value}p"


class Source(StrEnum):
    """Where a picture was taken from, the worst first."""

    CAM = "cam"
    TELESYNC = "telesync"
    WORKPRINT = "workprint"
    TELECINE = "telecine"
    SCREENER = "screener"
    R5 = "r5"
    VHS = "vhs"
    TV = "tv"  # in standard definition
    DVD = "dvd"
    HDTV = "hdtv"
    WEBRIP = "webrip"
    WEB_DL = "web-dl"
    BLURAY = "bluray"


#: Taken in a cinema, or before anything was for sale. Nobody wants one who can have another.
CAM_FAMILY = frozenset({Source.CAM, Source.TELESYNC, Source.WORKPRINT, Source.TELECINE, Source.SCREENER, Source.R5})


class Codec(StrEnum):
    """How the picture is compressed."""

    H266 = "h266"
    AV1 = "av1"
    H265 = "h265"
    VP9 = "vp9"
    H264 = "h264"
    VC1 = "vc1"
    MPEG2 = "mpeg2"
    XVID = "xvid"
    DIVX = "divx"


class Hdr(StrEnum):
    """What the picture has beyond the standard range of brightness; SDR where a name says that it has nothing."""

    DOLBY_VISION = "dv"
    HDR10_PLUS = "hdr10+"
    HDR10 = "hdr10"
    HLG = "hlg"
    SDR = "sdr"


class Audio(StrEnum):
    """How the sound is compressed, and whether it has objects in space."""

    ATMOS = "atmos"
    DTS_X = "dts-x"
    TRUEHD = "truehd"
    DTS_HD_MA = "dts-hd-ma"
    PCM = "pcm"
    FLAC = "flac"
    DTS_HD = "dts-hd"
    DTS = "dts"
    DDP = "ddp"
    DD = "dd"
    OPUS = "opus"
    AAC = "aac"
    VORBIS = "vorbis"
    MP3 = "mp3"


class Dub(StrEnum):
    """What a name says of its soundtracks beyond their languages."""

    MULTI = "multi"  # several languages, the original among them
    DUAL = "dual"  # the original and one more
    TRUEFRENCH = "truefrench"  # dubbed in France
    VFF = "vff"  # the same, in newer names
    VFQ = "vfq"  # dubbed in Québec
    VF2 = "vf2"  # both of these
    VFI = "vfi"  # one French track for all the world
    VF = "vf"  # French, nobody says from where
    VOF = "vof"  # French is the original
    VOSTFR = "vostfr"  # the original with French subtitles
    DUBBED = "dubbed"
    SUBBED = "subbed"


class Edition(StrEnum):
    """A version of a film."""

    EXTENDED = "extended"
    DIRECTORS_CUT = "directors-cut"
    FINAL_CUT = "final-cut"
    ALTERNATE_CUT = "alternate-cut"
    THEATRICAL = "theatrical"
    UNRATED = "unrated"
    UNCUT = "uncut"
    REMASTERED = "remastered"
    RESTORED = "restored"
    IMAX = "imax"
    OPEN_MATTE = "open-matte"
    CRITERION = "criterion"
    SPECIAL = "special-edition"
    COLLECTORS = "collectors"
    ANNIVERSARY = "anniversary"
    ULTIMATE = "ultimate"
    FAN_EDIT = "fan-edit"
    TWO_IN_ONE = "2in1"  # two of them to choose from


class Flag(StrEnum):
    """What else a name says, yes or no."""

    REMUX = "remux"  # the streams of the disc as they were
    DISC = "disc"  # the whole disc, menus and all
    UPSCALED = "upscaled"  # more lines than there ever were
    HARDSUB = "hardsub"  # subtitles burnt into the picture
    THREE_D = "3d"
    SAMPLE = "sample"
    EXTRAS = "extras"  # what comes with a film and isn't it: trailers, cut scenes, how it was made
    PROPER = "proper"  # another group mends what was wrong with the first
    REPACK = "repack"  # the same group does
    REAL = "real"  # a proper of a proper


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """Which episodes a release has. Nothing at all: a film, or a whole series."""

    seasons: tuple[int, ...] = ()
    episodes: tuple[int, ...] = ()  # of the season; without any they are counted in a way that the name doesn't tell
    absolute: tuple[int, ...] = ()  # counted through all seasons, as anime is
    aired: date | None = None
    or_aired: date | None = None  # the other day that it may be, where day and month can't be told apart
    complete: bool = False  # the whole series
    partial: bool = False  # of the season: it came out in parts, and this is one of them

    @property
    def is_series(self) -> bool:
        """Whether it is about a series at all."""
        return bool(self.seasons or self.episodes or self.absolute or self.aired or self.complete)

    @property
    def is_pack(self) -> bool:
        """Whether it has at least a whole season."""
        return self.complete or (bool(self.seasons) and not self.episodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseName:
    """A release's name, read."""

    name: str
    title: str
    other_titles: tuple[str, ...] = ()  # that it bears besides: behind AKA or a slash, in parentheses
    second_title: str | None = None  # that a second reader reads instead, where one was asked
    title_in_3d: str | None = None  # "Step Up 3D": the only "3D", and it may be the end of the title
    year: int | None = None
    numbering: Numbering = Numbering()
    resolution: Resolution | None = None
    resolution_inferred: bool = False  # the name doesn't say it, its source does
    source: Source | None = None
    codec: Codec | None = None
    bit_depth: int | None = None
    hdr: frozenset[Hdr] = frozenset()
    audio: frozenset[Audio] = frozenset()
    channels: str | None = None  # "5.1"
    languages: tuple[str, ...] = ()  # spoken, ISO 639-1
    subtitles: tuple[str, ...] = ()  # ISO 639-1
    dubs: frozenset[Dub] = frozenset()
    editions: frozenset[Edition] = frozenset()
    flags: frozenset[Flag] = frozenset()
    version: int = 1  # "v2" of an anime
    group: str | None = None

    @property
    def is_cam(self) -> bool:
        """Whether it was taken in a cinema, or leaked."""
        return self.source in CAM_FAMILY

    @property
    def revision(self) -> int:
        """How often it was mended: 0 for a first release."""
        mended = len(self.flags & {Flag.PROPER, Flag.REPACK}) + (2 if Flag.REAL in self.flags else 0)
        return max(mended, self.version - 1)
