using System.Text.Json;
using System.Text.RegularExpressions;

namespace Postern.Tests.Api;

public sealed partial class OpenApiTests
{
    [Fact]
    public void Document_AndRoutes_NameTheSameOperations()
    {
        var routes = Directory.EnumerateFiles(Repository.PathOf("src/Postern/Api"), "*.cs")
            .SelectMany(file => Mapped.Matches(File.ReadAllText(file)))
            .Select(match => $"{match.Groups["verb"].Value.ToLowerInvariant()} {match.Groups["path"].Value}");
        using var document = JsonDocument.Parse(
            File.ReadAllText(Repository.PathOf("src/Postern/Api/openapi.json")));
        var described = document.RootElement.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(
                operation => $"{operation.Name} {path.Name}"));
        Assert.Equal(routes.Order(StringComparer.Ordinal), described.Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(
        """Map(?<verb>Get|Post|Delete)\(\s*"(?<path>/admin/[^"]+)["]""", RegexOptions.NonBacktracking)]
    static partial Regex Mapped { get; }
}
