using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Postern.Interop;

/// <summary>Large mail by claim check: published as a reference, and fetched by who reads the
/// topic.</summary>
public sealed class ClaimTests
{
    const string Bucket = "mail-claims";
    const int ContentOctets = 20_000_000;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static string ToTopic(string claims) => $"""
        [transports.topic]
        kind = "pubsub"
        topic = "projects/postern/topics/mail"
        {claims}

        [[routes]]
        name = "inbound"
        to = ["*@in.test"]
        accepts = "mx"
        via = ["topic"]
        """;

    [Fact]
    public async Task Message_Of20Megabytes_IsFetchedByItsSignedLinkAndIsTheSame()
    {
        await using var pubsub = await PubSubEmulator.GoogleAsync();
        await pubsub.CreateAsync("mail", "reader");
        await using var postern = new PosternProcess(
            ToTopic("claim-url = \"https://mx.in.test/claims\"\nclaim-keep = \"30d\""));
        postern.Environment["PUBSUB_EMULATOR_HOST"] = pubsub.Host;
        await postern.StartAsync();
        var content = await SendAsync(postern);
        var raw = await PullRawAsync(pubsub);

        // The name of the host is the operator's affair; here it is this machine's.
        var link = new Uri(raw.GetProperty("uri").GetString()!);
        Assert.Equal("mx.in.test", link.Host);
        var there = new Uri($"http://127.0.0.1:{postern.Port("http")}{link.PathAndQuery}");
        using var http = new HttpClient();
        var octets = await http.GetByteArrayAsync(there, Cancel);
        CheckMail(raw, octets, content);

        using var part = new HttpRequestMessage(HttpMethod.Get, there);
        part.Headers.Range = new RangeHeaderValue(octets.Length - 1000, null);
        using var answer = await http.SendAsync(part, Cancel);
        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        Assert.Equal(octets[^1000..], await answer.Content.ReadAsByteArrayAsync(Cancel));

        using var forged = await http.GetAsync(new Uri(there.AbsoluteUri + "x"), Cancel);
        Assert.Equal(HttpStatusCode.Forbidden, forged.StatusCode);
        Assert.True(
            postern.PeakResidentKibibytes < 256 << 10,
            $"{postern.PeakResidentKibibytes} KiB for a message of 20 MB");
    }

    [Fact]
    public async Task Message_Of20Megabytes_LiesInTheBucketOfAnS3Server()
    {
        var script = Tool.RequireNode("bucket.js");
        var node = Tool.Require("node", "nodejs");
        await using var pubsub = await PubSubEmulator.GoogleAsync();
        await pubsub.CreateAsync("mail", "reader");
        var port = PosternProcess.FreePort();
        await using var postern = new PosternProcess("");
        var login = postern.Directory.PathOf("s3.login");
        await File.WriteAllLinesAsync(login, ["S3RVER:S3RVER"], Cancel);
        File.SetUnixFileMode(login, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        postern.Settings = ToTopic(
            $"""
            claim-bucket = "s3://{Bucket}/in"
            claim-endpoint = "http://127.0.0.1:{port}"
            claim-login = "file:{login}"
            """);
        postern.Environment["PUBSUB_EMULATOR_HOST"] = pubsub.Host;
        await postern.StartAsync();

        // Nobody keeps the bucket yet: the mail is taken and waits.
        var content = await SendAsync(postern);
        await using var server = new Daemon(
            node, [script, "serve", $"{port}", postern.Directory.PathOf("s3"), Bucket]);
        await Eventually.TrueAsync(() => SmtpWire.IsOpenAsync(port), "S3 listens", 30, () => server.Said);
        (await postern.CommandAsync("queue", "retry", "ALL")).Succeeded();
        var raw = await PullRawAsync(pubsub);

        var uri = raw.GetProperty("uri").GetString()!;
        Assert.StartsWith($"s3://{Bucket}/in/", uri);
        var key = uri[$"s3://{Bucket}/".Length..];
        var got = (await Command.RunAsync(node, script, "get", $"{port}", Bucket, key)).Succeeded();
        using var facts = JsonDocument.Parse(got.Output);
        var sum = raw.GetProperty("sha256").GetString();
        Assert.Equal(sum, facts.RootElement.GetProperty("sha256").GetString());
        Assert.Equal(sum, facts.RootElement.GetProperty("metadata").GetProperty("sha256").GetString());
        Assert.Equal("message/rfc822", facts.RootElement.GetProperty("type").GetString());
        Assert.Equal(
            raw.GetProperty("size").GetInt64(), facts.RootElement.GetProperty("size").GetInt64());
        Assert.InRange(raw.GetProperty("size").GetInt64(), content.Length, content.Length + 1000);
        Assert.DoesNotContain("bounced", postern.Said);
    }

    /// <summary>It is what was sent, with the trace in front of it.</summary>
    static void CheckMail(JsonElement raw, byte[] octets, byte[] content)
    {
        Assert.Equal("ref", raw.GetProperty("mode").GetString());
        Assert.Equal(raw.GetProperty("size").GetInt64(), octets.Length);
        Assert.Equal(
            raw.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(octets)));
        Assert.True(octets.AsSpan(octets.Length - content.Length).SequenceEqual(content));
    }

    static async Task<byte[]> SendAsync(PosternProcess postern)
    {
        var text = new StringBuilder(
            "From: <a@sender.test>\r\nMessage-ID: <big@sender.test>\r\nSubject: big\r\n"
            + "Date: Mon, 30 Nov 2026 12:00:00 +0000\r\n\r\n");
        var chance = new Random(20);
        while (text.Length < ContentOctets)
        {
            for (var i = 0; i < 76; i++)
                text.Append((char)chance.Next('a', 'z'));
            text.Append("\r\n");
        }
        var content = Encoding.ASCII.GetBytes(text.ToString());
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), Cancel);
        var letter = new Letter("a@sender.test", "box@in.test", content, "");
        Assert.StartsWith("250", await wire.SendAsync(letter, Cancel));
        return content;
    }

    static async Task<JsonElement> PullRawAsync(PubSubEmulator pubsub)
    {
        var message = Assert.Single(await pubsub.PullAsync("reader", 1));
        Assert.Equal("ref", message.Attributes["raw-mode"]);
        using var document = JsonDocument.Parse(message.Data);
        return document.RootElement.GetProperty("raw").Clone();
    }
}
