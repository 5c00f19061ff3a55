using System.Net;
using System.Text;
using System.Text.Json;
using Postern.Tests.Api;

namespace Postern.Tests.Security;

/// <summary>Plays the catalogue's cases about the API: each as an urlencoded form and as a multipart one,
/// octet for octet.</summary>
public sealed class SecurityApiTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Trap = "x@evil.example";
    const string Control = " parameter holds a control character";

    static readonly string[] Named = ["subject", "from", "to", "cc", "h:X-A", "o:tag"];

    /// <summary>What a header field must not hold.</summary>
    static readonly string[] LineEnds = ["\r\n", "\r", "\n", "\u2028", "\u0085", "\u000b"];

    static readonly string[] Special = ["API-20"];

    static readonly Dictionary<string, ApiPlay[]> Rows = new()
    {
        ["API-01"] =
        [
            .. Named.Select(name => new ApiPlay(400, name + Control, (name, $"a\r\nBcc: {Trap}"))),
            new ApiPlay(200, "", ("v:x", $"a\r\nBcc: {Trap}")),
        ],
        ["API-02"] =
        [
            .. Named.SelectMany(name => LineEnds.Select(end =>
                new ApiPlay(400, name + Control, (name, $"a{end}Bcc: {Trap}")))),
            new ApiPlay(200, "", ("subject", $"a%0d%0aBcc: {Trap}")),
            new ApiPlay(200, "", ("v:x", $"a\u2028\u0085\u000bBcc: {Trap}")),
        ],
        ["API-03"] =
        [
            new ApiPlay(200, "", ("subject", $"a\u760d\u760aBcc: {Trap}")),
            new ApiPlay(200, "", ("h:X-A", $"a\u010d\u010aBcc: {Trap}")),
            new ApiPlay(200, "", ("from", $"a\u010d\u010aBcc: y <ann@shop.example>")),
        ],
        ["API-04"] = [new ApiPlay(400, "to" + Control, ("to", $"\"a\r\nRCPT TO:<{Trap}>\r\n\"@net.example"))],
        ["API-07"] =
        [
            .. ((string[])["X A", "X:Y", "Ünï", "", new string('x', 1020)]).Select(name =>
                new ApiPlay(400, "Header name must be pure ASCII", ($"h:{name}", "x"))),
        ],
        ["API-08"] =
        [
            .. ((string[])["From", "Bcc", "Return-Path", "Received", "DKIM-Signature",
                "Authentication-Results", "ARC-Seal", "Message-ID"]).Select(name =>
                new ApiPlay(200, "", ($"h:{name}", Trap), ($"h:{name}", Trap)) { Absent = Trap }),
            new ApiPlay(200, "", ("h:Sender", "own@shop.example"))
            {
                Present = "Sender: own@shop.example\r\n",
            },
        ],
        ["API-10"] =
        [
            new ApiPlay(400, "larger than", ("recipient-variables", new string(' ', 10 << 20))),
            new ApiPlay(400, "not a valid JSON", ("recipient-variables", new string('[', 1000))),
            new ApiPlay(
                200, "", ("subject", "%recipient.x%"), ("recipient-variables",
                    """{"b@net.example":{"x":"%recipient.y%","y":"evil","__proto__":"evil"}}"""))
            {
                Present = "Subject: %recipient.y%\r\n",
                Absent = "evil",
            },
        ],
        ["API-11"] =
        [
            new ApiPlay(400, "Too many recipients, max is 1000",
                [.. Enumerable.Range(0, 1001).Select(i => ("to", $"r{i}@net.example"))]),
            new ApiPlay(200, "", [.. Enumerable.Repeat(("to", "B@net.example"), 1000)]),
        ],
        ["API-12"] =
        [
            new ApiPlay(200, "", ("o:deliverytime", "Thu, 01 Jan 1970 00:00:00 +0000")),
            new ApiPlay(400, "7 days ahead", ("o:deliverytime", "Fri, 31 Dec 9999 23:59:59 +0000")),
            new ApiPlay(400, "not an RFC-2822 compliant date", ("o:deliverytime", "never")),
        ],
    };

    internal static IEnumerable<SecurityCase> Played => SecurityCase.Of("API")
        .Where(one => Rows.ContainsKey(one.Id) || Special.Contains(one.Id));

    public static TheoryData<string, int> Cases()
    {
        var rows = new TheoryData<string, int>();
        foreach (var (id, plays) in Rows)
        {
            for (var play = 0; play < plays.Length; play++)
                rows.Add(id, play);
        }
        return rows;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case_Played_IsAnsweredAndLetsNothingIn(string id, int play)
    {
        SecurityCase.Get(id);
        var row = Rows[id][play];
        foreach (var (fields, body) in ((string, byte[])[])[row.Pairs(), row.Parts()])
        {
            var answer = await RawHttp.AskAsync(
                server.AddressOf("http"), "POST /v3/mg.example.org/messages",
                RawHttp.Login("key-mg") + fields, body);
            Assert.Equal(row.Status, answer.Status);
            using var json = JsonDocument.Parse(answer.Body);
            var message = json.RootElement.GetProperty("message").GetString()!;
            Assert.Contains(row.Says, message);
            if (row.Status == 200)
                await LooksRightAsync(row, json.RootElement.GetProperty("id").GetString()!);
        }
    }

    async Task LooksRightAsync(ApiPlay row, string messageId)
    {
        var (stored, content) = await server.MailAsync(messageId);
        var recipient = Assert.Single(stored.Recipients).Address.ToString();
        Assert.Equal("b@net.example", recipient, ignoreCase: true);
        var header = content[..content.IndexOf("\r\n\r\n", StringComparison.Ordinal)] + "\r\n";
        Assert.DoesNotContain("\nBcc:", header, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain('\n', header.Replace("\r\n", "", StringComparison.Ordinal));
        Assert.Contains(row.Present, content);
        if (row.Absent.Length > 0)
            Assert.DoesNotContain(row.Absent, content);
    }

    [Fact]
    public async Task Key_StandsInNoAnswerAndInNoLog()
    {
        SecurityCase.Get("API-20");
        const string key = "key-mg";
        await using var own = new RunningServer();
        await own.InitializeAsync();
        foreach (var (line, fields) in ((string, string)[])[
            ("POST /v3/mg.example.org/messages", RawHttp.Login(key)),
            ("POST /v3/other.example.org/messages", RawHttp.Login(key)),
            ($"POST /v3/{key}.example/messages?key={key}", RawHttp.Login("wrong")),
            ($"GET /v3/mg.example.org/events?api_key={key}", ""),
            ($"GET /v3/mg.example.org/events", $"Authorization: Bearer {key}\r\n"),
        ])
        {
            var answer = await RawHttp.AskAsync(own.AddressOf("http"), line, fields, []);
            Assert.NotEqual(200, answer.Status);
            Assert.DoesNotContain(key, answer.Fields + answer.Body);
        }
        await own.StopAsync();
        Assert.DoesNotContain(key, own.ReadLog());
    }
}

/// <summary>A form, and what must come of it.</summary>
/// <param name="Fields">Besides a from, to, subject and text, which they replace.</param>
/// <param name="Says">What the message of the answer holds.</param>
sealed record ApiPlay(int Status, string Says, params (string Name, string Value)[] Fields)
{
    static readonly (string Name, string Value)[] Usual =
        [("from", "ann@shop.example"), ("to", "b@net.example"), ("subject", "hello"), ("text", "hi")];

    /// <summary>What goes out holds it.</summary>
    public string Present { get; init; } = "";

    /// <summary>What goes out does not hold it. Empty: anything may be there.</summary>
    public string Absent { get; init; } = "";

    IEnumerable<(string Name, string Value)> All =>
        [.. Usual.Where(usual => Fields.All(own => own.Name != usual.Name)), .. Fields];

    public (string Fields, byte[] Body) Pairs() => (
        "Content-Type: application/x-www-form-urlencoded\r\n",
        Encoding.ASCII.GetBytes(string.Join('&', All.Select(
            field => $"{WebUtility.UrlEncode(field.Name)}={WebUtility.UrlEncode(field.Value)}"))));

    public (string Fields, byte[] Body) Parts() => (
        "Content-Type: multipart/form-data; boundary=postern\r\n",
        Encoding.UTF8.GetBytes(string.Concat(All.Select(field =>
            $"--postern\r\nContent-Disposition: form-data; name=\"{field.Name}\"\r\n\r\n{field.Value}\r\n"))
            + "--postern--\r\n"));
}
