// Runs the tests of Radarr's and Sonarr's parsers: as much of NUnit and FluentAssertions as they use.
// Prints how many there were, and a line for each that failed.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Reflection;

namespace NUnit.Framework
{
    public class TestFixtureAttribute : Attribute
    {
    }

    public class TestAttribute : Attribute
    {
    }

    public class SetUpAttribute : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
    public class TestCaseAttribute : Attribute
    {
        public TestCaseAttribute(params object[] arguments)
        {
            Arguments = arguments ?? new object[] { null };
        }

        public object[] Arguments { get; }

        public string Description { get; set; }

        public string Ignore { get; set; }

        public string TestName { get; set; }
    }

    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
    public class TestCaseSourceAttribute : Attribute
    {
        public TestCaseSourceAttribute(string name)
        {
            Name = name;
        }

        public string Name { get; }
    }
}

namespace FluentAssertions
{
    public static class Extensions
    {
        public static That Should(this object it)
        {
            return new That(it);
        }
    }

    public class That
    {
        private readonly object _it;

        public That(object it)
        {
            _it = it;
        }

        public void Be(object wanted)
        {
            Hold(Same(_it, wanted), "be", wanted);
        }

        public void NotBe(object unwanted)
        {
            Hold(!Same(_it, unwanted), "not be", unwanted);
        }

        public void BeTrue()
        {
            Be(true);
        }

        public void BeFalse()
        {
            Be(false);
        }

        public void BeNull()
        {
            Be(null);
        }

        public void NotBeNull()
        {
            NotBe(null);
        }

        public void BeEmpty()
        {
            HaveCount(0);
        }

        public void NotBeEmpty()
        {
            Hold(All(_it).Any(), "have any", null);
        }

        public void HaveCount(int count)
        {
            Hold(All(_it).Count == count, "have a count of", count);
        }

        public void Contain(object wanted)
        {
            Hold(All(_it).Any(each => Same(each, wanted)), "contain", wanted);
        }

        public void BeEquivalentTo(object wanted)
        {
            if (_it is string text)
            {
                Hold(text.Equals((string)wanted, StringComparison.OrdinalIgnoreCase), "be like", wanted);
                return;
            }

            if (!(_it is IEnumerable))
            {
                Be(wanted);
                return;
            }

            var rest = All(wanted);
            var found = All(_it).All(each => rest.Remove(rest.FirstOrDefault(other => Same(each, other))));
            Hold(found && rest.Count == 0, "be all of", wanted);
        }

        public void BeEquivalentTo(object first, object second, params object[] more)
        {
            BeEquivalentTo(new[] { first, second }.Concat(more).ToList());
        }

        public static string Shown(object it)
        {
            return it == null ? "null" : it is IEnumerable && !(it is string) ? string.Join(", ", All(it).Select(Shown)) : it.ToString();
        }

        private static List<object> All(object it)
        {
            return ((IEnumerable)it).Cast<object>().ToList();
        }

        private static bool Same(object one, object other)
        {
            if (one is decimal || other is decimal)
            {
                return Convert.ToDecimal(one).Equals(Convert.ToDecimal(other));
            }

            return Equals(one, other);
        }

        private void Hold(bool held, string relation, object other)
        {
            if (!held)
            {
                throw new Exception($"'{Shown(_it)}' should {relation} '{Shown(other)}'");
            }
        }
    }
}

namespace FluentAssertions.Execution
{
    public class AssertionScope : IDisposable
    {
        public void Dispose()
        {
        }
    }
}

namespace NzbDrone.Common.EnvironmentInfo
{
    public static class OsInfo
    {
        public const bool IsNotWindows = true;
    }
}

namespace NzbDrone.Common.Expansive
{
    public static class Extensions
    {
        public static string Expand(this string text, object values)
        {
            return values.GetType().GetProperties()
                .Aggregate(text, (expanded, each) => expanded.Replace("{" + each.Name + "}", each.GetValue(values).ToString()));
        }
    }
}

namespace NzbDrone.Core.Test.Framework
{
    public abstract class CoreTest
    {
    }
}

namespace NzbDrone.Test.Common
{
    public static class ExceptionVerification
    {
        public static void IgnoreWarns()
        {
        }

        public static void ExpectedWarns(int count)
        {
        }
    }
}

namespace Sokoul
{
    using NUnit.Framework;

    public static class Tests
    {
        private const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

        public static void Main()
        {
            CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            var run = 0;
            foreach (var fixture in Assembly.GetExecutingAssembly().GetTypes().Where(type => type.GetCustomAttribute<TestFixtureAttribute>() != null))
            {
                foreach (var method in fixture.GetMethods())
                {
                    foreach (var arguments in Cases(fixture, method))
                    {
                        run++;
                        Run(fixture, method, arguments);
                    }
                }
            }

            Console.WriteLine(run);
        }

        private static IEnumerable<object[]> Cases(Type fixture, MethodInfo method)
        {
            foreach (var given in method.GetCustomAttributes<TestCaseAttribute>().Where(given => given.Ignore == null))
            {
                yield return given.Arguments;
            }

            foreach (var source in method.GetCustomAttributes<TestCaseSourceAttribute>())
            {
                var field = fixture.GetField(source.Name, Any);
                var all = field != null ? field.GetValue(null) : fixture.GetProperty(source.Name, Any).GetValue(null);
                foreach (var given in (IEnumerable)all)
                {
                    yield return given as object[] ?? new[] { given };
                }
            }

            if (method.GetCustomAttribute<TestAttribute>() != null && method.GetParameters().Length == 0)
            {
                yield return new object[0];
            }
        }

        private static void Run(Type fixture, MethodInfo method, object[] given)
        {
            try
            {
                var instance = Activator.CreateInstance(fixture);
                foreach (var setUp in fixture.GetMethods().Where(each => each.GetCustomAttribute<SetUpAttribute>() != null))
                {
                    setUp.Invoke(instance, null);
                }

                method.Invoke(instance, method.GetParameters().Select((each, at) => Fitting(each, at, given)).ToArray());
            }
            catch (Exception why)
            {
                var reason = (why.InnerException ?? why).Message.Replace("\n", " ");
                Console.WriteLine($"{fixture.Name}.{method.Name}({FluentAssertions.That.Shown(given)}): {reason}");
            }
        }

        private static object Fitting(ParameterInfo parameter, int at, object[] given)
        {
            if (at >= given.Length)
            {
                return parameter.DefaultValue;
            }

            if (parameter.IsDefined(typeof(ParamArrayAttribute)) && !(given[at] is Array))
            {
                var rest = Array.CreateInstance(parameter.ParameterType.GetElementType(), given.Length - at);
                Array.Copy(given, at, rest, 0, rest.Length);
                return rest;
            }

            var simple = given[at] is IConvertible && !parameter.ParameterType.IsEnum && typeof(IConvertible).IsAssignableFrom(parameter.ParameterType);
            return simple ? Convert.ChangeType(given[at], parameter.ParameterType, CultureInfo.InvariantCulture) : given[at];
        }
    }
}
