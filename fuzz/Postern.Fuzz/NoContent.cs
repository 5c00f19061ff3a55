using System.Buffers;
using System.IO.Pipelines;
using Postern.Smtp;

namespace Postern.Fuzz;

/// <summary>Content of no octets.</summary>
sealed class NoContent : ContentSource
{
    public override long Octets => 0;
    public override bool HasEightBit => false;
    public override bool HasEightBitHeader => false;

    public override PipeReader OpenReader() => PipeReader.Create(ReadOnlySequence<byte>.Empty);
}
