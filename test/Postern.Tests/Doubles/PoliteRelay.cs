using System.Collections.Concurrent;
using System.Text;

namespace Postern.Tests.Doubles;

/// <summary>
/// A script for <see cref="ScriptedRelay"/>: a relay that takes everything, except where a rule says
/// otherwise.
/// </summary>
sealed class PoliteRelay
{
    /// <summary>Lines of the EHLO reply behind the first.</summary>
    public IReadOnlyList<string> Extensions { get; init; } = ["PIPELINING", "8BITMIME"];

    /// <summary>Lines of the EHLO reply inside TLS. Null: the same without STARTTLS.</summary>
    public IReadOnlyList<string>? ExtensionsInTls { get; init; }

    public System.Security.Cryptography.X509Certificates.X509Certificate2? Certificate { get; init; }

    /// <summary>
    /// A reply instead of the usual one to this line; "greeting" and "." are asked for too. Null: the usual
    /// one.
    /// </summary>
    public Func<string, string?> Says { get; init; } = _ => null;

    /// <summary>The connection is closed after the reply to this line.</summary>
    public Func<string, bool> Leaves { get; init; } = _ => false;

    public ConcurrentQueue<string> Contents { get; } = new();
    public ConcurrentQueue<string> Commands { get; } = new();

    public async Task PlayAsync(RelayConversation relay)
    {
        if (await AnswerAsync(relay, "greeting", "220 relay.example ready") is not '2')
            return;
        var inTls = false;
        while (await relay.ReadLineAsync() is { } line)
        {
            Commands.Enqueue(line);
            var code = await AnswerAsync(relay, line, Usual(line, inTls));
            if (line == "QUIT" || Leaves(line))
                return;
            if (line == "STARTTLS" && code == '2')
            {
                await relay.StartTlsAsync(Certificate ?? TestCertificates.Shared.Good);
                inTls = true;
            }
            if (line == "DATA" && code == '3')
            {
                if (await relay.ReadDataAsync() is not { } content)
                    return;
                Contents.Enqueue(content);
                await AnswerAsync(relay, ".", $"250 2.0.0 Ok: queued as Q{Contents.Count}");
                if (Leaves("."))
                    return;
            }
        }
    }

    string Usual(string line, bool inTls) => line.Split(' ', ':')[0] switch
    {
        "EHLO" => Ehlo(inTls),
        "DATA" => "354 go",
        "AUTH" => "235 2.7.0 in",
        "QUIT" => "221 bye",
        "STARTTLS" => "220 go",
        _ => "250 ok",
    };

    string Ehlo(bool inTls)
    {
        var offered = inTls ? ExtensionsInTls ?? [.. Extensions.Where(e => e != "STARTTLS")] : Extensions;
        var text = new StringBuilder();
        foreach (var line in offered.Reverse().Skip(1).Reverse().Prepend("relay.example"))
            text.Append("250-").Append(line).Append("\r\n");
        return text.Append("250 ").Append(offered.Count == 0 ? "HELP" : offered[^1]).ToString();
    }

    async Task<char> AnswerAsync(RelayConversation relay, string line, string usual)
    {
        var reply = Says(line) ?? usual;
        await relay.SayAsync(reply);
        return reply[0];
    }
}
