using System.Text.RegularExpressions;

namespace Postern.Interop.Peers;

/// <summary>A real OpenDKIM that verifies files, and says of each what its milter would write into
/// it.</summary>
static partial class OpenDkim
{
    /// <summary>The results of each message in order: those of its signatures by the start of
    /// <c>b=</c>.</summary>
    /// <param name="dns">Address and port of the name server it asks.</param>
    public static async Task<IReadOnlyList<IReadOnlyDictionary<string, string>>> VerifyAsync(
        System.Net.IPEndPoint dns, IReadOnlyList<byte[]> messages)
    {
        var program = Tool.Require("opendkim");
        using var directory = new TemporaryDirectory();
        var configuration = directory.Write("opendkim.conf", $"""
            Mode v
            Syslog no
            AlwaysAddARHeader yes
            Nameservers {dns.Address}@{dns.Port}
            MinimumKeyBits 1024
            ClockDrift 3600
            Socket local:{directory.PathOf("socket")}
            """, TemporaryDirectory.Public);
        var files = new List<string>();
        foreach (var message in messages)
        {
            files.Add(directory.PathOf($"{files.Count}"));
            await File.WriteAllBytesAsync(files[^1], message, TestContext.Current.CancellationToken);
        }
        var run = (await Command.RunAsync(program, "-x", configuration, "-vv", "-t", string.Join(',', files)))
            .Succeeded();
        var fields = Inserted().Matches(run.Output).Select(field => field.Groups["value"].Value).ToArray();
        Assert.True(fields.Length == messages.Count, $"{fields.Length} of {messages.Count}\n{run}");
        return [.. fields.Select(ReadResults)];
    }

    static IReadOnlyDictionary<string, string> ReadResults(string field) =>
        AuthenticationField.ResultsOf(field).Where(one => one.Method == "dkim" && one.Result != "none")
            .ToDictionary(one => one.Properties["header.b"], one => one.Result);

    [GeneratedRegex(@"### INSHEADER: idx=\d+ hname='Authentication-Results' hvalue='(?<value>[^']*)'")]
    private static partial Regex Inserted();
}
