// Reads names, one a line, and writes what was read as lines of JSON.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using NzbDrone.Core.Languages;
using NzbDrone.Core.Parser;
using NzbDrone.Core.Qualities;

namespace Sokoul
{
    public static class Program
    {
        public static void Main()
        {
            CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            var utf8 = new UTF8Encoding(false);
            using (var names = new StreamReader(Console.OpenStandardInput(), utf8))
            using (var said = new StreamWriter(Console.OpenStandardOutput(), utf8))
            {
                string name;
                while ((name = names.ReadLine()) != null)
                {
                    var facts = new Facts();
                    Reading.Read(name, facts);
                    said.WriteLine(facts);
                }
            }
        }
    }

    public class Facts
    {
        private readonly List<string> _said = new List<string>();

        public void Add(string fact, object value)
        {
            _said.Add($"{Shown(fact)}: {Shown(value)}");
        }

        public void Add(QualityModel quality)
        {
            Add("source", quality.Quality.Source.ToString());
            Add("source_named", quality.SourceDetectionSource == QualityDetectionSource.Name);
            Add("lines", quality.Quality.Resolution);
            Add("lines_named", quality.ResolutionDetectionSource == QualityDetectionSource.Name);
            Add("version", quality.Revision.Version);
            Add("real", quality.Revision.Real);
            Add("repack", quality.Revision.IsRepack);
        }

        public void Add(IEnumerable<Language> languages)
        {
            Add("languages", languages.Select(each => IsoLanguages.Get(each)?.TwoLetterCode ?? each.Name).ToArray());
        }

        public override string ToString()
        {
            return $"{{{string.Join(", ", _said)}}}";
        }

        private static string Shown(object value)
        {
            if (value == null)
            {
                return "null";
            }

            if (value is string text)
            {
                return $"\"{string.Concat(text.Select(Escaped))}\"";
            }

            if (value is Array all)
            {
                return $"[{string.Join(", ", all.Cast<object>().Select(Shown))}]";
            }

            return value is bool ? value.ToString().ToLowerInvariant() : Convert.ToString(value, CultureInfo.InvariantCulture);
        }

        private static string Escaped(char each)
        {
            return each < ' ' || each == '"' || each == '\\' ? $"\\u{(int)each:x4}" : each.ToString();
        }
    }
}
