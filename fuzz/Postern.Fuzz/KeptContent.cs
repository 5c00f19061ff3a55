using System.Buffers;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Fuzz;

/// <summary>A sink that keeps what it is given.</summary>
sealed class KeptContent : ContentSink
{
    readonly ArrayBufferWriter<byte> kept = new();
    readonly Action? closed;

    /// <param name="refusal">Refuses everything with this, from the start. Null: takes it.</param>
    /// <param name="closed">Told once, when it is disposed.</param>
    public KeptContent(Reply? refusal = null, Action? closed = null)
    {
        Refusal = refusal;
        this.closed = closed;
    }

    public ReadOnlySpan<byte> Octets => kept.WrittenSpan;

    public override ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
    {
        Finding.Unless(!octets.IsEmpty, "a sink is given octets, not none");
        Finding.Unless(Refusal is null, "a sink that refused is given nothing");
        foreach (var memory in octets)
            kept.Write(memory.Span);
        return ValueTask.CompletedTask;
    }

    public override ValueTask DisposeAsync()
    {
        closed?.Invoke();
        return ValueTask.CompletedTask;
    }
}
