"""How people write what names say: the same in every language."""

from typing import Final

from .attributes import Audio, Codec, Dub, Flag, Hdr, Source

SOURCE: Final = {
    Source.CAM: "CAM",
    Source.TELESYNC: "Telesync",
    Source.WORKPRINT: "Workprint",
    Source.TELECINE: "Telecine",
    Source.SCREENER: "Screener",
    Source.R5: "R5",
    Source.VHS: "VHS",
    Source.TV: "SDTV",
    Source.DVD: "DVD",
    Source.HDTV: "HDTV",
    Source.WEBRIP: "WEBRip",
    Source.WEB_DL: "WEB-DL",
    Source.BLURAY: "Blu-ray",
}
CODEC: Final = {
    Codec.H266: "H.266",
    Codec.AV1: "AV1",
    Codec.H265: "H.265",
    Codec.VP9: "VP9",
    Codec.H264: "H.264",
    Codec.VC1: "VC-1",
    Codec.MPEG2: "MPEG-2",
    Codec.XVID: "Xvid",
    Codec.DIVX: "DivX",
}
HDR: Final = {
    Hdr.DOLBY_VISION: "Dolby Vision",
    Hdr.HDR10_PLUS: "HDR10+",
    Hdr.HDR10: "HDR10",
    Hdr.HLG: "HLG",
    Hdr.SDR: "SDR",
}
AUDIO: Final = {
    Audio.ATMOS: "Atmos",
    Audio.DTS_X: "DTS:X",
    Audio.TRUEHD: "TrueHD",
    Audio.DTS_HD_MA: "DTS-HD MA",
    Audio.PCM: "PCM",
    Audio.FLAC: "FLAC",
    Audio.DTS_HD: "DTS-HD",
    Audio.DTS: "DTS",
    Audio.DDP: "DD+",
    Audio.DD: "DD",
    Audio.OPUS: "Opus",
    Audio.AAC: "AAC",
    Audio.VORBIS: "Vorbis",
    Audio.MP3: "MP3",
}
DUB: Final = {
    Dub.MULTI: "MULTi",
    Dub.DUAL: "Dual",
    Dub.TRUEFRENCH: "TRUEFRENCH",
    Dub.VFF: "VFF",
    Dub.VFQ: "VFQ",
    Dub.VF2: "VF2",
    Dub.VFI: "VFI",
    Dub.VF: "VF",
    Dub.VOF: "VOF",
    Dub.VOSTFR: "VOSTFR",
    Dub.DUBBED: "dubbed",
    Dub.SUBBED: "subbed",
}
FLAG: Final = {
    Flag.REMUX: "Remux",
    Flag.DISC: "Full disc",
    Flag.UPSCALED: "Upscaled",
    Flag.HARDSUB: "Hardsub",
    Flag.THREE_D: "3D",
    Flag.SAMPLE: "Sample",
    Flag.EXTRAS: "Extras",
    Flag.PROPER: "Proper",
    Flag.REPACK: "Repack",
    Flag.REAL: "Real",
}
