using System.IO.Pipelines;

namespace Postern.Smtp.Client;

/// <summary>Content on its way out: by DATA with dots stuffed, or in chunks as it is.</summary>
partial class SmtpClientConnection
{
    /// <summary>
    /// Content up to this size goes in one flight with MAIL and RCPT: it is sent in vain where those are
    /// refused.
    /// </summary>
    const int OneChunkOctetsMax = 64 * 1024;

    /// <summary>One chunk of larger content; each is answered before the next.</summary>
    const int ChunkOctetsMax = 1024 * 1024;

    /// <summary>One write of content: what one time-out of a data block is for.</summary>
    const int BlockOctetsMax = 64 * 1024;

    /// <summary>Pieces from here on are written where they lie.</summary>
    const int DirectOctetsMin = 16 * 1024;

    /// <summary>
    /// A connection idle for longer may have been closed: the end of the content is not sent blindly into it.
    /// </summary>
    static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(1);

    bool SendsChunks => options is { UseChunking: true, Protocol: ClientProtocol.Smtp }
        && Capabilities.Has(Extensions.Chunking);

    ContentWay WayFor(OutgoingMessage message)
    {
        if (!SendsChunks || message.Content.Octets == 0)
            return ContentWay.Data;
        var wasIdle = TransactionsBegun > 0 && clock.GetElapsedTime(lastUsedAt) > IdleMax;
        var fits = message.Content.Octets <= OneChunkOctetsMax
            && ClientTransaction.FitsOneFlight(message.Envelope) && Capabilities.Has(Extensions.Pipelining);
        return fits && !wasIdle ? ContentWay.OneChunk : ContentWay.Chunks;
    }

    async ValueTask AppendOnlyChunkAsync(ClientTransaction transaction, ContentSource content)
    {
        commands.Begin("BDAT "u8).Add(content.Octets).Add(" LAST"u8).End();
        var start = output.Count;
        var reader = content.OpenReader();
        try
        {
            while (true)
            {
                var read = await ReadContentAsync(reader);
                foreach (var segment in read.Buffer)
                    output.Append(segment.Span);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted || output.Count - start > content.Octets)
                    break;
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
        AssertOctets(output.Count - start, content);
        transaction.EndOfDataSent = true;
    }

    async ValueTask SendDataAsync(
        ClientTransaction transaction, ContentSource content, Func<ValueTask<OutgoingMessage?>>? next)
    {
        if (SpokeOutOfTurn(transaction))
            return;
        var stuffer = new DotStuffer();
        var reader = content.OpenReader();
        try
        {
            while (true)
            {
                var read = await ReadContentAsync(reader);
                foreach (var segment in read.Buffer)
                {
                    if (!await AppendStuffedAsync(transaction, stuffer, segment))
                        return;
                }
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
        // In one chunk a message needs one round trip anyway.
        var following = next is not null && Capabilities.Has(Extensions.Pipelining) && !SendsChunks
            && options.Protocol == ClientProtocol.Smtp
                ? await next()
                : null;
        output.Append(stuffer.Terminator);
        if (following is not null)
            Begin(following);
        transaction.EndOfDataSent = true;
        await FlushAsync(SmtpStage.Body);
        transaction.ContentSent();
    }

    // RFC 2920 §3.1: the end of the content may be the first command in a group. Postfix's client has sent
    // QUIT there for decades, so servers are used to it.
    void Begin(OutgoingMessage message)
    {
        if (ClientTransaction.FindObstacle(message, Capabilities, Tls, ClientProtocol.Smtp) is not null)
            return;
        var transaction = new ClientTransaction(
            message, Capabilities, ContentWay.Data, SmtpStage.MailFrom, ClientProtocol.Smtp);
        transaction.WriteFlight(commands);
        begun = (message, transaction);
    }

    async ValueTask SendChunksAsync(ClientTransaction transaction, ContentSource content)
    {
        var reader = content.OpenReader();
        try
        {
            var left = content.Octets;
            while (left > 0)
            {
                if (SpokeOutOfTurn(transaction))
                    return;
                var chunk = Math.Min(left, ChunkOctetsMax);
                left -= chunk;
                commands.Begin("BDAT "u8).Add(chunk).Add(left == 0 ? " LAST"u8 : ""u8).End();
                if (!await AppendFromAsync(transaction, reader, chunk, content))
                    return;
                transaction.EndOfDataSent = left == 0;
                await FlushAsync(SmtpStage.Body);
                if (left > 0 && !await TakeChunkReplyAsync(transaction))
                    return;
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
        transaction.ContentSent();
    }

    async ValueTask<bool> TakeChunkReplyAsync(ClientTransaction transaction)
    {
        if (await ReadReplyAsync(transaction, SmtpStage.Bdat) is not { } reply)
            return false;
        if (reply.IsPositive)
            return true;
        if (reply.IsIntermediate)
            transaction.End(
                LossCause.ProtocolError, $"unexpected reply to BDAT command: {reply}", SmtpStage.Bdat);
        else
            transaction.RefuseChunk(reply);
        return false;
    }

    /// <summary>
    /// Takes exactly <paramref name="octets"/> from the reader; the last of them waits for the flush.
    /// </summary>
    async ValueTask<bool> AppendFromAsync(
        ClientTransaction transaction, PipeReader reader, long octets, ContentSource content)
    {
        while (octets > 0)
        {
            var read = await ReadContentAsync(reader);
            var piece = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, octets));
            if (piece.IsEmpty && read.IsCompleted)
                AssertOctets(content.Octets - octets, content);
            octets -= piece.Length;
            // The last octet of a chunk goes with its flush: only from there on it may have been accepted.
            var body = octets == 0 ? piece.Slice(0, piece.Length - 1) : piece;
            foreach (var segment in body)
            {
                if (!await AppendAsync(transaction, segment))
                    return false;
            }
            if (octets == 0)
                output.Append([piece.Slice(body.Length).FirstSpan[0]]);
            reader.AdvanceTo(piece.End);
        }
        return true;
    }

    async ValueTask<bool> AppendStuffedAsync(
        ClientTransaction transaction, DotStuffer stuffer, ReadOnlyMemory<byte> piece)
    {
        while (!piece.IsEmpty)
        {
            var run = stuffer.NextRun(piece.Span, out var dotFollows);
            if (run > 0 && !await AppendAsync(transaction, piece[..run]))
                return false;
            if (dotFollows)
                output.Append("."u8);
            piece = piece[run..];
        }
        return true;
    }

    /// <summary>
    /// Adds a piece to the next write, or writes it where it lies. False: the peer ended the transaction.
    /// </summary>
    async ValueTask<bool> AppendAsync(ClientTransaction transaction, ReadOnlyMemory<byte> piece)
    {
        var isDirect = piece.Length >= DirectOctetsMin;
        if (output.Count > 0 && (isDirect || output.Count + piece.Length > BlockOctetsMax))
        {
            if (!await WriteBlockAsync(transaction, output.Written))
                return false;
            output.CutTo(0);
        }
        while (piece.Length >= DirectOctetsMin)
        {
            var block = piece[..Math.Min(piece.Length, BlockOctetsMax)];
            if (!await WriteBlockAsync(transaction, block))
                return false;
            piece = piece[block.Length..];
        }
        output.Append(piece.Span);
        return true;
    }

    async ValueTask<bool> WriteBlockAsync(ClientTransaction transaction, ReadOnlyMemory<byte> block)
    {
        if (replies.SpokeFirst(abort.Token) && !abort.IsCancellationRequested)
            return await TakeEarlyReplyAsync(transaction);
        deadline.Begin(options.Timeouts.DataBlock);
        try
        {
            await stream.WriteAsync(block, abort.Token);
            return true;
        }
        catch (IOException) when (!abort.IsCancellationRequested)
        {
            // A peer that has had enough says why and closes; its words may still be there.
            return await TakeEarlyReplyAsync(transaction);
        }
    }

    /// <summary>
    /// A reply in the middle of the content: only a refusal makes sense, and the connection is over.
    /// </summary>
    async ValueTask<bool> TakeEarlyReplyAsync(ClientTransaction transaction)
    {
        if (await ReadReplyAsync(transaction, SmtpStage.Body) is not { } reply)
            return false;
        isBroken = true;
        if (reply.Code >= 400)
            transaction.RefuseEarly(reply);
        else
            transaction.End(
                LossCause.ProtocolError, $"reply before the end of the content: {reply}", SmtpStage.Body);
        return false;
    }

    /// <summary>
    /// Our own disk is not the peer's fault: a failure to read is never taken for a lost connection.
    /// </summary>
    async ValueTask<ReadResult> ReadContentAsync(PipeReader reader)
    {
        try
        {
            return await reader.ReadAsync(abort.Token);
        }
        catch (IOException e)
        {
            isBroken = true;
            throw new InvalidDataException("The content could not be read.", e);
        }
    }

    void AssertOctets(long octets, ContentSource content)
    {
        if (octets == content.Octets)
            return;
        isBroken = true;
        throw new InvalidDataException($"The content has {octets} octets instead of {content.Octets}.");
    }
}
