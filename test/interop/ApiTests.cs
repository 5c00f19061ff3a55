using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Postern.Interop;

/// <summary>Mailgun's API of the real program: what large requests cost it, and what its 200 is
/// worth.</summary>
public sealed class ApiTests : IAsyncLifetime
{
    const string Domain = "mg.postern.test";
    const int Mebi = 1 << 10;

    readonly SmtpSink sink = new();
    readonly PosternProcess postern = new("");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        postern.Settings = $"""
            [domains."{Domain}"]
            api-keys = ["file:{postern.Directory.WriteSecret("api.key", "key")}"]

            [transports.relay]
            kind = "smtp"
            host = "[127.0.0.1]:{sink.Port}"
            tls = "none"

            [[routes]]
            name = "everything"
            via = ["relay"]
            """;
        await postern.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await postern.DisposeAsync();
        await sink.DisposeAsync();
    }

    HttpClient Client() => new()
    {
        BaseAddress = new Uri(string.Create(
            CultureInfo.InvariantCulture, $"http://127.0.0.1:{postern.Port("http")}/v3/{Domain}/")),
        DefaultRequestHeaders =
        {
            Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String("api:key"u8)),
        },
    };

    static async Task PostAsync(HttpClient http, string way, byte[] file)
    {
        using var form = new MultipartFormDataContent
        {
            { new StringContent($"a@{Domain}"), "from" }, { new StringContent("b@sink.test"), "to" },
            { new StringContent("hi"), "text" },
            { new ByteArrayContent(file), way == "messages" ? "attachment" : "message", "file" },
        };
        using var answer = await http.PostAsync(new Uri(way, UriKind.Relative), form, Cancel);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    Task ArrivedAsync(int count) => Eventually.TrueAsync(
        () => sink.Deliveries.Count >= count, $"{count} are delivered", 60, () => postern.Said);

    /// <summary>Taken in and handed on ten times over: the garbage of all that is collected in between, and
    /// none of it is the file.</summary>
    [Theory]
    [InlineData("messages", 25_000_000)]
    [InlineData("messages.mime", 33_000_000)]
    public async Task File_OfManyMegabytes_RaisesMemoryByLittle(string way, int octets)
    {
        var head = Encoding.ASCII.GetBytes($"From: a@{Domain}\r\nSubject: large\r\n\r\n");
        byte[] Mail(int size) =>
            [.. head, .. Enumerable.Repeat(Encoding.ASCII.GetBytes(new string('x', 78) + "\r\n"), size / 80)
                .SelectMany(line => line)];
        using var http = Client();
        // The first ones pay for code and pools.
        for (var i = 0; i < 20; i++)
            await PostAsync(http, way, Mail(i % 2 == 0 ? 1000 : 500_000));
        await ArrivedAsync(20);
        var before = postern.PeakResidentKibibytes;
        var file = Mail(octets);
        await PostAsync(http, way, file);
        await ArrivedAsync(21);
        Assert.InRange(postern.PeakResidentKibibytes - before, 0, 10 * Mebi);
        for (var i = 1; i < 10; i++)
        {
            await PostAsync(http, way, file);
            await ArrivedAsync(21 + i);
        }
        Assert.InRange(postern.PeakResidentKibibytes - before, 0, 32 * Mebi);
    }

    /// <summary>API-18 of the security catalogue.</summary>
    [Fact]
    public async Task Answer_OfAProcessThatIsKilledAtOnce_IsKept()
    {
        using (var http = Client())
        {
            await PostAsync(http, "messages", [1]);
            await PostAsync(http, "messages", new byte[1 << 20]);
        }
        await postern.KillAsync();
        await postern.StartAsync();
        // What was under way waits to be sure of it, as after any unknown outcome; an operator need not.
        await Eventually.TrueAsync(
            async () =>
            {
                await postern.CommandAsync("queue", "retry", "ALL");
                return sink.Deliveries.Count >= 2;
            },
            "both are delivered", 60, () => postern.Said);
    }
}
