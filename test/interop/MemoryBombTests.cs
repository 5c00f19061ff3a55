using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Postern.Tests.Doubles;
using Postern.Tests.Security;

namespace Postern.Interop;

/// <summary>Content that is hard to read and requests that unpack to more than there is, in 256 MiB of memory
/// with every check on and the description written.</summary>
public sealed class MemoryBombTests
{
    const long MemoryMax = 256L << 20;
    const string Domain = "mg.postern.test";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bombs_In256MiB_AreAnsweredAndEndNothing()
    {
        using var memory = MemoryGroup.Make(MemoryMax);
        using var zone = new ZoneServer();
        await using var postern = new PosternProcess("") { Wrapper = memory.Wrapper };
        postern.Settings = Settings(postern, zone);
        await postern.StartAsync();
        var slowest = await SendAsync(postern.Port("mx"));
        foreach (var (name, make) in Posts)
        {
            var took = await AnsweredAsync(postern, name, make);
            slowest = took > slowest ? took : slowest;
        }
        await Eventually.TrueAsync(
            async () => (await postern.CommandAsync("queue", "list", "--json")).Succeeded().Output.Trim()
                is "" or "[]",
            "everything that was taken is with the script", 60, () => postern.Said);
        Assert.False(postern.HasExited, postern.Said);
        Assert.Equal(0, memory.Killed);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"peak {memory.Peak >> 20} MiB, the slowest answer after {slowest.TotalSeconds:0.0} s");
    }

    /// <summary>The script reads the message and its description to their ends.</summary>
    static string Settings(PosternProcess postern, ZoneServer zone)
    {
        var script = postern.Directory.WriteScript("read-all", """
            #!/bin/sh
            /bin/cat > /dev/null && /bin/cat "$POSTERN_JSON" > /dev/null
            """);
        return $"""
            [dns]
            servers = ["{zone.Endpoint}"]

            [inbound]
            unchecked = []

            [domains."{Domain}"]
            api-keys = ["file:{postern.Directory.WriteSecret("api.key", "key")}"]

            [transports.script]
            kind = "pipe"
            argv = ["{script}"]
            json = true
            parse = "bodies"
            {InboundTests.RunAs(postern.Directory)}

            [[routes]]
            name = "in"
            to = ["*@in.test"]
            accepts = ["mx", "api"]
            via = ["script"]
            """;
    }

    /// <returns>How long the slowest answer to a last dot took.</returns>
    static async Task<TimeSpan> SendAsync(int port)
    {
        var slowest = TimeSpan.Zero;
        await using var wire = await SmtpWire.ConnectAsync(port, Cancel);
        var contents = HardContents.Names.Select(HardContents.Of).Append(
            Encoding.ASCII.GetBytes("Subject: large\r\n\r\n"
                + string.Concat(Enumerable.Repeat(new string('x', 78) + "\r\n", 500_000))));
        foreach (var content in contents)
        {
            var letter = new Letter("a@sender.test", "box@in.test", content);
            Assert.StartsWith("354", await wire.BeginAsync(letter, Cancel));
            var began = Stopwatch.GetTimestamp();
            Assert.Matches("^(250|5[0-9][0-9]) ", await wire.EndAsync(letter, Cancel));
            var took = Stopwatch.GetElapsedTime(began);
            slowest = took > slowest ? took : slowest;
        }
        return slowest;
    }

    static readonly (string Name, Func<HttpContent> Make)[] Posts =
    [
        ("gzip that unpacks to 2 GB", MakePacked),
        ("JSON 100,000 deep", static () => new StringContent(
            new string('[', 100_000), Encoding.UTF8, "application/json")),
        ("100,000 fields", MakeManyFields),
        ("a name of 1 MB", static () => new FormUrlEncodedContent(
            [new KeyValuePair<string, string>(new string('n', 1 << 20), "x")])),
    ];

    static ByteArrayContent MakePacked()
    {
        var packed = new ByteArrayContent(Pack(2L << 30));
        packed.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        packed.Headers.ContentEncoding.Add("gzip");
        return packed;
    }

    static MultipartFormDataContent MakeManyFields()
    {
        var form = new MultipartFormDataContent();
        for (var i = 0; i < 100_000; i++)
            form.Add(new StringContent(""), "o:tag");
        return form;
    }

    static byte[] Pack(long octets)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            var zeros = new byte[1 << 20];
            for (var left = octets; left > 0; left -= zeros.Length)
                gzip.Write(zeros);
        }
        return packed.ToArray();
    }

    static async Task<TimeSpan> AnsweredAsync(PosternProcess postern, string name, Func<HttpContent> make)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Basic", Convert.ToBase64String("api:key"u8));
        using var content = make();
        var address = new Uri($"http://127.0.0.1:{postern.Port("http")}/v3/{Domain}/messages");
        var began = Stopwatch.GetTimestamp();
        using var answer = await http.PostAsync(address, content, Cancel);
        Assert.True(
            answer.StatusCode is >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError,
            $"{name}: {answer.StatusCode}");
        Assert.StartsWith("{", await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        return Stopwatch.GetElapsedTime(began);
    }
}
