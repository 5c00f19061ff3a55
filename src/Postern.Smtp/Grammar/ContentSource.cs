using System.IO.Pipelines;

namespace Postern.Smtp;

/// <summary>Content to be sent: canonical octets, every line ended by CRLF, perhaps without a final
/// one.</summary>
/// <remarks>May be read several times, one reader at a time; the owner disposes of what is behind
/// it.</remarks>
public abstract class ContentSource
{
    /// <summary>How many octets a reader gives, before dots are stuffed.</summary>
    public abstract long Octets { get; }

    /// <summary>An octet over 127 is in it: the next hop must offer 8BITMIME.</summary>
    public abstract bool HasEightBit { get; }

    /// <summary>The header section needs SMTPUTF8: an octet over 127 stands in it.</summary>
    public abstract bool HasEightBitHeader { get; }

    /// <summary>A reader from the first octet. The caller completes it.</summary>
    public abstract PipeReader OpenReader();
}
