using System.IO.Pipelines;
using System.Net.Sockets;

namespace Postern.Smtp.Client;

/// <summary>
/// Bytes and time of one connection to a relay; the rules are in the session and the transaction.
/// </summary>
/// <remarks>
/// One caller at a time. A time-out, a broken connection, a protocol error or 421 ends it for good
/// (<see cref="IsReusable"/>); everything else leaves it ready for the next message.
/// </remarks>
public sealed partial class SmtpClientConnection : IAsyncDisposable
{
    /// <summary>For the reply to MAIL that went out with the content before: who does not answer soon has not
    /// heard it, and a fresh connection has the usual time.</summary>
    static readonly TimeSpan BegunReplyMax = TimeSpan.FromSeconds(10);

    readonly SmtpClientOptions options;
    readonly TimeProvider clock;
    readonly CancellationTokenSource abort = new();
    readonly StepDeadline deadline;
    readonly OutputBuffer output = new();
    readonly CommandWriter commands;
    readonly Stream wire;
    Stream stream;
    ReplyReader replies;
    SmtpStage nextFirstStage = SmtpStage.MailFrom;
    (OutgoingMessage Message, ClientTransaction Transaction)? begun;
    ClientTransaction? last;
    bool wasBegun;
    long lastUsedAt;

    SmtpClientConnection(Stream wire, SmtpClientOptions options, TimeProvider clock)
    {
        this.wire = wire;
        this.options = options;
        this.clock = clock;
        stream = wire;
        commands = new CommandWriter(output);
        deadline = new StepDeadline(clock, abort.Cancel);
        replies = ReadFrom(wire);
    }

    /// <summary>What the relay offers now.</summary>
    public Capabilities Capabilities { get; private set; } = Capabilities.None;

    /// <summary>Null: plain.</summary>
    public ClientTlsFacts? Tls { get; private set; }

    /// <summary>Another message may be sent; the one that was <see cref="Begun"/> where there is
    /// one.</summary>
    public bool IsReusable { get; private set; }

    /// <summary>The message whose commands went out with the end of the one before it. Null: none.</summary>
    public OutgoingMessage? Begun => begun?.Message;

    /// <summary>Transactions begun on this connection, each with MAIL sent.</summary>
    public int TransactionsBegun { get; private set; }

    /// <summary>Speaks SMTP over a stream until messages can be sent, or says why not.</summary>
    /// <param name="wire">A connected stream; it belongs to the connection from here on and is closed on
    /// failure.</param>
    /// <param name="cancel">Cancelled: the outcome is <see cref="LossCause.Stopped"/>.</param>
    public static ValueTask<OpenResult> OpenAsync(
        Stream wire, SmtpClientOptions options, TimeProvider clock, CancellationToken cancel) =>
        OpenAsync(wire, options, clock, new SetUpTalk(), cancel);

    /// <inheritdoc cref="OpenAsync(Stream, SmtpClientOptions, TimeProvider, CancellationToken)"/>
    /// <param name="talk">Gets what was said.</param>
    public static async ValueTask<OpenResult> OpenAsync(
        Stream wire, SmtpClientOptions options, TimeProvider clock, SetUpTalk talk, CancellationToken cancel)
    {
        var connection = new SmtpClientConnection(wire, options, clock);
        using var stop = cancel.UnsafeRegister(
            static c => ((SmtpClientConnection)c!).abort.Cancel(), connection);
        var result = await connection.SetUpAsync(talk, cancel);
        talk.End(result, clock.GetTimestamp());
        if (result is not OpenResult.Ready)
            await connection.DisposeAsync();
        return result;
    }

    /// <summary>Sends one message. Never throws for what the peer did.</summary>
    /// <param name="next">Asked for the message after this one, just before the end of the content: what it
    /// gives may be <see cref="Begun"/> then. It does not throw. Null: there is none.</param>
    public async ValueTask<TransactionResult> SendAsync(
        OutgoingMessage message, Func<ValueTask<OutgoingMessage?>>? next, CancellationToken cancel)
    {
        if (!IsReusable || (begun is not null && begun.Value.Message != message))
            throw new InvalidOperationException("The connection has ended, or another message was begun.");
        if (begun is null && ClientTransaction.FindObstacle(
            message, Capabilities, Tls, options.Protocol) is { } obstacle)
            return obstacle;
        // Until the end is known to be clean the connection is not to be used again.
        IsReusable = false;
        using var stop = cancel.UnsafeRegister(static c => ((SmtpClientConnection)c!).abort.Cancel(), this);
        var transaction = TakeBegun();
        wasBegun = transaction is not null;
        last = null;
        transaction ??= new ClientTransaction(
            message, Capabilities, WayFor(message), nextFirstStage, options.Protocol);
        try
        {
            if (!wasBegun && replies.SpokeFirst(abort.Token) && !abort.IsCancellationRequested)
                return await SpokeWhileIdleAsync();
            TransactionsBegun++;
            last = transaction;
            await ConverseAsync(transaction, message.Content, next);
        }
        catch (Exception e) when (IsLoss(e))
        {
            transaction.End(CauseOf(e, cancel), DetailOf(e, transaction.Stage));
        }
        finally
        {
            deadline.End();
            output.Release();
        }
        Conclude(transaction);
        return transaction.Result is TransactionResult.Lost lost && IsEndOfIdleness(lost)
            ? new TransactionResult.ClosedWhileIdle(lost.Detail)
            {
                WasDeaf = lost.Cause == LossCause.TimedOut,
            }
            : transaction.Result;
    }

    /// <summary>The peer closed while MAIL was on its way: on a kept connection that is the end of its
    /// patience. Or MAIL went out with the content before it, and it threw that away.</summary>
    bool IsEndOfIdleness(TransactionResult.Lost lost) =>
        TransactionsBegun > 1 && lost.Stage is SmtpStage.Reset or SmtpStage.MailFrom
        && (lost.Cause is LossCause.PeerClosed or LossCause.Broken
            || (wasBegun && lost.Cause == LossCause.TimedOut));

    ClientTransaction? TakeBegun()
    {
        var transaction = begun?.Transaction;
        begun = null;
        return transaction;
    }

    /// <summary>What was said in the last transaction; once, so that nothing holds its message. Null: it was
    /// taken, or nothing was said.</summary>
    public TransactionTalk? TakeTalk()
    {
        var talk = last is null ? null : new TransactionTalk(last);
        last = null;
        return talk;
    }

    /// <summary>Says QUIT where that makes sense, waits a moment for the reply and closes.</summary>
    public async ValueTask DisposeAsync()
    {
        IsReusable = false;
        try
        {
            // Where DATA is under way QUIT would be content: closing ends it (RFC 5321 §4.1.1.10).
            if (!abort.IsCancellationRequested && begun is null)
                await QuitAsync();
        }
        catch (Exception e) when (IsLoss(e))
        {
            // Nothing depends on it.
        }
        await abort.CancelAsync();
        await replies.CompleteAsync();
        deadline.Dispose();
        output.Release();
        await stream.DisposeAsync();
        await wire.DisposeAsync();
    }

    async ValueTask ConverseAsync(
        ClientTransaction transaction, ContentSource content, Func<ValueTask<OutgoingMessage?>>? next)
    {
        while (true)
        {
            switch (transaction.Move)
            {
                case TransactionMove.SendFlight:
                    await SendFlightAsync(transaction, content);
                    break;
                case TransactionMove.AwaitReply:
                    if (await ReadReplyAsync(transaction, transaction.Stage) is { } reply)
                        transaction.Take(reply, clock.GetTimestamp());
                    break;
                case TransactionMove.SendContent:
                    await SendDataAsync(transaction, content, next);
                    break;
                case TransactionMove.SendChunks:
                    await SendChunksAsync(transaction, content);
                    break;
                case TransactionMove.SendLoneDot:
                    output.Append(".\r\n"u8);
                    await FlushAsync(SmtpStage.EndOfData);
                    transaction.ContentSent();
                    break;
                case TransactionMove.Finish:
                    await ForgetIfAskedForNothingAsync(transaction);
                    return;
            }
        }
    }

    /// <summary>A peer that said 2xx to DATA is told to forget the transaction, and left.</summary>
    async ValueTask ForgetIfAskedForNothingAsync(ClientTransaction transaction)
    {
        if (isBroken || transaction.Result is not TransactionResult.Lost { Stage: SmtpStage.Data })
            return;
        commands.Begin("RSET"u8).End();
        await FlushAsync(SmtpStage.Reset);
    }

    async ValueTask SendFlightAsync(ClientTransaction transaction, ContentSource content)
    {
        if (SpokeOutOfTurn(transaction))
            return;
        transaction.WriteFlight(commands);
        if (transaction.FlightCarriesChunk)
            await AppendOnlyChunkAsync(transaction, content);
        await FlushAsync(transaction.Stage);
    }

    /// <summary>The next reply; null when the transaction has ended instead.</summary>
    async ValueTask<Reply?> ReadReplyAsync(ClientTransaction transaction, SmtpStage stage)
    {
        var limit = options.Timeouts.Of(stage);
        if (wasBegun && stage == SmtpStage.MailFrom && limit > BegunReplyMax)
            limit = BegunReplyMax;
        deadline.Begin(limit);
        var read = await replies.ReadAsync(abort.Token);
        if (read.Reply is null)
            transaction.End(read.Cause, DetailOf(read.Cause, stage), stage);
        return read.Reply;
    }

    /// <summary>
    /// Octets that came before anything was asked are answers to nothing: the peer, or somebody, cheats.
    /// </summary>
    bool SpokeOutOfTurn(ClientTransaction transaction)
    {
        if (!replies.SpokeFirst(abort.Token) || abort.IsCancellationRequested)
            return false;
        transaction.End(
            LossCause.ProtocolError, $"octets or the end came before {transaction.Stage.Activity()}");
        return true;
    }

    /// <summary>
    /// A kept connection ended between two messages, with or without a farewell (RFC 5321 §3.8).
    /// </summary>
    async ValueTask<TransactionResult> SpokeWhileIdleAsync()
    {
        var isFresh = TransactionsBegun == 0;
        isBroken = true;
        deadline.Begin(options.Timeouts.Quit);
        ReplyRead read;
        try
        {
            read = await replies.ReadAsync(abort.Token);
        }
        catch (Exception e) when (IsLoss(e) && !isFresh && !abort.IsCancellationRequested)
        {
            // A reset is one more way to close.
            return new TransactionResult.ClosedWhileIdle(e.Message);
        }
        if (read.Reply is { Code: not 421 } || read.Cause == LossCause.ProtocolError || (
            isFresh && read.Reply is null))
        {
            var cause = read.Reply is null ? read.Cause : LossCause.ProtocolError;
            return new TransactionResult.Lost(
                SmtpStage.MailFrom, cause, "octets or the end came before sending MAIL FROM", []);
        }
        return read.Reply is { } farewell && isFresh
            ? new TransactionResult.PeerClosing(SmtpStage.MailFrom, farewell, [])
            : new TransactionResult.ClosedWhileIdle(
                read.Reply?.ToString() ?? "the peer had closed the connection");
    }

    void Conclude(ClientTransaction transaction)
    {
        lastUsedAt = clock.GetTimestamp();
        transaction.EndedAt = lastUsedAt;
        nextFirstStage = transaction.LeavesPeerInside ? SmtpStage.Reset : SmtpStage.MailFrom;
        IsReusable = !abort.IsCancellationRequested && !isBroken
            && transaction.Result is TransactionResult.Completed or TransactionResult.MailRefused
                or TransactionResult.NoRecipientAccepted or TransactionResult.DataRefused
                or TransactionResult.Delivered { IsOver: false };
        if (!IsReusable)
            begun = null;
    }

    async ValueTask QuitAsync()
    {
        if (isBroken)
            return;
        output.CutTo(0);
        deadline.Begin(options.Timeouts.Quit);
        commands.Begin("QUIT"u8).End();
        await stream.WriteAsync(output.Written, abort.Token);
        // RFC 5321 §4.1.1.10: the client waits for the reply before it closes.
        await replies.ReadAsync(abort.Token);
    }

    async ValueTask FlushAsync(SmtpStage stage)
    {
        deadline.Begin(options.Timeouts.Of(stage));
        await stream.WriteAsync(output.Written, abort.Token);
        output.CutTo(0);
    }

    LossCause CauseOf(Exception e, CancellationToken cancel)
    {
        isBroken = true;
        if (deadline.HasExpired)
            return LossCause.TimedOut;
        return e is OperationCanceledException || cancel.IsCancellationRequested
            ? LossCause.Stopped
            : LossCause.Broken;
    }

    string DetailOf(Exception e, SmtpStage stage)
    {
        if (deadline.HasExpired)
            return DetailOf(LossCause.TimedOut, stage);
        return e is OperationCanceledException
            ? DetailOf(LossCause.Stopped, stage)
            : $"lost connection while {stage.Activity()}: {e.Message}";
    }

    string DetailOf(LossCause cause, SmtpStage stage)
    {
        isBroken = true;
        return cause switch
        {
            LossCause.TimedOut => $"conversation timed out while {stage.Activity()}",
            LossCause.Stopped => $"stopped while {stage.Activity()}",
            LossCause.ProtocolError => $"malformed reply while {stage.Activity()}",
            _ => $"lost connection while {stage.Activity()}",
        };
    }

    static bool IsLoss(Exception e) =>
        e is IOException or SocketException or ObjectDisposedException or OperationCanceledException;

    static ReplyReader ReadFrom(Stream stream) =>
        new(PipeReader.Create(
            stream, new StreamPipeReaderOptions(bufferSize: 4096, minimumReadSize: 1024, leaveOpen: true)));
}
