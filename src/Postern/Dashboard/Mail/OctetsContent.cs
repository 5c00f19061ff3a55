using System.Buffers;
using System.IO.Pipelines;
using Postern.Smtp;

namespace Postern.Dashboard.Mail;

/// <summary>Content that is in memory, to be read alone.</summary>
sealed class OctetsContent(ReadOnlyMemory<byte> octets) : ContentSource
{
    public override long Octets => octets.Length;
    public override bool HasEightBit => octets.Span.ContainsAnyInRange((byte)128, (byte)255);
    public override bool HasEightBitHeader => HasEightBit;

    public override PipeReader OpenReader() => PipeReader.Create(new ReadOnlySequence<byte>(octets));
}
