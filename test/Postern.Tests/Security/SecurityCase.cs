using System.Text.Json;
using Postern.Tests.Smtp.Server;

namespace Postern.Tests.Security;

/// <summary>One row of the catalogue of attacks, which lies beside the repository, or where POSTERN_CASES
/// says.</summary>
/// <param name="Modes">The listeners it names.</param>
/// <param name="Steps">A letter, a space and text: <c>C</c> what a client sends, <c>S</c> the pattern of our
/// reply, <c>U</c> what a relay says, <c>X</c> and others in words.</param>
sealed record SecurityCase(string Id, string Area, string[] Modes, string[] Steps)
{
    static readonly Lazy<IReadOnlyList<SecurityCase>> Catalogue = new(Read);

    public static string Path => Environment.GetEnvironmentVariable("POSTERN_CASES")
        ?? Repository.PathOf("../shared/cases/security.jsonl");

    /// <summary>Empty where the catalogue is not there.</summary>
    public static IEnumerable<SecurityCase> Of(params string[] areas) =>
        Catalogue.Value.Where(one => areas.Contains(one.Area));

    /// <summary>The case of a row of theory data, or a skipped test.</summary>
    public static SecurityCase Get(string id)
    {
        Assert.SkipUnless(File.Exists(Path), $"The catalogue is not here: {Path}");
        return Catalogue.Value.Single(one => one.Id == id);
    }

    /// <summary>What the relay says, octet for octet.</summary>
    public string Octets => TranscriptTests.Unescape(Steps.First(step => step[0] == 'U')[2..]);

    static List<SecurityCase> Read()
    {
        var cases = new List<SecurityCase>();
        foreach (var line in File.Exists(Path) ? File.ReadLines(Path) : [])
        {
            using var json = JsonDocument.Parse(line);
            var row = json.RootElement;
            // "mx25 (limit 1 MiB)", "mx25+api": the way by HTTP is another test's.
            var modes = row.GetProperty("mode").GetString()!.Split(' ')[0].Split('+');
            cases.Add(new SecurityCase(
                row.GetProperty("id").GetString()!, row.GetProperty("area").GetString()!,
                [.. modes.Where(mode => mode != "api")],
                [.. row.GetProperty("steps").EnumerateArray().Select(step => step.GetString()!)]));
        }
        return cases;
    }
}
