using System.Text;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>The third part of a report: the original message or its header section.</summary>
sealed record ReturnedPart(ReadOnlyMemory<byte> Octets, string Type, string Description)
{
    /// <summary>RFC 5322 §2.1.1, without CRLF.</summary>
    const int LineOctetsMax = 998;

    public required bool IsHeaderOnly { get; init; }

    /// <param name="octets">The beginning of the original, at most one octet over what may be
    /// returned.</param>
    public static ReturnedPart Of(ReportRequest request, ContentSource original, byte[] octets)
    {
        // RFC 3461 §4.3, §6.2: whole only on a failure, unless RET=HDRS.
        var isWhole = request.Kind == ReportKind.Failed
            && request.Message.Parameters.Return != DsnReturn.Headers
            && original.Octets <= BounceComposer.ReturnedOctetsMax
            && octets.Length <= BounceComposer.ReturnedOctetsMax
            && Is7Bit(octets);
        if (isWhole)
            return new ReturnedPart(octets, "message/rfc822", "Undelivered Message") { IsHeaderOnly = false };
        return HeadersOf(octets);
    }

    /// <param name="octets">The beginning of the original.</param>
    public static ReturnedPart HeadersOf(byte[] octets)
    {
        var header = HeaderOf(octets);
        var isGlobal = !Ascii.IsValid(header.Span) && System.Text.Unicode.Utf8.IsValid(header.Span);
        return new ReturnedPart(header, isGlobal ? "message/global-headers" : "text/rfc822-headers",
            "Message Headers")
        { IsHeaderOnly = true };
    }

    /// <summary>With its header; headers that are not 7-bit are quoted-printable (RFC 6522 §4, RFC 6533
    /// §4.3).</summary>
    public byte[] Encode()
    {
        var is7Bit = Is7Bit(Octets.Span);
        var head = $"Content-Description: {Description}\r\nContent-Type: {Type}\r\n"
            + $"Content-Transfer-Encoding: {(is7Bit ? "7bit" : "quoted-printable")}\r\n\r\n";
        return [.. Encoding.ASCII.GetBytes(head), .. is7Bit ? Octets.Span
            : QuotedPrintable.Encode(Octets.Span)];
    }

    /// <summary>RFC 2045 §2.7: ASCII without NUL, lines of at most 998 octets.</summary>
    public static bool Is7Bit(ReadOnlySpan<byte> octets)
    {
        if (!Ascii.IsValid(octets) || octets.Contains((byte)0))
            return false;
        while (octets.Length > 0)
        {
            var end = octets.IndexOf("\r\n"u8);
            if ((end < 0 ? octets.Length : end) > LineOctetsMax)
                return false;
            octets = end < 0 ? default : octets[(end + 2)..];
        }
        return true;
    }

    /// <summary>Up to the empty line, without it; cut at a line's end where the section is longer than what
    /// was read.</summary>
    static ReadOnlyMemory<byte> HeaderOf(byte[] octets)
    {
        if (octets.AsSpan().StartsWith("\r\n"u8))
            return default;
        var end = octets.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end >= 0)
            return octets.AsMemory(0, end + 2);
        if (octets.Length <= BounceComposer.ReturnedOctetsMax)
            return octets;
        var line = octets.AsSpan().LastIndexOf("\r\n"u8);
        return octets.AsMemory(0, line < 0 ? octets.Length : line + 2);
    }
}
