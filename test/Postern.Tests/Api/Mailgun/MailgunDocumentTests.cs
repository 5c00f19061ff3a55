using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging.Abstractions;
using Postern.Api.Mailgun;

namespace Postern.Tests.Api.Mailgun;

/// <summary>docs/mailgun.md says of every endpoint and every field whether it is the same, differs or is
/// absent.</summary>
/// <remarks>The table of endpoints is written anew by <c>POSTERN_BLESS=1</c>, which keeps its words; for what
/// is new it puts a question mark, and somebody a word.</remarks>
public sealed partial class MailgunDocumentTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Document = "docs/mailgun.md";
    const string Reference = "../shared/reference/mailgun-api.md";
    const string TableHead = "| path | methods | |\n|---|---|---|\n";

    static readonly string[] Words = ["same", "differs", "501", "absent"];

    static string Read() => File.ReadAllText(Repository.PathOf(Document));

    /// <summary>Methods by path, as the program maps them.</summary>
    async Task<SortedDictionary<string, string>> MappedAsync()
    {
        await using var web = WebApplication.CreateSlimBuilder().Build();
        IEndpointRouteBuilder routes = web;
        new MailgunFace(server.Agent, TimeProvider.System, NullLogger.Instance).Map(routes);
        var all = routes.DataSources.SelectMany(source => source.Endpoints).Cast<RouteEndpoint>();
        var mapped = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in all.GroupBy(endpoint => endpoint.RoutePattern.RawText!))
        {
            mapped.Add(path.Key, string.Join(", ", path
                .SelectMany(endpoint => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods)
                .Order(StringComparer.Ordinal).Select(method => $"`{method}`")));
        }
        return mapped;
    }

    /// <summary>The rows as they stand.</summary>
    static string TableIn(string document)
    {
        var start = document.IndexOf(TableHead, StringComparison.Ordinal) + TableHead.Length;
        Assert.True(start >= TableHead.Length, $"{Document} has no table of endpoints");
        return string.Concat(document[start..].Split('\n').TakeWhile(line => line.StartsWith('|'))
            .Select(line => line + "\n"));
    }

    static IReadOnlyList<(string Path, string Methods, string Word)> RowsOf(string table) =>
        [.. table.TrimEnd('\n').Split('\n').Select(line => line.Trim('|').Split('|')).Select(
            cells => (cells[0].Trim().Trim('`'), cells[1].Trim(), cells[2].Trim()))];

    [Fact]
    public async Task Table_OfEndpoints_IsWhatIsMapped_EachWithAWord()
    {
        var document = Read();
        var table = TableIn(document);
        var rows = RowsOf(table);
        var mapped = await MappedAsync();
        var words = rows.ToDictionary(row => row.Path, row => row.Word);
        var expected = string.Concat(mapped
            .Select(path => (
                Path: path.Key, Methods: path.Value, Word: words.GetValueOrDefault(path.Key, "?")))
            .Concat(rows.Where(row => row.Word == "absent" && !mapped.ContainsKey(row.Path)))
            .OrderBy(row => row.Path, StringComparer.Ordinal)
            .Select(row => $"| `{row.Path}` | {row.Methods} | {row.Word} |\n"));
        if (Environment.GetEnvironmentVariable("POSTERN_BLESS") == "1")
        {
            await using var writer = new StreamWriter(Repository.PathOf(Document));
            await writer.WriteAsync(document.Replace(
                TableHead + table, TableHead + expected, StringComparison.Ordinal));
            return;
        }
        Assert.Equal(expected, table);
        Assert.All(rows, row => Assert.Contains(row.Word, Words));
        Assert.All(rows, row => Assert.NotEqual(row.Word == "absent", mapped.ContainsKey(row.Path)));
    }

    [Fact]
    public async Task Endpoint_ThatIsCalled501_IsOne_AndNoOther()
    {
        using var http = server.Api("key-account");
        // There is a tag of the name that stands in every path.
        await MailgunStatsTests.SendAsync(http, "v3/mg.example.org", "countries");
        foreach (var (path, methods, word) in RowsOf(TableIn(Read())))
        {
            // What is offered is asked where it only reads, so that nothing is changed.
            var method = word == "501" ? methods.Split('`')[1] : "GET";
            if (word != "absent" && !methods.Contains($"`{method}`", StringComparison.Ordinal))
                continue;
            var answer = await http.AskAsync(method, Filled(path) + "?tag=countries");
            Assert.Equal(
                (path, word is "501" or "absent" ? word : "offered"),
                (path, answer[..4] switch
                {
                    "501 " => "501",
                    "404 " when word == "absent" || answer.Contains("Not Found", StringComparison.Ordinal) =>
                        "absent",
                    _ => "offered",
                }));
        }

        static string Filled(string path) => Placeholder().Replace(
            path[1..].Replace("{domain}", "mg.example.org", StringComparison.Ordinal), "countries");
    }

    /// <summary>Every field that the code reads from a form, a query or JSON.</summary>
    [Fact]
    public void Fields_ThatTheCodeReads_AreNamed()
    {
        var document = Read();
        var fields = Directory.EnumerateFiles(Repository.PathOf("src/Postern/Api/Mailgun"), "*.cs")
            .SelectMany(file => FieldRead().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups["name"].Value).Distinct().Order(StringComparer.Ordinal).ToArray();
        Assert.True(fields.Length > 40, string.Join(' ', fields));
        var unnamed = fields.Where(field => !IsNamed(document, field));
        Assert.Equal("", string.Join(' ', unnamed));
    }

    /// <summary>The other way round, for what a message is made of.</summary>
    [Fact]
    public void Fields_OfAMessageThatAreCalledSame_AreRead()
    {
        var document = Read();
        var start = document.IndexOf("| field of `messages` |", StringComparison.Ordinal);
        var same = document[start..].Split('\n').TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|'))
            .Where(cells => cells[1].TrimStart().StartsWith("same", StringComparison.Ordinal))
            .SelectMany(cells => Quoted().Matches(cells[0])).Select(match => match.Groups["text"].Value)
            .Where(name => !name.EndsWith(":Name", StringComparison.OrdinalIgnoreCase)).ToArray();
        Assert.True(same.Length > 15, string.Join(' ', same));
        var code = string.Concat(Directory.EnumerateFiles(
            Repository.PathOf("src/Postern/Api/Mailgun"), "*.cs").Select(File.ReadAllText));
        Assert.Equal("", string.Join(' ', same.Where(
            name => !code.Contains($"\"{name}\"", StringComparison.OrdinalIgnoreCase)
                && !code.Contains($"\"{name[2..]}\"", StringComparison.OrdinalIgnoreCase))));
    }

    [Fact]
    public void Endpoints_OfTheReference_AreNamed()
    {
        var paths = RowsOf(TableIn(Read())).Select(row => Bare(row.Path)).ToHashSet();
        var asked = EndpointNamed().Matches(ReadReference()).Select(match => match.Value)
            // Examples, and what a page's link looks like.
            .Where(path => !path.Contains("xample.", StringComparison.Ordinal) && !path.Contains("W3si"))
            .SelectMany(Alternatives).Select(Bare).Distinct().ToArray();
        Assert.True(asked.Length > 30, string.Join(' ', asked));
        Assert.Equal("", string.Join(' ', asked.Where(path => path.EndsWith('*')
            ? !paths.Any(known => known.StartsWith(path[..^1], StringComparison.Ordinal))
            : !paths.Contains(path))));

        // /v3/{d}/bounces|unsubscribes
        static IEnumerable<string> Alternatives(string path)
        {
            var last = path.LastIndexOf('/') + 1;
            return path[last..].Split('|').Select(one => path[..last] + one);
        }

        static string Bare(string path) => Placeholder().Replace(path, "{}");
    }

    [Fact]
    public void Fields_OfTheReference_AreNamed()
    {
        var document = Read();
        var lines = ReadReference().Split('\n')
            .SkipWhile(line => line != "| Field | Rep. | Meaning and parsing |").Skip(2)
            .TakeWhile(line => line.StartsWith('|'));
        var fields = lines.SelectMany(line => Quoted().Matches(line.Split('|')[1]))
            .Select(match => match.Groups["text"].Value).ToArray();
        Assert.True(fields.Length > 30, string.Join(' ', fields));
        Assert.Equal("", string.Join(' ', fields.Where(field => !IsNamed(document, field))));
    }

    static string ReadReference()
    {
        var path = Path.GetFullPath(Repository.PathOf(Reference));
        Assert.SkipUnless(File.Exists(path), "the reference of Mailgun's API is not beside this checkout");
        return File.ReadAllText(path);
    }

    /// <summary>In quotes of code, also with what follows it, or by the beginning that a star ends.</summary>
    static bool IsNamed(string document, string field) => Quoted().Matches(document)
        .Select(match => match.Groups["text"].Value)
        .Any(text => text.Split(' ', '=', '?', '&').Contains(field)
            || (text.EndsWith('*') && field.StartsWith(text[..^1], StringComparison.Ordinal)));

    [GeneratedRegex("`(?<text>[^`\n]+)`", RegexOptions.NonBacktracking)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\{[^}]*\}", RegexOptions.NonBacktracking)]
    private static partial Regex Placeholder();

    [GeneratedRegex("""/v[1-5]/[a-zA-Z0-9_{}/.|*]+""", RegexOptions.NonBacktracking)]
    private static partial Regex EndpointNamed();

    [GeneratedRegex(
        """(form\.(Find|All)\(|\((form|context), |Query\[|JsonPropertyName\()"(?<name>[a-zA-Z_:-]+)"[\])]""",
        RegexOptions.NonBacktracking)]
    private static partial Regex FieldRead();
}
