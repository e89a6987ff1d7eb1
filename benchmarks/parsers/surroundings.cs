// What the parsers of Radarr and Sonarr expect around them, as little of it as they use.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;

namespace NLog
{
    public class Logger
    {
        public void Trace(params object[] said)
        {
        }

        public void Debug(params object[] said)
        {
        }

        public void Warn(params object[] said)
        {
        }

        public void Error(Exception why, params object[] said)
        {
            Console.Error.WriteLine(why);
        }
    }
}

namespace NzbDrone.Common.Instrumentation
{
    public static class NzbDroneLogger
    {
        public static NLog.Logger GetLogger(Type of)
        {
            return new NLog.Logger();
        }
    }
}

namespace NzbDrone.Common.Extensions
{
    public static class Extensions
    {
        public static bool IsNullOrWhiteSpace(this string text)
        {
            return string.IsNullOrWhiteSpace(text);
        }

        public static bool IsNotNullOrWhiteSpace(this string text)
        {
            return !string.IsNullOrWhiteSpace(text);
        }

        public static bool ContainsIgnoreCase(this string text, string wanted)
        {
            return text.IndexOf(wanted, StringComparison.InvariantCultureIgnoreCase) > -1;
        }

        public static bool ContainsInvalidPathChars(this string text)
        {
            return text.IndexOfAny(Path.GetInvalidPathChars()) >= 0;
        }

        public static string GetPathExtension(this string path)
        {
            var at = path.LastIndexOf('.');
            return at == -1 || at == path.Length - 1 ? string.Empty : path.Substring(at);
        }

        public static bool Empty<T>(this IEnumerable<T> all)
        {
            return !all.Any();
        }

        public static IEnumerable<T> DistinctBy<T, K>(this IEnumerable<T> all, Func<T, K> key)
        {
            return all.GroupBy(key).Select(same => same.First());
        }

        public static string RemoveAccent(this string text)
        {
            var kept = text.Normalize(NormalizationForm.FormD)
                .Where(each => CharUnicodeInfo.GetUnicodeCategory(each) != UnicodeCategory.NonSpacingMark);
            return new string(kept.ToArray()).Normalize(NormalizationForm.FormC);
        }

        public static string RemoveDiacritics(this string text)
        {
            return text.RemoveAccent();
        }
    }
}

namespace NzbDrone.Core.Annotations
{
    public class FieldOptionAttribute : Attribute
    {
        public FieldOptionAttribute(int order = 0, string label = null, string hint = null)
        {
        }
    }
}

namespace NzbDrone.Core.Datastore
{
    public interface IEmbeddedDocument
    {
    }

    public class ModelBase
    {
    }
}

namespace NzbDrone.Core.Organizer
{
    // The other codes of ISO 639-2 for files of subtitles, which nobody asks for.
    public static class FileNameBuilder
    {
        public static readonly Dictionary<string, string> Iso639BTMap = new Dictionary<string, string>();
    }
}

namespace NzbDrone.Core.Tv
{
    public static class Episode
    {
        public const string AIR_DATE_FORMAT = "yyyy-MM-dd";
    }
}

namespace System.Text.Json.Serialization
{
    public class JsonIgnoreAttribute : Attribute
    {
    }
}
