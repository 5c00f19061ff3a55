using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using MimeKit;
using Postern.Tests.Api;
using Postern.Tests.Api.Mailgun;

namespace Postern.Tests.Tracking;

/// <summary>Mail that was sent by the API, and our own links in it.</summary>
static partial class TrackedMail
{
    public const string Root = "https://links.example.org";

    [GeneratedRegex(@"https://links\.example\.org/([ocu]/[A-Za-z0-9_-]+)")]
    public static partial Regex Link { get; }

    /// <summary>Sends to one or more, and gives what would go out to each, in their order.</summary>
    /// <param name="fields">Name, value, name, value, ... besides a from, to and subject.</param>
    public static async Task<IReadOnlyList<MimeMessage>> SendAsync(
        this RunningServer server, params string[] fields) =>
        [.. (await server.SendWholeAsync(fields)).Select(one => one.Message)];

    /// <summary>The same, with whom each is for.</summary>
    public static async Task<IReadOnlyList<(MimeMessage Message, string To)>> SendWholeAsync(
        this RunningServer server, params string[] fields)
    {
        using var http = server.Api("key-mg");
        var answer = await ApiCall.SendAsync(http, "POST", "v3/mg.example.org/messages",
            ["from", "Ann <ann@mg.example.org>", "subject", "hello",
                .. fields.Contains("to") ? [] : (string[])["to", "bob@net.example"], .. fields]);
        Assert.StartsWith("200 ", answer, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(answer[4..]);
        var sent = new List<(MimeMessage, string)>();
        foreach (var (stored, content) in
            await server.MailsAsync(json.RootElement.GetProperty("id").GetString()!))
            sent.Add((
                await MimeMessage.LoadAsync(
                    new MemoryStream(Encoding.UTF8.GetBytes(content)), TestContext.Current.CancellationToken),
                string.Join(' ', stored.Recipients.Select(row => row.Address))));
        return sent;
    }

    /// <summary>Each link with <c>KIND</c> in its place, as in <c>[c]</c>.</summary>
    public static string Shown(string? text) => Link.Replace(
        text ?? "", match => $"[{match.Groups[1].Value[0]}]");

    /// <summary>Paths of the links of a kind, as in <c>c/TOKEN</c>.</summary>
    public static IReadOnlyList<string> PathsOf(string? text, char kind) => [.. Link.Matches(text ?? "")
        .Select(match => match.Groups[1].Value).Where(path => path[0] == kind)];

    /// <summary>What is set of the domain's tracking.</summary>
    public static async Task SetAsync(this RunningServer server, string what, params string[] fields)
    {
        using var http = server.Api("key-mg");
        Assert.StartsWith("200 ", await ApiCall.SendAsync(
            http, "PUT", $"v3/domains/mg.example.org/tracking/{what}", fields), StringComparison.Ordinal);
    }
}
