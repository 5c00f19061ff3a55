using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Postern.Mta.Inbound.Checks;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Inbound.Filters;

/// <summary>The whole conversation with one milter about one message.</summary>
/// <remarks>
/// The message is there already, so that everything is told at once: connection, HELO, sender, recipients,
/// header, body, end. An answer that decides ends it. Whatever a milter says is an answer and never an
/// exception.
/// </remarks>
/// <param name="header">As the milters before it left it.</param>
sealed class MilterTalk(MilterConnection connection, MilterMail mail, MilterHeader header)
{
    /// <summary>More than one to each step and a change to each field that a header has.</summary>
    const int AnswersMax = 10_000;

    /// <summary>Characters of a reply that are stored with the message: a line of RFC 5321
    /// §4.5.3.1.5.</summary>
    const int TextMax = 512;

    /// <summary>What was agreed on.</summary>
    MilterSteps steps;

    int version;
    int answers;
    string? quarantine;
    bool wantsNoMoreBody;
    readonly MilterHeader given = header;
    MilterHeader changed = header;

    public async ValueTask<MilterOutcome> HoldAsync(CancellationToken limit)
    {
        var last = await NegotiateAsync(limit).ConfigureAwait(false)
            ?? await TellEnvelopeAsync(limit).ConfigureAwait(false)
            ?? await TellHeaderAsync(limit).ConfigureAwait(false)
            ?? await TellBodyAsync(limit).ConfigureAwait(false)
            ?? await EndAsync(limit).ConfigureAwait(false);
        if (last is not MilterAnswer.Nonsense)
            await LeaveAsync(limit).ConfigureAwait(false);
        return last switch
        {
            MilterAnswer.Refuse(var reply) => new MilterOutcome(
                reply.IsTransient ? MilterResult.Defer : MilterResult.Reject,
                Replies.Clean(reply.ToString(), TextMax), reply, given),
            MilterAnswer.Discard => new MilterOutcome(MilterResult.Discard, null, null, changed),
            MilterAnswer.Nonsense(var trouble) => MilterOutcome.Failed(trouble, given),
            _ when quarantine is not null =>
                new MilterOutcome(MilterResult.Quarantine, quarantine, null, changed),
            _ => new MilterOutcome(MilterResult.Accept, null, null, changed),
        };
    }

    /// <returns>Null: they understand each other.</returns>
    async ValueTask<MilterAnswer?> NegotiateAsync(CancellationToken limit)
    {
        var offer = new byte[3 * sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(offer, MilterProtocol.Version);
        BinaryPrimitives.WriteUInt32BigEndian(offer.AsSpan(4), (uint)MilterActions.Offered);
        BinaryPrimitives.WriteUInt32BigEndian(offer.AsSpan(8), (uint)MilterSteps.Offered);
        connection.Write(MilterCommand.Negotiate, offer);
        await connection.FlushAsync(limit).ConfigureAwait(false);
        var packet = await connection.ReadAsync(limit).ConfigureAwait(false);
        // libmilter hangs up on who does not offer all that its milter needs.
        if (packet.Trouble is { } trouble)
            return new MilterAnswer.Nonsense($"{trouble} when it was told that it may add, change and delete "
                + "header fields and quarantine, and no more");
        if (packet.Code != (byte)MilterCommand.Negotiate || packet.Data.Length < offer.Length)
            return new MilterAnswer.Nonsense("it does not talk as milters do");
        var wanted = BinaryPrimitives.ReadUInt32BigEndian(packet.Data.Span);
        if (wanted is < MilterProtocol.VersionMin or > MilterProtocol.Version)
            return new MilterAnswer.Nonsense(
                string.Create(null, $"it wants version {wanted} of the protocol"));
        version = (int)wanted;
        // Some ask for every action there is; what they want done is looked at when they want it. Macros that
        // it asks for behind the three numbers are told anyway.
        steps = (MilterSteps)BinaryPrimitives.ReadUInt32BigEndian(packet.Data.Span[8..]);
        return null;
    }

    /// <summary>A recipient that is refused cannot be refused alone any more. Nobody may lose mail without
    /// being told, so the whole message gets the reply; one that asks to come again goes first.</summary>
    async ValueTask<MilterAnswer?> TellEnvelopeAsync(CancellationToken limit)
    {
        MilterAnswer.Refuse? refused = null;
        foreach (var one in MilterEvents.EnvelopeOf(mail.Question))
        {
            if (one.Command == MilterCommand.Data && (refused is not null
                || version < MilterProtocol.VersionOfData))
                break;
            var answer = await TellAsync(one, limit).ConfigureAwait(false);
            if (one.Command == MilterCommand.Rcpt && answer is MilterAnswer.Refuse refusal)
                refused = refused is { Reply.IsTransient: true } ? refused
                    : refusal.Reply.IsTransient ? refusal : refused ?? refusal;
            else if (answer is not null)
                return answer;
        }
        return refused;
    }

    async ValueTask<MilterAnswer?> TellHeaderAsync(CancellationToken limit)
    {
        foreach (var one in MilterEvents.HeaderOf(given, steps, mail.Question))
        {
            if (await TellAsync(one, limit).ConfigureAwait(false) is { } answer)
                return answer;
        }
        return null;
    }

    async ValueTask<MilterAnswer?> TellBodyAsync(CancellationToken limit)
    {
        if ((steps & MilterSteps.NoBody) != 0)
            return null;
        var reader = mail.Content.OpenReader();
        try
        {
            var left = mail.BodyAt;
            while (true)
            {
                var read = await reader.ReadAtLeastAsync(MilterProtocol.DataOctetsMax, limit)
                    .ConfigureAwait(false);
                var skipped = Math.Min(left, read.Buffer.Length);
                var rest = read.Buffer.Slice(skipped);
                left -= skipped;
                if (left == 0 && (rest.Length >= MilterProtocol.DataOctetsMax || read.IsCompleted))
                {
                    var chunk = rest.Slice(0, Math.Min(rest.Length, MilterProtocol.DataOctetsMax));
                    if (!chunk.IsEmpty && await TellAsync(MilterEvents.BodyOf(chunk.ToArray()), limit)
                        .ConfigureAwait(false) is { } answer)
                        return answer;
                    rest = rest.Slice(chunk.End);
                    if (wantsNoMoreBody || (read.IsCompleted && rest.IsEmpty))
                        return null;
                }
                else if (read.IsCompleted)
                    return null;
                reader.AdvanceTo(rest.Start);
            }
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Only here may it change something.</summary>
    async ValueTask<MilterAnswer> EndAsync(CancellationToken limit)
    {
        var end = MilterEvents.EndOf(mail.Question);
        connection.Write(MilterCommand.Macros, MacrosOf(end));
        connection.Write(end.Command, end.Data);
        await connection.FlushAsync(limit).ConfigureAwait(false);
        while (true)
        {
            var answer = await HearAsync(limit).ConfigureAwait(false);
            switch (answer)
            {
                case MilterAnswer.AddField or MilterAnswer.InsertField or MilterAnswer.ChangeField:
                    if (!changed.TryApply(answer, steps, out var next))
                        return new MilterAnswer.Nonsense(
                            "it writes a field without a proper name, or far too much of them");
                    changed = next;
                    break;
                case MilterAnswer.Skip:
                    return new MilterAnswer.Nonsense("it skips the end");
                default:
                    return answer;
            }
        }
    }

    /// <returns>Null: it goes on.</returns>
    async ValueTask<MilterAnswer?> TellAsync(MilterEvent one, CancellationToken limit)
    {
        if (one.Macros.Length > 0)
            connection.Write(MilterCommand.Macros, MacrosOf(one));
        if ((steps & one.Unwanted) != 0)
            return null;
        connection.Write(one.Command, one.Data);
        var isUnanswered = (steps & one.Unanswered) != 0;
        if (!isUnanswered || connection.IsFull)
            await connection.FlushAsync(limit).ConfigureAwait(false);
        if (isUnanswered)
            return null;
        var answer = await HearAsync(limit).ConfigureAwait(false);
        switch (answer)
        {
            case MilterAnswer.Skip:
                wantsNoMoreBody |= one.Command == MilterCommand.Body;
                return null;
            case MilterAnswer.Continue:
                return null;
            case MilterAnswer.AddField or MilterAnswer.InsertField or MilterAnswer.ChangeField:
                return new MilterAnswer.Nonsense("it changes the header before it has seen the message");
            default:
                return answer;
        }
    }

    /// <summary>The next answer that says something about what is to be done next.</summary>
    async ValueTask<MilterAnswer> HearAsync(CancellationToken limit)
    {
        while (answers++ < AnswersMax)
        {
            var packet = await connection.ReadAsync(limit).ConfigureAwait(false);
            var answer = packet.Trouble is { } trouble ? new MilterAnswer.Nonsense(trouble)
                : MilterAnswer.Read(packet.Code, packet.Data.Span);
            switch (answer)
            {
                case MilterAnswer.Progress:
                    break;
                case MilterAnswer.Quarantine(var reason):
                    quarantine = reason;
                    break;
                default:
                    return answer;
            }
        }
        return new MilterAnswer.Nonsense("it does not come to an end");
    }

    /// <summary>A proper end, so that it does not take us for a client that broke down.</summary>
    async ValueTask LeaveAsync(CancellationToken limit)
    {
        try
        {
            connection.Write(MilterCommand.Quit, []);
            await connection.FlushAsync(limit).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
            // It has said what it had to say.
        }
    }

    static byte[] MacrosOf(MilterEvent one) =>
        [(byte)one.Command, .. Encoding.UTF8.GetBytes(one.Macros)];
}

/// <summary>What came of a conversation.</summary>
/// <param name="Text">See <see cref="MilterVerdict"/>.</param>
/// <param name="Reply">What it wants the peer to be told. Null: nothing.</param>
/// <param name="Header">With its changes.</param>
sealed record MilterOutcome(MilterResult Result, string? Text, Reply? Reply, MilterHeader Header)
{
    /// <summary>It changes nothing.</summary>
    public static MilterOutcome Failed(string trouble, MilterHeader header) =>
        new(MilterResult.Error, trouble, null, header);
}
