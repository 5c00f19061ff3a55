using System.Collections.Concurrent;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Inbound.Filters;

/// <summary>Asks milters about a message, one after the other.</summary>
/// <remarks>One connection for each message, so that none is found closed in the middle of one. The message
/// is streamed and never whole in memory. Nothing that a milter says or does not say makes it throw, and each
/// ends within its <see cref="MilterOptions.Timeout"/>.</remarks>
/// <param name="note">Told how each does, each time that it was asked.</param>
sealed class MilterFilter(FilterConnect connect, FilterNote note, TimeProvider clock)
{
    /// <summary>To one milter at the same time: Postfix's default_process_limit, since each of its processes
    /// has one.</summary>
    const int ConnectionsMax = 100;

    readonly ConcurrentDictionary<FilterAddress, SemaphoreSlim> places = [];

    /// <summary>How alarms call it.</summary>
    public static string NameOf(MilterOptions options) => $"milter {options.Name}";

    public async ValueTask<MilterAnswers> AskAsync(
        IReadOnlyList<MilterOptions> milters, FilterQuestion question, StoredContent content,
        CancellationToken cancel)
    {
        if (milters.Count == 0)
            return MilterAnswers.None;
        var mail = await MilterMail.ReadAsync(question, content, cancel).ConfigureAwait(false);
        var header = mail.Header;
        var answers = MilterAnswers.None with { Verdicts = [] };
        foreach (var options in milters)
        {
            if (answers.IsDecided || content.Octets > options.SizeMax)
            {
                answers = answers.With(new MilterVerdict(options.Name, MilterResult.Skipped, null));
                continue;
            }
            var outcome = await AskAsync(options, mail, header, cancel).ConfigureAwait(false);
            header = outcome.Header;
            answers = answers.With(options, outcome);
        }
        return answers with { Fields = header.Compose(), Cuts = header.Cuts };
    }

    async ValueTask<MilterOutcome> AskAsync(
        MilterOptions options, MilterMail mail, MilterHeader header, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(options.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var outcome = await TalkAsync(options.Address!, mail, header, either.Token, cancel)
            .ConfigureAwait(false);
        note(NameOf(options), outcome.Result == MilterResult.Error ? outcome.Text : null);
        return outcome;
    }

    async ValueTask<MilterOutcome> TalkAsync(
        FilterAddress address, MilterMail mail, MilterHeader header, CancellationToken limit,
        CancellationToken cancel)
    {
        var place = places.GetOrAdd(address, _ => new SemaphoreSlim(ConnectionsMax));
        var isIn = false;
        try
        {
            await place.WaitAsync(limit).ConfigureAwait(false);
            isIn = true;
            var stream = await connect(address, limit).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                return await new MilterTalk(new MilterConnection(stream), mail, header).HoldAsync(limit)
                    .ConfigureAwait(false);
            }
        }
        catch (Exception broken) when (FilterFailure.IsOf(broken, cancel))
        {
            return MilterOutcome.Failed(FilterFailure.ReasonOf(broken), header);
        }
        finally
        {
            if (isIn)
                place.Release();
        }
    }
}

/// <summary>What milters said of one message, and what is done about it.</summary>
/// <param name="Verdicts">In the order of the configuration. Null: none is configured.</param>
/// <param name="Refusal">Null: it is taken, as far as they are concerned.</param>
/// <param name="Quarantine">Why it is held. Null: it is not.</param>
/// <param name="Fields">Whole header fields of theirs.</param>
/// <param name="Cuts">Fields that they deleted or changed.</param>
sealed record MilterAnswers(
    IReadOnlyList<MilterVerdict>? Verdicts, Reply? Refusal, string? Quarantine, string Fields,
    IReadOnlyList<ContentRange> Cuts)
{
    public static readonly MilterAnswers None = new(null, null, null, "", []);

    /// <summary>No other milter changes it.</summary>
    public bool IsDecided { get; private init; }

    public MilterAnswers With(MilterVerdict verdict) => this with { Verdicts = [.. Verdicts ?? [], verdict] };

    public MilterAnswers With(MilterOptions options, MilterOutcome outcome)
    {
        var answers = With(new MilterVerdict(options.Name, outcome.Result, outcome.Text));
        return outcome.Result switch
        {
            MilterResult.Error when options.WhenDown == MilterOutage.Defer =>
                answers with { Refusal = MilterReply.Deferred, IsDecided = true },
            MilterResult.Reject or MilterResult.Defer when options.Decides =>
                answers with { Refusal = outcome.Reply, IsDecided = true },
            MilterResult.Quarantine when options.Decides =>
                answers with { Quarantine = $"milter {options.Name}: {outcome.Text}" },
            // What was acknowledged is not thrown away: somebody may look at it, and let it go.
            MilterResult.Discard when options.Decides =>
                answers with { Quarantine = $"milter {options.Name} would discard it", IsDecided = true },
            _ => answers,
        };
    }
}
