using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Postern.Smtp;

namespace Postern.Mta.Transports.Forward;

/// <summary>Fields as <c>application/x-www-form-urlencoded</c>, and behind them perhaps the message as it
/// is, streamed as it is read.</summary>
/// <remarks>May be sent again by the connection where the server says that it has not looked at it; one
/// sending at a time. The content stays its owner's.</remarks>
sealed class UrlEncodedForm : HttpContent
{
    const int StepOctetsMax = 16 << 10;

    static readonly SearchValues<byte> Plain = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._*"u8);

    readonly ReadOnlyMemory<byte> head;
    readonly ContentSource? message;
    readonly long messageOctets;
    TaskCompletionSource sending = new();

    UrlEncodedForm(ReadOnlyMemory<byte> head, ContentSource? message, long messageOctets)
    {
        this.head = head;
        this.message = message;
        this.messageOctets = messageOctets;
        Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        sending.SetResult();
    }

    /// <summary>The content could not be read. Null: it could.</summary>
    public Exception? SourceTrouble { get; private set; }

    /// <summary>Nothing reads the content any more.</summary>
    public Task Idle => sending.Task;

    /// <param name="message">Becomes <c>body-mime</c>; read once to know how long it will be. Null: there is
    /// no such field.</param>
    public static async ValueTask<UrlEncodedForm> MakeAsync(
        FormFields fields, ContentSource? message, CancellationToken cancel)
    {
        var head = new ArrayBufferWriter<byte>();
        foreach (var (name, value) in fields.All)
        {
            if (head.WrittenCount > 0)
                head.Write("&"u8);
            Encode(System.Text.Encoding.UTF8.GetBytes(name), head);
            head.Write("="u8);
            Encode(value, head);
        }
        if (message is null)
            return new UrlEncodedForm(head.WrittenMemory, null, 0);
        head.Write("&body-mime="u8);
        var octets = 0L;
        await ForEachAsync(message, piece =>
        {
            octets += piece.Length;
            return ValueTask.CompletedTask;
        }, cancel).ConfigureAwait(false);
        return new UrlEncodedForm(head.WrittenMemory, message, octets);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = head.Length + messageOctets;
        return true;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await stream.WriteAsync(head, cancellationToken).ConfigureAwait(false);
            if (message is not null)
                await ForEachAsync(
                    message, piece => stream.WriteAsync(piece, cancellationToken), cancellationToken,
                    trouble => SourceTrouble = trouble).ConfigureAwait(false);
        }
        finally
        {
            sending.SetResult();
        }
    }

    /// <summary>Encoded pieces of the content, one after the other.</summary>
    static async ValueTask ForEachAsync(
        ContentSource message, Func<ReadOnlyMemory<byte>, ValueTask> take, CancellationToken cancel,
        Action<Exception>? trouble = null)
    {
        var reader = message.OpenReader();
        var encoded = new ArrayBufferWriter<byte>(3 * StepOctetsMax);
        try
        {
            while (await ReadAsync(reader, trouble, cancel).ConfigureAwait(false)
                is { Buffer.IsEmpty: false } read)
            {
                var step = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, StepOctetsMax));
                try
                {
                    encoded.ResetWrittenCount();
                    foreach (var piece in step)
                        Encode(piece.Span, encoded);
                    await take(encoded.WrittenMemory).ConfigureAwait(false);
                }
                finally
                {
                    reader.AdvanceTo(step.End);
                }
            }
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    static async ValueTask<ReadResult> ReadAsync(
        PipeReader reader, Action<Exception>? trouble, CancellationToken cancel)
    {
        try
        {
            return await reader.ReadAsync(cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            trouble?.Invoke(e);
            throw;
        }
    }

    /// <summary>Octet by octet: a charset of whatever kind comes through.</summary>
    static void Encode(ReadOnlySpan<byte> octets, ArrayBufferWriter<byte> to)
    {
        while (!octets.IsEmpty)
        {
            var plain = octets.IndexOfAnyExcept(Plain);
            plain = plain < 0 ? octets.Length : plain;
            to.Write(octets[..plain]);
            octets = octets[plain..];
            if (octets.IsEmpty)
                return;
            if (octets[0] == (byte)' ')
                to.Write("+"u8);
            else
            {
                var code = to.GetSpan(3);
                code[0] = (byte)'%';
                code[1] = "0123456789ABCDEF"u8[octets[0] >> 4];
                code[2] = "0123456789ABCDEF"u8[octets[0] & 15];
                to.Advance(3);
            }
            octets = octets[1..];
        }
    }
}
