using System.Text;
using Postern.Smtp.Server;

namespace Postern.Mta.Inbound.Filters;

/// <summary>What clamd answers to INSTREAM (clamd(8)).</summary>
abstract record ClamavReply
{
    /// <summary>Characters of a signature's name, and of clamd's own words, that are kept.</summary>
    const int WordsMax = 128;

    ClamavReply()
    {
    }

    /// <summary>Nothing was found.</summary>
    public sealed record Clean : ClamavReply;

    /// <param name="Signature">Its name, printable ASCII.</param>
    public sealed record Found(string Signature) : ClamavReply;

    /// <summary>The message is over clamd's own StreamMaxLength.</summary>
    public sealed record TooLarge : ClamavReply;

    /// <param name="Text">clamd's words, printable ASCII.</param>
    public sealed record Failed(string Text) : ClamavReply;

    /// <param name="line">Without the octet that ends it.</param>
    /// <returns>False: clamd says no such thing.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out ClamavReply? reply)
    {
        var stream = "stream: "u8;
        var found = " FOUND"u8;
        var error = " ERROR"u8;
        reply = null;
        if (line.SequenceEqual("stream: OK"u8))
            reply = new Clean();
        else if (line.StartsWith(stream) && line.EndsWith(found)
            && line.Length > stream.Length + found.Length)
            reply = new Found(WordsOf(line[stream.Length..^found.Length]));
        else if (line.SequenceEqual("INSTREAM size limit exceeded. ERROR"u8))
            reply = new TooLarge();
        else if (line.EndsWith(error) && line.Length > error.Length)
            reply = new Failed(WordsOf(line[..^error.Length]));
        return reply is not null;
    }

    /// <summary><c>clamav 1.4.3</c> of <c>ClamAV 1.4.3/27500/Mon Nov 30 ...</c>.</summary>
    /// <returns>False: it is no answer to VERSION.</returns>
    public static bool TryParseEngine(ReadOnlySpan<byte> line, out string engine)
    {
        var name = "ClamAV "u8;
        engine = "clamav";
        if (!line.StartsWith(name))
            return false;
        line = line[name.Length..];
        var slash = line.IndexOf((byte)'/');
        engine = $"clamav {WordsOf(slash < 0 ? line : line[..slash])}";
        return true;
    }

    static string WordsOf(ReadOnlySpan<byte> text) =>
        Replies.Clean(Encoding.Latin1.GetString(text[..Math.Min(text.Length, WordsMax)]), WordsMax);
}
