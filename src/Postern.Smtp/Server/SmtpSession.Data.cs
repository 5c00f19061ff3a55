using System.Text;

namespace Postern.Smtp.Server;

/// <summary>DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030 §2).</summary>
sealed partial class SmtpSession
{
    bool isLastChunk;

    /// <summary>Where the content of this transaction goes. Null before DATA or the first BDAT.</summary>
    public ContentIntake? Intake { get; private set; }

    ValueTask<Step> DataAsync(ReadOnlySpan<byte> argument, CancellationToken cancel)
    {
        if (!argument.IsEmpty)
            return Now(Answer(Verb.Data, Text(argument), Replies.DataSyntax));
        if (MissingForContent() is { } missing)
            return Now(Answer(Verb.Data, "", missing));
        // RFC 3030 §2: DATA after BDAT is out of order.
        if (Intake is not null)
            return Now(Answer(Verb.Data, "", Replies.InsideBdat));
        return OpenDataAsync(cancel);
    }

    async ValueTask<Step> OpenDataAsync(CancellationToken cancel)
    {
        await OpenIntakeAsync(cancel);
        return Intake?.Refusal is { } refusal
            ? await EndTransactionAsync(Verb.Data, refusal)
            : new Step(Replies.StartContent, Then.ReadData);
    }

    ValueTask<Step> BdatAsync(ReadOnlySpan<byte> argument, CancellationToken cancel)
    {
        var space = argument.IndexOf((byte)' ');
        var count = space < 0 ? argument : argument[..space];
        var last = space < 0 ? [] : argument[space..].Trim((byte)' ');
        if (!TryReadCount(count, out var octets))
            return Now(RefuseLine(Verb.Bdat, Text(argument), Replies.BdatSyntax));
        if (!last.IsEmpty && !Ascii.EqualsIgnoreCase(last, "LAST"u8))
            return Now(Skip(octets, Replies.BdatSyntax));
        if (MissingForContent() is { } missing)
            return Now(Skip(octets, missing));
        isLastChunk = !last.IsEmpty;
        return OpenChunkAsync(octets, cancel);
    }

    async ValueTask<Step> OpenChunkAsync(long octets, CancellationToken cancel)
    {
        if (Intake is null)
            await OpenIntakeAsync(cancel);
        // The declared size is checked before use: no sum here can overflow.
        var refusal = octets > options.ContentOctetsMax - Intake!.Octets ? host.SizeExceeded : Intake.Refusal;
        if (refusal is null)
            return new Step(null, Then.ReadChunk, octets);
        await AbandonAsync();
        return Skip(octets, refusal);
    }

    /// <summary>DATA has ended, or a chunk is complete: the reply to it.</summary>
    public async ValueTask<Step> ContentReadAsync(Then what, long octets)
    {
        var verb = what == Then.ReadChunk ? Verb.Bdat : Verb.Data;
        var intake = Intake!;
        if (intake.Refusal is { } refusal)
            return await EndTransactionAsync(verb, refusal);
        if (verb == Verb.Bdat && !isLastChunk)
            return Answer(verb, "", Replies.ChunkOk(octets));
        // The content is whole: it is accepted or refused even when we are stopping.
        var reply = await policy.AcceptAsync(facts, transaction!, intake.Sink, CancellationToken.None);
        if (reply.IsPositive)
            errors = junk = 0;
        return await EndTransactionAsync(verb, reply);
    }

    /// <summary>More content came than is ever read on for.</summary>
    public Step ContentEndless() =>
        Answer(Verb.Data, "", host.SizeExceeded) with { Then = Then.Close, End = SessionEnd.ProtocolError };

    async ValueTask OpenIntakeAsync(CancellationToken cancel)
    {
        var sink = await policy.OpenContentAsync(facts, transaction!, cancel);
        Intake = new ContentIntake(sink, options.ContentOctetsMax, host.SizeExceeded);
    }

    async ValueTask<Step> EndTransactionAsync(Verb verb, Reply reply)
    {
        var step = Answer(verb, "", reply);
        await AbandonAsync();
        return step;
    }

    Reply? MissingForContent() =>
        transaction is null ? Replies.MailFirst
        : transaction.Recipients.Count > 0 ? null
        : refusedRecipients > 0 ? Replies.NoValidRecipients
        : Replies.RcptFirst;

    // RFC 3030 §2: the octets of a refused chunk are on their way and are no commands.
    Step Skip(long octets, Reply reply)
    {
        var step = Answer(Verb.Bdat, "", reply);
        if (step.Then == Then.Close)
            return step;
        return octets > options.DiscardedOctetsMax
            ? step with { Then = Then.Close, End = SessionEnd.ProtocolError }
            : step with { Then = Then.SkipChunk, Octets = octets };
    }

    static bool TryReadCount(ReadOnlySpan<byte> digits, out long octets)
    {
        octets = 0;
        // RFC 3030 §2: 1 to 20 digits; 18 of them are more than anything sends, and fit a long.
        if (digits.Length is 0 or > 18 || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return false;
        foreach (var digit in digits)
            octets = (octets * 10) + digit - '0';
        return true;
    }
}
