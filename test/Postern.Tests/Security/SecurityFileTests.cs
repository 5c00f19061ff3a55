using System.Net.Sockets;
using System.Text;
using Postern.Listeners;
using Postern.Mta.Configuration;
using Postern.Mta.Store;
using Postern.Tests.Api;
using Postern.Tests.Configuration;
using Postern.Tests.Mta.Store;

namespace Postern.Tests.Security;

/// <summary>Plays the catalogue's cases about paths, links and torn files.</summary>
/// <remarks>Those that need a process of their own are played in test/interop.</remarks>
public sealed class SecurityFileTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Ours = "hostname = \"mx.example.org\"\ndata = \"/var/lib/postern\"\n"
        + "[[listen]]\non = \"127.0.0.1:25\"\nfor = \"mx\"\n";

    static readonly string[] Ids = ["FS-01", "FS-02", "FS-14"];

    internal static IEnumerable<SecurityCase> Played =>
        SecurityCase.Of("FS").Where(one => Ids.Contains(one.Id));

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> Keys() =>
    [
        "..", "../../../../etc/passwd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%2f..%2fadmin.token",
        "..%5c..%5cpostern.db", "%00", "0000000000000%00", "/etc/passwd", "%2fetc%2fpasswd",
        "%c0%ae%c0%ae%c0%af", "\u2024\u2024/admin.token", "%EF%BC%8E%EF%BC%8E%2fadmin.token",
        new string('A', 64 << 10), "' OR 1=1 --", "000000000000", "00000000000000", "UUUUUUUUUUUUU",
    ];

    [Theory]
    [MemberData(nameof(Keys))]
    public async Task Path_WithAKeyThatIsNone_FindsNothing(string key)
    {
        SecurityCase.Get("FS-01");
        string[] lines =
        [
            $"GET /admin/v1/queue/{key}", $"GET /admin/v1/messages/{key}", $"DELETE /admin/v1/accounts/{key}",
            $"POST /admin/v1/queue/hold?id={key}", $"GET /{key}",
        ];
        foreach (var line in lines)
        {
            var answer = await AskAsync(line);
            // What is no request, or too long for one, does not come as far as a path; "/.." is the front
            // page, which asks who it is.
            Assert.Matches("^HTTP/1.1 (404|400|414|401|303) ", answer);
            Assert.DoesNotContain("root:", answer);
            Assert.DoesNotContain(server.Token, answer);
        }
    }

    [Theory]
    [InlineData("lock")]
    [InlineData("postern.db")]
    [InlineData("content")]
    public void Link_InTheDataDirectory_IsRefused(string name)
    {
        SecurityCase.Get("FS-02");
        using var directory = new TemporaryDirectory();
        var victim = directory.Write("victim", "precious");
        var data = Directory.CreateDirectory(directory.PathOf("data")).FullName;
        File.CreateSymbolicLink(Path.Combine(data, name), victim);
        var refused = Assert.Throws<StoreException>(() => DataDirectory.Take(data));
        Assert.Contains(name, refused.Message);
        Assert.Equal("precious", File.ReadAllText(victim));
        File.Delete(Path.Combine(data, name));
        DataDirectory.Take(data).Dispose();
    }

    [Theory]
    [InlineData("lock")]
    [InlineData("postern.db")]
    public void File_ThatHasAnotherNameBesides_IsRefused(string name)
    {
        SecurityCase.Get("FS-02");
        using var directory = new TemporaryDirectory();
        var victim = directory.Write("victim", "precious");
        var data = Directory.CreateDirectory(directory.PathOf("data")).FullName;
        Descriptors.Link(victim, Path.Combine(data, name));
        Assert.Contains(
            "another name", Assert.Throws<StoreException>(() => DataDirectory.Take(data)).Message);
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Fact]
    public void ContentFile_WhereALinkLies_IsNotWrittenThrough()
    {
        SecurityCase.Get("FS-02");
        using var directory = new TemporaryDirectory();
        var victim = directory.Write("victim", "precious");
        File.CreateSymbolicLink(directory.PathOf("content"), victim);
        Assert.Throws<NativeFileException>(() => NativeFile.Create(directory.PathOf("content")));
        PrivateFile.Write(directory.PathOf("content"), "ours");
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Token_ThatOthersCouldKnow_IsMadeAnew(bool isLink)
    {
        SecurityCase.Get("FS-02");
        using var directory = new TemporaryDirectory();
        var known = new string('k', 40);
        var path = directory.PathOf("admin.token");
        if (isLink)
            File.CreateSymbolicLink(path, directory.Write("known", known));
        else
            directory.Write("admin.token", known, (UnixFileMode)0b110_100_100);
        var token = PrivateFile.ReadOrMakeToken(path);
        Assert.NotEqual(known, token);
        Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(path));
        Assert.Equal(token, PrivateFile.ReadOrMakeToken(path));
    }

    [Fact]
    public void Configuration_ThatIsTornOrCorrupt_IsAnErrorAndNoMore()
    {
        SecurityCase.Get("FS-14");
        using var directory = new TemporaryDirectory();
        // Cut at every octet: either it still is a configuration, or what is wrong is said with its line.
        for (var length = 0; length < Ours.Length; length++)
            AssertRead(directory, Encoding.UTF8.GetBytes(Ours)[..length]);
        var noise = new byte[4096];
        new Random(1).NextBytes(noise);
        AssertErrors(directory, noise);
        AssertErrors(directory, new byte[4096]);
        AssertErrors(directory, Encoding.UTF8.GetBytes("a = " + new string('[', 100_000)));
        AssertErrors(directory, Encoding.UTF8.GetBytes(
            "a = " + string.Concat(Enumerable.Repeat("{a=", 10_000))));
        AssertErrors(directory, Encoding.UTF8.GetBytes("[" + new string('a', 1 << 20) + "]"));
        AssertErrors(directory, new byte[5 << 20]);
        Assert.NotEmpty(ConfigurationReader.Read(
            directory.PathOf("."), new ConfigurationSurroundings()).Errors);
    }

    static void AssertErrors(TemporaryDirectory directory, byte[] octets) =>
        Assert.NotEmpty(AssertRead(directory, octets).Errors);

    static ConfigurationResult AssertRead(TemporaryDirectory directory, byte[] octets)
    {
        var path = directory.PathOf("postern.toml");
        using (var file = File.Create(path))
            file.Write(octets);
        var result = ConfigurationReader.Read(path, new ConfigurationSurroundings());
        Assert.All(result.Errors, error => Assert.DoesNotContain('\n', error.ToString()));
        return result;
    }

    /// <summary>A request line as it stands: a library would mend it.</summary>
    async Task<string> AskAsync(string line)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.AddressOf("http"), Cancel);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(
                Encoding.UTF8.GetBytes($"{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
                    + $"Authorization: Bearer {server.Token}\r\nConnection: close\r\n\r\n"), Cancel);
        }
        catch (IOException)
        {
            // It did not want to read all of it; the answer says why.
        }
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(Cancel);
    }
}
