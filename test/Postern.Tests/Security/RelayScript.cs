using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Client;
using Postern.Tests.Smtp.Server;

namespace Postern.Tests.Security;

/// <summary>A hostile relay as a line of text, steps between bars.</summary>
/// <remarks>
/// <c>S</c> a line to say, <c>O</c> octets to say, <c>U</c> what the case itself says, <c>H</c> greeting and
/// EHLO with these extensions, <c>C</c> how the client's next line begins, <c>F</c> MAIL, RCPT and DATA, all
/// answered well, <c>D</c> content up to the dot, <c>d</c> content that must never end, <c>B</c> so many
/// octets of it, <c>W</c> octets without end, <c>T</c> a handshake with a certificate, <c>E</c> the client
/// leaves, <c>X</c> close or rst.
/// </remarks>
sealed class RelayScript(SecurityCase one, string text)
{
    readonly string[] steps = text.Split('|');

    /// <summary>What came by DATA, dots stuffed.</summary>
    public List<string> Contents { get; } = [];

    /// <summary>How many octets of <c>W</c> were taken before the client closed.</summary>
    public long Taken { get; private set; }

    public async Task PlayAsync(RelayConversation relay)
    {
        foreach (var step in steps)
        {
            if (!await PlayAsync(relay, step[0], step.Length > 2 ? step[2..] : ""))
                return;
        }
    }

    async Task<bool> PlayAsync(RelayConversation relay, char verb, string text)
    {
        switch (verb)
        {
            case 'S':
                await relay.SayAsync(text);
                break;
            case 'O':
                await relay.SayRawAsync(TranscriptTests.Unescape(text));
                break;
            case 'U':
                await relay.SayRawAsync(one.Octets.EndsWith('\n') ? one.Octets : one.Octets + "\r\n");
                break;
            case 'H':
                await relay.GreetAsync(text.Split(',', StringSplitOptions.RemoveEmptyEntries));
                break;
            case 'C':
                await relay.ExpectAsync(text);
                break;
            case 'F':
                await relay.ExpectAsync("MAIL", "250 ok");
                await relay.ExpectAsync("RCPT", "250 ok");
                await relay.ExpectAsync("DATA", "354 go");
                break;
            default:
                return await PlayLaterAsync(relay, verb, text);
        }
        return true;
    }

    async Task<bool> PlayLaterAsync(RelayConversation relay, char verb, string text)
    {
        switch (verb)
        {
            case 'D':
                Contents.Add(await relay.ReadDataAsync() ?? throw new EndOfStreamException("no dot"));
                return true;
            case 'd':
                Assert.Null(await relay.ReadDataAsync());
                return true;
            case 'B':
                var octets = int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
                Assert.Equal(octets, (await relay.ReadOctetsAsync(octets)).Length);
                return true;
            case 'W':
                await WriteEndlesslyAsync(relay);
                return false;
            case 'T':
                await relay.StartTlsAsync(CertificateOf(text));
                return true;
            case 'E':
                await relay.ExpectEndAsync();
                return true;
            case 'X' when text == "rst":
                relay.Reset();
                return false;
            case 'X' when text == "close":
                return false;
            default:
                throw new ArgumentException($"{one.Id}: no such step: {verb} {text}");
        }
    }

    async Task WriteEndlesslyAsync(RelayConversation relay)
    {
        var piece = new string('A', 4096);
        try
        {
            for (; Taken < 10 << 20; Taken += piece.Length)
                await relay.SayRawAsync(piece);
        }
        catch (IOException)
        {
            // The client has had enough.
        }
    }

    static System.Security.Cryptography.X509Certificates.X509Certificate2 CertificateOf(string name) =>
        name switch
        {
            "good" => TestCertificates.Shared.Good,
            "other-name" => TestCertificates.Shared.OtherName,
            "common-name" => TestCertificates.Shared.NameOnlyInCommonName,
            "expired" => TestCertificates.Shared.Expired,
            "self-signed" => TestCertificates.Shared.SelfSigned,
            _ => throw new ArgumentException(name),
        };
}
