// What Sonarr takes from the name of a release that an indexer offers.
using NzbDrone.Core.Parser;

namespace Sokoul
{
    public static class Reading
    {
        public static void Read(string name, Facts facts)
        {
            var read = Parser.ParseTitle(name);
            var titles = read?.SeriesTitleInfo;
            facts.Add("title", read?.SeriesTitle);
            facts.Add("titles", titles?.AllTitles ?? new string[0]);
            facts.Add("title_without_year", titles?.TitleWithoutYear);
            facts.Add("year", titles?.Year ?? 0);
            facts.Add("season", read?.SeasonNumber ?? 0);
            facts.Add("episodes", read?.EpisodeNumbers ?? new int[0]);
            facts.Add("absolute", read?.AbsoluteEpisodeNumbers ?? new int[0]);
            facts.Add("specials", read?.SpecialAbsoluteEpisodeNumbers ?? new decimal[0]);
            facts.Add("aired", read?.AirDate);
            facts.Add("whole_season", read != null && (read.FullSeason || read.IsPartialSeason || read.IsSeasonExtra || read.Special));
            facts.Add("mini_series", read?.IsMiniSeries ?? false);
            facts.Add("group", read != null ? read.ReleaseGroup : ReleaseGroupParser.ParseReleaseGroup(name));
            facts.Add(read?.Languages ?? LanguageParser.ParseLanguages(name));
            facts.Add(read?.Quality ?? QualityParser.ParseQuality(name));
        }
    }
}
