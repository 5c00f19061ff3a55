using System.Buffers;
using System.Text;

namespace Postern.Dashboard;

/// <summary>Text that goes as UTF-8 to where octets go: a page is never one long string.</summary>
sealed class Utf8Writer(IBufferWriter<byte> target) : TextWriter
{
    const int PieceCharactersMax = 1024;

    readonly Encoder encoder = Encoding.UTF8.GetEncoder();

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value) => Write([value]);

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(ReadOnlySpan<char> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var piece = buffer[..Math.Min(buffer.Length, PieceCharactersMax)];
            var octets = target.GetSpan(Encoding.UTF8.GetMaxByteCount(piece.Length));
            target.Advance(encoder.GetBytes(piece, octets, flush: false));
            buffer = buffer[piece.Length..];
        }
    }
}
