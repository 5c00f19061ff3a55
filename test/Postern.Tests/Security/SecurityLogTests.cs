using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Postern.Mta;
using Postern.Smtp.Client;
using Postern.Smtp.Server;
using Postern.Tests.Api;
using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Client;

namespace Postern.Tests.Security;

/// <summary>What a peer says comes into the log as text, in every format: it ends no line, begins none, and
/// steers no terminal.</summary>
public sealed class SecurityLogTests
{
    static readonly string[] Special = ["LOG-05", "LOG-06"];
    static readonly LogFormat[] Formats = Enum.GetValues<LogFormat>();

    internal static IEnumerable<SecurityCase> Played => SecurityCase.Of("LOG")
        .Where(one => LogCases.Ids.Contains(one.Id) || Special.Contains(one.Id));

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, LogFormat> Cases()
    {
        var rows = new TheoryData<string, LogFormat>();
        foreach (var id in Played.Select(one => one.Id).Intersect(LogCases.Ids).DefaultIfEmpty("none"))
        {
            foreach (var format in Formats)
                rows.Add(id, format);
        }
        return rows;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Words_OfAPeer_AreTextInTheLog(string id, LogFormat format)
    {
        SecurityCase.Get(id);
        var row = LogCases.Of(id);
        var log = new StringBuilder();
        foreach (var script in row.Script.Split("||"))
        {
            await using var peer = new CasePeer(
                row.Mode, row.Mode == "mx25" ? ListenerKind.Mx : ListenerKind.Submission, format: format,
                checks: row.Dns, verdict: row.Verdict);
            if (row.Mode == "sub465" && script[0] != 'X')
                await peer.HandshakeAsync();
            foreach (var step in ServerCases.Steps(script))
                await SecurityServerTests.PlayAsync(peer, id, step);
            peer.Close();
            await peer.EndAsync();
            await peer.House.Hall.RunAsync();
            log.Append(await peer.House.ReadLogAsync());
        }
        Check(format, log.ToString());
        // The other formats tell less.
        if (!row.IsShown || format == LogFormat.Json)
            Assert.Equal(row.IsShown, log.ToString().Contains(LogCases.Word));
    }

    [Theory]
    [InlineData(LogFormat.Console)]
    [InlineData(LogFormat.Json)]
    [InlineData(LogFormat.Postfix)]
    public async Task Words_OfARelay_AreTextInTheLog(LogFormat format)
    {
        var one = SecurityCase.Get("LOG-05");
        await using var house = new SecurityHouse(ListenFor.Submission, format: format);
        const string hostile = @"\x00\x07\x1b[2J\xe2\x80\xae\nlevel=error";
        house.Scripts.Enqueue(new RelayScript(
            one, $"H|C MAIL|S 250 ok|C RCPT|O 451-4.2.0 {hostile}\\r\\n451 {new string('A', 4000)}\\r\\n|E")
            .PlayAsync);
        house.Scripts.Enqueue(new RelayScript(one, $"S 220 {LogCases.Word}|C EHLO|O 250 {hostile}\\r\\n|W")
            .PlayAsync);
        house.Scripts.Enqueue(new RelayScript(one, "W").PlayAsync);
        await house.SubmitAsync("Subject: 1\r\n\r\n", "b@far.example");
        await house.Hall.PassAsync(TimeSpan.FromHours(1));
        var log = await house.ReadLogAsync();
        Check(format, log);
        Assert.Contains(LogCases.Word, log);
    }

    [Theory]
    [InlineData(LogFormat.Console)]
    [InlineData(LogFormat.Json)]
    [InlineData(LogFormat.Postfix)]
    public async Task Words_OfHttp_AreTextInTheLog(LogFormat format)
    {
        SecurityCase.Get("LOG-06");
        await using var server = new RunningServer { Format = format };
        await server.InitializeAsync();
        var hostile = Uri.EscapeDataString("x\r\n\0\a\e[2J\u202elevel=error");
        using (var http = server.Http("http", withToken: true))
        {
            http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "\e[2J" + LogCases.Word);
            await http.GetAsync($"admin/v1/queue/{hostile}", Cancel);
            await http.GetAsync($"{hostile}?{hostile}", Cancel);
            using var account = new StringContent(
                """{"name":"x\r\nlevel=error","password":"hunter2","senders":[]}""", Encoding.UTF8,
                "application/json");
            using var answer = await http.PostAsync("admin/v1/accounts", account, Cancel);
            Assert.Equal(System.Net.HttpStatusCode.BadRequest, answer.StatusCode);
        }
        using (var socket = server.Socket("deliver.sock"))
        {
            foreach (var helo in new[] { hostile, new string('A', 5000) })
            {
                using var answer = await socket.PostAsync(
                    $"deliver?sender=a@b.example&recipient=me@in.example&helo={helo}",
                    new StringContent("Subject: x\n\nbody\n"), Cancel);
                Assert.Contains("\"code\":250", await answer.Content.ReadAsStringAsync(Cancel));
            }
            await socket.PostAsync(
                $"deliver?sender=a@b.example&recipient={hostile}@in.example", null, Cancel);
        }
        await server.StopAsync();
        Check(format, server.ReadLog());
    }

    /// <summary>Of a certificate nothing is told but what is wrong with it.</summary>
    [Fact]
    public async Task Subject_OfACertificate_IsNotTold()
    {
        SecurityCase.Get("LOG-08");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName("x\r\n\e[2J\u202elevel=error");
        using var made = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(MailHall.Start.AddYears(-5), MailHall.Start.AddYears(70));
        using var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await relay.GreetAsync("STARTTLS");
            await relay.ExpectAsync("STARTTLS", "220 go");
            // Whether our side of it fails or ends well is the protocol's matter.
            await Record.ExceptionAsync(() => relay.StartTlsAsync(certificate));
        });
        var opened = await SmtpClientConnection.OpenAsync(
            stream, Relays.Required, TimeProvider.System, Cancel);
        await stream.DisposeAsync();
        await script;
        Assert.Equal(
            "the certificate is self-signed", Assert.IsType<OpenResult.CertificateRefused>(opened).Reason);
    }

    static void Check(LogFormat format, string log)
    {
        Assert.EndsWith("\n", log);
        Assert.DoesNotContain(LogCases.Secret, log);
        foreach (var line in log.Split('\n')[..^1])
        {
            Assert.DoesNotContain(line.EnumerateRunes(), rune => Rune.GetUnicodeCategory(rune)
                is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator);
            Assert.InRange(line.Length, 1, 16 << 10);
            if (format == LogFormat.Json)
            {
                using var json = JsonDocument.Parse(line);
                Assert.All(TextsOf(json.RootElement), text => Assert.InRange(text.Length, 0, 1027));
            }
            else
                Assert.Matches(format == LogFormat.Console
                    ? "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{12}  [a-z]"
                    : "^[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} mx postfix/[a-z]+\\[", line);
        }
    }

    static IEnumerable<string> TextsOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member => TextsOf(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(TextsOf),
        JsonValueKind.String => [element.GetString()!],
        _ => [],
    };
}
