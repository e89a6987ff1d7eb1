// What Radarr takes from the name of a release that an indexer offers.
using NzbDrone.Core.Parser;

namespace Sokoul
{
    public static class Reading
    {
        public static void Read(string name, Facts facts)
        {
            var read = Parser.ParseMovieTitle(name);
            var quality = read?.Quality ?? QualityParser.ParseQuality(name);
            facts.Add("titles", read?.MovieTitles.ToArray() ?? new string[0]);
            facts.Add("year", read?.Year ?? 0);
            facts.Add("edition", read?.Edition);
            facts.Add("burnt_in", read?.HardcodedSubs);
            facts.Add("group", read != null ? read.ReleaseGroup : ReleaseGroupParser.ParseReleaseGroup(name));
            facts.Add(read?.Languages ?? LanguageParser.ParseLanguages(name));
            facts.Add(quality);
            facts.Add("modifier", quality.Quality.Modifier.ToString());
        }
    }
}
