using System.Text.RegularExpressions;

namespace Postern.Tests;

/// <summary>The rules of the house as functions of text: each gives what it objects to, or nothing.</summary>
static partial class Tidy
{
    public const int ColumnsMax = 110;
    public const int FunctionLinesMax = 60;

    static readonly string[] BannedWords =
        ["Manager", "Helper", "Service", "Factory", "Util", "Utils", "Base", "Impl"];

    // Written in halves, or this file would object to itself.
    static readonly string[] Unfinished = ["TO" + "DO", "FIX" + "ME"];

    public static IEnumerable<string> LongLines(string text) =>
        text.Split('\n').Select((line, index) => (Columns: ColumnsOf(line), Number: index + 1))
            .Where(line => line.Columns > ColumnsMax)
            .Select(line => $"line {line.Number} has {line.Columns} columns");

    public static IEnumerable<string> LongFunctions(SourceText source) =>
        source.Functions.Where(function => function.Lines > FunctionLinesMax)
            .Select(function => $"{function.Name}, line {function.Line}, has {function.Lines} lines");

    public static IEnumerable<string> BannedTypeNames(SourceText source) =>
        source.Types.Where(type => NameWord().Matches(type).Any(word => BannedWords.Contains(word.Value)));

    public static bool IsBannedFolder(string name) => name is "Core" or "Common";

    /// <summary>Names of other houses in the code of one project; <paramref name="allowed"/> are the projects
    /// it may know.</summary>
    public static IEnumerable<string> WrongArrows(SourceText source, IReadOnlyCollection<string> allowed) =>
        HouseName().Matches(source.Code).Select(match => match.Value).Where(name => !allowed.Contains(name))
            .Distinct();

    public static IEnumerable<string> ProjectReferences(string project) =>
        ProjectReference().Matches(project)
            .Select(match => Path.GetFileNameWithoutExtension(match.Groups[1].Value.Replace('\\', '/')));

    public static bool HasPackages(string project) =>
        project.Contains("<PackageReference", StringComparison.Ordinal);

    /// <summary>A file is called after its first type, with or without a verb:
    /// <c>SmtpSession.Rcpt.cs</c>.</summary>
    public static bool IsNamedAfterFirstType(string fileName, SourceText source) =>
        source.Types.Count == 0 || fileName == "Program.cs" || fileName.Split('.')[0] == source.Types[0];

    /// <summary>Targets of relative links, without their anchors; code is not looked at.</summary>
    public static IEnumerable<string> RelativeLinks(string markdown) =>
        MarkdownLink().Matches(MarkdownCode().Replace(markdown, ""))
            .Select(match => match.Groups[1].Value.Split('#')[0])
            .Where(target => target.Length > 0 && !UrlScheme().IsMatch(target));

    public static IEnumerable<string> UnfinishedWords(string text) =>
        Unfinished.Where(word => Regex.IsMatch(text, $@"\b{word}\b", RegexOptions.NonBacktracking));

    /// <summary>Lock files pin versions and hashes; where a package comes from is the machine's
    /// affair.</summary>
    public static IEnumerable<string> RegistryHosts(string lockFile) =>
        RegistryHost().Matches(lockFile).Select(match => match.Value).Distinct();

    /// <summary>Citations of the form <c>RFC 5321 §4.1.1.3</c>, also <c>RFC 5321 §4.2, §4.3 and
    /// §4.5</c>.</summary>
    public static IEnumerable<RfcSection> Citations(string text) =>
        from citation in Citation().Matches(text)
        from Capture section in citation.Groups["section"].Captures
        select new RfcSection(int.Parse(citation.Groups["rfc"].ValueSpan, provider: null), section.Value);

    /// <summary>Rows <c>| RFC 5321 | §4.1.1.3 | Yes | src/… |</c>; the last cell of a row marked No may be
    /// empty.</summary>
    public static IEnumerable<RfcRow> RfcRows(string markdown)
    {
        foreach (var line in markdown.Split('\n'))
        {
            var cells = line.Trim().Trim('|').Split('|', StringSplitOptions.TrimEntries);
            if (cells.Length < 4 || !RfcNumber().IsMatch(cells[0]))
                continue;
            var rfc = int.Parse(RfcNumber().Match(cells[0]).Value, provider: null);
            var files = SourceFile().Matches(cells[3]).Select(match => match.Value).Distinct().ToArray();
            foreach (Match section in SectionNumber().Matches(cells[1]))
                yield return new RfcRow(new RfcSection(rfc, section.Value), cells[2], files);
        }
    }

    /// <summary>What a document calls by name in backticks: source files, and a type's member as
    /// <c>Type.Member</c>.</summary>
    public static IEnumerable<string> CodeReferences(string markdown) =>
        CodeReference().Matches(Fence().Replace(markdown, "")).Select(match => match.Groups[1].Value)
            .Distinct();

    static int ColumnsOf(string line) => line.TrimEnd('\r').EnumerateRunes().Count();

    [GeneratedRegex("[A-Z][a-z0-9]*")]
    private static partial Regex NameWord();

    [GeneratedRegex(@"(?<![\w.])Postern\.[A-Z]\w*")]
    private static partial Regex HouseName();

    [GeneratedRegex("<ProjectReference Include=\"([^\"]+)\"")]
    private static partial Regex ProjectReference();

    [GeneratedRegex(@"\]\(<?([^)\s>]+)>?[^)]*\)")]
    private static partial Regex MarkdownLink();

    [GeneratedRegex("```.*?```|`[^`\n]*`", RegexOptions.Singleline)]
    private static partial Regex MarkdownCode();

    [GeneratedRegex("```.*?```", RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex("^[a-z][a-z0-9+.-]*:", RegexOptions.IgnoreCase)]
    private static partial Regex UrlScheme();

    [GeneratedRegex(
        @"""resolved"": ?""http|registry\.[a-z.]+|[a-z.]*(?:nuget\.org|npmjs\.(?:org|com))|pypi\.org",
        RegexOptions.IgnoreCase)]
    private static partial Regex RegistryHost();

    [GeneratedRegex(@"RFC (?<rfc>\d{3,5})(?:(?:,| and| or|;)? §(?<section>[0-9A-Z]+(?:\.[0-9]+)*))+")]
    private static partial Regex Citation();

    [GeneratedRegex(@"\d{3,5}")]
    private static partial Regex RfcNumber();

    [GeneratedRegex(@"(?<=§)[0-9A-Z]+(?:\.[0-9]+)*|^[0-9]+(?:\.[0-9]+)*$")]
    private static partial Regex SectionNumber();

    [GeneratedRegex(@"(?:src|test)/[\w./-]+\.cs")]
    private static partial Regex SourceFile();

    [GeneratedRegex(@"`((?:[\w-]+/)*[\w.-]+\.cs|(?!Postern\.)[A-Z]\w+\.[A-Z]\w+)(?:\(\))?`")]
    private static partial Regex CodeReference();
}

readonly record struct RfcSection(int Rfc, string Section)
{
    public override string ToString() => $"RFC {Rfc} §{Section}";
}

sealed record RfcRow(RfcSection Section, string Status, IReadOnlyList<string> Files);
